"""A melody model as the one flat file that the plugins' engine reads, laid out as `plugins/engine/weights.hpp` says.

MelodyVAE, melodies -> header of 512 bytes, tensors in the order in which the engine uses them, melodies
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from latentmix.errors import InputError

from .interpolation import check_mixable
from .model.layers import BeatBlock, BeatStack
from .music.melody import Melody
from .music.windows import WINDOW_STEPS, window_layout
from .vae import MelodyVAE

MAGIC, VERSION, HEADER_BYTES = b"LATNTMIX", 1, 512
PANEL = 16  # output columns of a matrix that lie side by side
MAX_TEXT, MAX_ATTRIBUTE_TEXT, MAX_ATTRIBUTES = 63, 15, 8  # bytes of UTF-8; how many
MAX_MELODIES, MAX_MELODY_STEPS = 8, 4096
ID_FORM = r"[a-z0-9]+(?:[._-][a-z0-9]+)*"


def plugin_weights(
    model: MelodyVAE, name: str, plugin_id: str, melodies: Sequence[Melody] = (), *, half: bool = False
) -> bytes:
    """The file's bytes. Values are float16 where that loses nothing, as with the shipped weights, else float32.

    Args:
        model: a model whose code is what the encoder says, without a further step: Gaussian, sparse, denoising ...
        name: what hosts show, at most 63 bytes of UTF-8.
        plugin_id: what projects name the plugin by, such as `org.example.my-tunes`.
        melodies: at most 8, that the plugin starts with.
        half: float16 in any case, half the size; notes may differ here and there.

    Raises:
        InputError: another kind of model, a name or id that cannot be, melodies that the plugin cannot hold.
    """
    check_mixable(model)
    _check_encoder(model)
    _check_names(model, name, plugin_id)
    values = np.concatenate([part.ravel() for part in _tensors(model)])
    halved = values.astype(np.float16)
    as_half = half or bool((halved.astype(np.float32) == values).all())
    data = (halved if as_half else values).tobytes()
    config = model.config
    sizes = [
        *(config.latent_size, config.width, config.across, config.encoder_blocks, config.decoder_blocks),
        *(config.step_width, config.lowest_pitch, config.pitches, config.critic_width),
        *(len(model.attribute_names), len(melodies)),
    ]
    body = struct.pack("<16sI11If", hashlib.sha256(data).digest()[:16], 2 if as_half else 4, *sizes, config.fusion)
    body += struct.pack("<4x64s64s", name.encode(), plugin_id.encode())
    body += b"".join(struct.pack("<16s", each.encode()) for each in model.attribute_names)
    body = body.ljust(HEADER_BYTES - 24, b"\0") + data + b"".join(_melody(melody) for melody in melodies)
    checked = struct.pack("<Q", 16 + 8 + len(body)) + body
    return MAGIC + struct.pack("<II", VERSION, zlib.crc32(checked)) + checked


def _tensors(model: MelodyVAE) -> Iterator[np.ndarray]:
    """All values, float32, in the order of the file."""
    yield from _stack(model.decoder)
    yield from _norm(model.step_norm)
    yield from _linear(model.rhythm_head)
    yield from _linear(model.pitch_head)
    towers, width = model.critic.towers, model.config.critic_width
    yield _vector(towers.embedding.weight)
    yield _vector(towers.places)
    for taps, mix in zip(towers.taps, towers.mix, strict=True):
        for tower in range(2):
            yield _panels(taps.weight[tower, :width])
            yield _vector(taps.bias[tower])
            yield _panels(taps.weight[tower, width:])
            yield _panels(mix.weight[tower])
            yield _vector(mix.bias[tower])
    first, _, second = cast(tuple[nn.Linear, nn.Module, nn.Linear], tuple(model.critic.head))
    yield from _linear(first)
    yield from _linear(second)
    yield _vector(model.rhythm_embedding.weight)
    yield _vector(model.pitch_embedding.weight)
    share = model.config.latent_size // len(model.encoder.places)
    yield from _stack(model.encoder, share)  # of its heads the first: the code itself
    yield _vector(model.attribute_directions)


def _stack(stack: BeatStack, outputs: int | None = None) -> Iterator[np.ndarray]:
    yield from _linear(stack.enter)
    yield _vector(stack.places)
    for block in cast(Iterable[BeatBlock], stack.blocks):
        yield from _norm(block.norm)
        yield from _linear(block.up)
        yield from _linear(block.down)
        yield from _norm(block.norm_across)
        yield from _linear(block.gather)
        yield from _linear(block.spread)
    norm, linear = cast(tuple[nn.LayerNorm, nn.Linear], tuple(stack.leave))
    yield from _norm(norm)
    yield _panels(linear.weight[:outputs].T)
    yield _vector(linear.bias[:outputs])


def _linear(layer: nn.Linear) -> Iterator[np.ndarray]:
    yield _panels(layer.weight.T)
    yield _vector(layer.bias)


def _norm(layer: nn.LayerNorm) -> Iterator[np.ndarray]:
    yield _vector(layer.weight)
    yield _vector(layer.bias)


def _vector(tensor: Tensor) -> np.ndarray:
    """Filled up with zeros to a multiple of 16."""
    flat = tensor.detach().cpu().float().numpy().ravel()
    return np.pad(flat, (0, -len(flat) % PANEL))


def _panels(matrix: Tensor) -> np.ndarray:
    """(inputs, outputs) -> (panels, inputs, 16), the last panel filled up with zeros."""
    array = matrix.detach().cpu().float().numpy()
    padded = np.pad(array, ((0, 0), (0, -array.shape[1] % PANEL)))
    return padded.reshape(len(array), -1, PANEL).transpose(1, 0, 2)


def _melody(melody: Melody) -> bytes:
    """
    Raises:
        InputError: too long, or its bars are longer than a window.
    """
    window_layout(melody.metre)
    if len(melody.tokens) > MAX_MELODY_STEPS:
        raise InputError(
            f"{melody.name or 'melody'}: expected at most {MAX_MELODY_STEPS} sixteenths, found {len(melody.tokens)}"
        )
    name = melody.name.encode()[:MAX_TEXT].decode(errors="ignore").encode()
    head = struct.pack("<64s4If12x", name, len(melody.tokens), *melody.metre, melody.program, melody.tempo)
    tokens = np.pad(melody.tokens.astype("<u2"), (0, -len(melody.tokens) % PANEL))
    return head + tokens.tobytes()


@torch.inference_mode()
def _check_encoder(model: MelodyVAE) -> None:
    tokens = torch.zeros(1, WINDOW_STEPS, dtype=torch.int64, device=model.device)
    fields = model.fields(tokens)
    features = model.encoder(model.inputs(fields))
    share = model.config.latent_size // features.shape[1]
    if not torch.allclose(features[..., :share].flatten(1), model.posterior(fields).mean, atol=1e-6):
        raise InputError(
            f"a plugin takes models whose code is what the encoder says; latent {model.config.latent} goes on from "
            "there; take one with latent gaussian, sparse, denoising, contractive or undercomplete"
        )


def _check_names(model: MelodyVAE, name: str, plugin_id: str) -> None:
    if not name.strip() or len(name.encode()) > MAX_TEXT or not name.isprintable():
        raise InputError(f"expected a plugin name of 1 to {MAX_TEXT} bytes, found {name!r}")
    if len(plugin_id) > MAX_TEXT or not re.fullmatch(ID_FORM, plugin_id):
        raise InputError(
            f"expected an id such as org.example.my-tunes, at most {MAX_TEXT} letters a-z, digits and . _ - between "
            f"them, found {plugin_id!r}"
        )
    names = model.attribute_names
    if len(names) > MAX_ATTRIBUTES or any(len(each.encode()) > MAX_ATTRIBUTE_TEXT for each in names):
        raise InputError(f"expected at most {MAX_ATTRIBUTES} attributes with short names, found {', '.join(names)}")
    if len(model.critic.towers.dilations) != 5:
        raise InputError("expected a critic of 5 layers, as this release makes them")
