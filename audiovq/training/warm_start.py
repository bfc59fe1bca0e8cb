"""Weights of one codec as the start of another's training: the same sizes, or more pitch bins."""

from __future__ import annotations

import os
from dataclasses import replace

import torch
from torch import Tensor

from ..model.vqvae import VQVAE

RARE = 2.0  # nats by which a new pitch bin is less likely than the highest that was known


def grown(name_or_folder: str | os.PathLike[str], pitch_bins: int, keeps_codes: bool = False) -> VQVAE:
    """A stored model with at least as many pitch bins, which at first says what it said before.

    What is new of the encoder's features counts for nothing, and what is new of the decoder's logits follows the
    highest known bin.

    Args:
        keeps_codes: whether its codebooks stay as they are: of the same sizes, its decoder reads the files of before.

    Raises:
        InputError: as of `VQVAE.from_pretrained`.
        ValueError: it has more pitch bins.
    """
    old = VQVAE.from_pretrained(name_or_folder)
    more = pitch_bins - old.config.pitch_bins
    if more < 0:
        raise ValueError(f"{pitch_bins} pitch bins; {name_or_folder} has {old.config.pitch_bins}")
    codes_of = old.fingerprint.hex() if keeps_codes and not more else ""
    model = VQVAE(replace(old.config, pitch_bins=pitch_bins, codes_of=codes_of))
    frames, last = old.config.frames_per_code, old.stft.bins + old.config.pitch_bins
    weights = dict(old.state_dict())

    def widened(rows: Tensor, new: Tensor) -> Tensor:
        """Rows (frames * n, ...) with new (frames, more, ...) after the pitch bins of each frame."""
        each = rows.unflatten(0, (frames, -1))
        return torch.cat([each[:, :last], new, each[:, last:]], 1).flatten(0, 1)

    if more:
        columns = weights["encoder.enter.weight"].t()
        weights["encoder.enter.weight"] = widened(columns, columns.new_zeros(frames, more, columns.shape[1])).t()
        for name, less in (("decoder.leave.1.weight", 0.0), ("decoder.leave.1.bias", RARE)):
            rows = weights[name]
            highest = rows.unflatten(0, (frames, -1))[:, last - 1 : last] - less
            weights[name] = widened(rows, highest.expand(-1, more, *rows.shape[1:]))
    model.load_state_dict(weights)
    return model.train()
