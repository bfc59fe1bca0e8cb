"""The integers of the entropy model: what they are, what they may be, and their files."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as parse_safetensors
from safetensors.numpy import save as make_safetensors

from latentmix.checkpoint_format import CheckpointFormat
from latentmix.errors import InputError
from latentmix.files import read_bounded, replace_file

CHECKPOINT = CheckpointFormat("latentmix.audiovq.entropy", 1, Path(__file__).parents[1] / "weights", "entropy")
PAST, TAPS, TAP_SPACING = 2, 3, 2  # frames of codes summed; those sums mixed, and the frames between them
UNIT, TOP = 64, 255  # a feature of 1.0; the greatest
OUT_UNIT = 256  # a weight of 1.0 towards the logits
STEPS_A_BIT = 128  # of the table
LOGIT_SHIFT = 7  # logits in units of 1 / (UNIT * OUT_UNIT) -> steps of the table
MAX_TOTAL = 1 << 23  # of the frequencies of all codes
MAX_BYTES, MAX_CODEBOOKS, MAX_CODES, MAX_FEATURES = 1 << 26, 32, 1 << 12, 1024


@dataclass(frozen=True)
class EntropyWeights:
    """Integers, by the names of the module's docstring.

    Attributes:
        past: (PAST, Q, K, H1) int8, units of 1/64.
        past_bias: (H1,) int16, units of 1/64.
        mix: (TAPS, H1, H2) int8.
        mix_bias: (H2,) int32, units of 1/64².
        spread: (H2, Q, H) int8.
        spread_bias: (Q, H) int32, units of 1/64².
        same: (Q, K, Q, H) int8, units of 1/64; [j, :, q] is 0 where q <= j.
        out: (Q, H, K) int16, units of 1/256.
        out_bias: (Q, K) int32, units of 1/(64 · 256) bit.
        table: (L,) int32, frequency by distance from the likeliest, falling, in steps of 1/128 bit.
    """

    past: np.ndarray
    past_bias: np.ndarray
    mix: np.ndarray
    mix_bias: np.ndarray
    spread: np.ndarray
    spread_bias: np.ndarray
    same: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray
    table: np.ndarray

    def shapes(self) -> dict[str, tuple[tuple[int, ...], type]]:
        """The shape and type that each must have, from Q, K, H1, H2 and H as `past`, `mix` and `out` say."""
        _, q, k, h1 = self.past.shape
        h2, h = self.mix.shape[2], self.out.shape[1]
        return {
            "past": ((PAST, q, k, h1), np.int8),
            "past_bias": ((h1,), np.int16),
            "mix": ((TAPS, h1, h2), np.int8),
            "mix_bias": ((h2,), np.int32),
            "spread": ((h2, q, h), np.int8),
            "spread_bias": ((q, h), np.int32),
            "same": ((q, k, q, h), np.int8),
            "out": ((q, h, k), np.int16),
            "out_bias": ((q, k), np.int32),
            "table": (self.table.shape, np.int32),
        }


def load_weights(folder: str | os.PathLike[str]) -> EntropyWeights:
    """Read what `save_weights` wrote; they are still to be checked.

    Raises:
        InputError: missing, damaged, or of another format or version.
    """
    CHECKPOINT.read_description(Path(folder) / CHECKPOINT.config_file)
    path = Path(folder) / CHECKPOINT.tensor_file
    content = read_bounded(path, MAX_BYTES)
    try:
        return EntropyWeights(**parse_safetensors(content))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: expected the tensors of an entropy model, found {error}") from None


def save_weights(weights: EntropyWeights, folder: str | os.PathLike[str], **more: object) -> None:
    """Write two files into a folder that exists, each whole or not at all; `more` is kept in the JSON for people.

    Raises:
        InputError: the folder cannot be written.
    """
    tensors = {name: np.ascontiguousarray(value) for name, value in vars(weights).items()}
    replace_file(Path(folder) / CHECKPOINT.tensor_file, make_safetensors(tensors))
    described = {"format": CHECKPOINT.name, "version": CHECKPOINT.version, **more}
    replace_file(Path(folder) / CHECKPOINT.config_file, json.dumps(described, indent=2).encode() + b"\n")


def check_weights(weights: EntropyWeights, name: str) -> None:
    """Hold that shapes fit and that sums stay in int32 whatever the codes.

    Raises:
        InputError: they do not.
    """
    w = weights
    if w.past.ndim != 4 or w.mix.ndim != 3 or w.out.ndim != 3 or w.table.ndim != 1:
        raise InputError(f"{name}: expected the tensors of an entropy model, found others")
    for field, (shape, kind) in w.shapes().items():
        found = getattr(w, field)
        if found.shape != shape or found.dtype != kind:
            raise InputError(
                f"{name}: expected {np.dtype(kind).name} {shape} for {field}, found {found.dtype.name} {found.shape}"
            )
    _, q, k, h1 = w.past.shape
    sizes = (q <= MAX_CODEBOOKS, k <= MAX_CODES, max(h1, w.mix.shape[2], w.out.shape[1]) <= MAX_FEATURES)
    if min(w.past.shape) < 1 or min(w.mix.shape) < 1 or min(w.out.shape) < 1 or not len(w.table) or not all(sizes):
        raise InputError(f"{name}: expected 1 to {MAX_CODEBOOKS} codebooks of 1 to {MAX_CODES} codes, found {q} of {k}")
    # the greatest sums: 255 * 127 * 3 * 1024 and 255 * 32767 * H, plus the biases
    logits = TOP * np.abs(w.out.astype(np.int64)).sum(1) + np.abs(w.out_bias.astype(np.int64))
    biases = max(int(np.abs(b.astype(np.int64)).max()) for b in (w.mix_bias, w.spread_bias))
    if logits.max() >= 1 << 30 or biases >= 1 << 30:
        raise InputError(f"{name}: expected sums below 2^30, found weights that exceed them; they are damaged")
    if w.table.min() < 0 or w.table[0] < 1 or int(w.table.max()) * k > 2 * MAX_TOTAL - 1:
        raise InputError(f"{name}: expected a table of frequencies from 0 to {MAX_TOTAL // k}, found another")
