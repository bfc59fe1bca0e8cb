"""What the files for the plugins' engine have in common (`plugins/engine/weights.hpp`): header, tensors, names."""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
from torch import Tensor, nn

from latentmix.errors import InputError

from .model.layers import BeatBlock, BeatStack
from .plugin_limits import MAX_PIECE_STEPS, MAX_TEMPO, MIN_TEMPO

MAGIC, VERSION, HEADER_BYTES = b"LATNTMIX", 1, 512
PANEL = 16  # output columns of a matrix that lie side by side
MAX_TEXT = 63  # bytes of UTF-8
SIZES = 11
ASTRAY = "expected weights that are numbers, found NaN or infinity: the training went astray; train the model again"
ID_FORM = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"
MELODIES, DRUMS = 0, 1  # kinds


def weight_file(
    kind: int,
    names: Sequence[str],
    sizes: Sequence[int],
    tensors: Iterable[np.ndarray],
    pieces: Iterable[bytes],
    *,
    fusion: float = 0.0,
    half: bool = False,
) -> bytes:
    """The bytes of a file. Values are float16 where that loses nothing, else float32.

    Args:
        kind: `MELODIES` or `DRUMS`.
        names: of the plugin, its id, and of attributes, which have been checked.
        sizes: at most 11.
        tensors: in the order of the file.
        pieces: that the plugin starts with, as they stand in the file.
        fusion: of melodies.
        half: float16 in any case.

    Raises:
        InputError: a value is no number: no plugin would read it.
    """
    values = np.concatenate([part.ravel() for part in tensors])
    halved = values.astype(np.float16)
    as_half = half or bool((halved.astype(np.float32) == values).all())
    stored = halved if as_half else values
    if not np.isfinite(stored).all():
        raise InputError(ASTRAY)
    data = stored.tobytes()
    filled = [*sizes, *[0] * (SIZES - len(sizes))]
    body = struct.pack("<16sI11IfI", hashlib.sha256(data).digest()[:16], 2 if as_half else 4, *filled, fusion, kind)
    name, plugin_id, *attributes = (each.encode() for each in names)
    body += struct.pack("<64s64s", name, plugin_id) + b"".join(struct.pack("<16s", each) for each in attributes)
    body = body.ljust(HEADER_BYTES - 24, b"\0") + data + b"".join(pieces)
    checked = struct.pack("<Q", 16 + 8 + len(body)) + body
    return MAGIC + struct.pack("<II", VERSION, zlib.crc32(checked)) + checked


def piece_head(name: str, steps: int, metre: tuple[int, int], program: int, tempo: float) -> bytes:
    """What stands before the notes of a piece, of which a tempo beyond what plugins keep is the nearest that they do.

    Raises:
        InputError: too long.
    """
    if steps > MAX_PIECE_STEPS:
        raise InputError(f"{name or 'piece'}: expected at most {MAX_PIECE_STEPS} sixteenths, found {steps}")
    cut = name.encode()[:MAX_TEXT].decode(errors="ignore").encode()
    return struct.pack("<64s4If12x", cut, steps, *metre, program, min(max(tempo, MIN_TEMPO), MAX_TEMPO))


def check_names(name: str, plugin_id: str) -> None:
    """
    Raises:
        InputError: they cannot be.
    """
    if not name.strip() or len(name.encode()) > MAX_TEXT or not name.isprintable():
        raise InputError(f"expected a plugin name of 1 to {MAX_TEXT} bytes, found {name!r}")
    if len(plugin_id) > MAX_TEXT or not re.fullmatch(ID_FORM, plugin_id):
        raise InputError(
            f"expected an id such as org.example.my-tunes, at most {MAX_TEXT} letters a-z, digits and . _ - between "
            f"them, found {plugin_id!r}"
        )


def stack(layers: BeatStack, outputs: int | None = None) -> Iterator[np.ndarray]:
    """Of a stack's outputs the first so many, all if None."""
    yield from linear(layers.enter)
    yield vector(layers.places)
    for block in cast(Iterable[BeatBlock], layers.blocks):
        yield from norm(block.norm)
        yield from linear(block.up)
        yield from linear(block.down)
        yield from norm(block.norm_across)
        yield from linear(block.gather)
        yield from linear(block.spread)
    last, leave = cast(tuple[nn.LayerNorm, nn.Linear], tuple(layers.leave))
    yield from norm(last)
    yield panels(leave.weight[:outputs].T)
    yield vector(leave.bias[:outputs])


def linear(layer: nn.Linear) -> Iterator[np.ndarray]:
    """Weights and bias."""
    yield panels(layer.weight.T)
    yield vector(layer.bias)


def norm(layer: nn.LayerNorm | nn.GroupNorm) -> Iterator[np.ndarray]:
    """Gain and offset."""
    yield vector(layer.weight)
    yield vector(layer.bias)


def vector(tensor: Tensor) -> np.ndarray:
    """Filled up with zeros to a multiple of 16."""
    flat = tensor.detach().cpu().float().numpy().ravel()
    return np.pad(flat, (0, -len(flat) % PANEL))


def panels(matrix: Tensor) -> np.ndarray:
    """(inputs, outputs) -> (panels, inputs, 16), the last panel filled up with zeros."""
    array = matrix.detach().cpu().float().numpy()
    padded = np.pad(array, ((0, 0), (0, -array.shape[1] % PANEL)))
    return padded.reshape(len(array), -1, PANEL).transpose(1, 0, 2)
