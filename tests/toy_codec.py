"""A codec model that can be calculated by hand, for tests of everything around the real one.

A code frame is 320 samples; codebook 0 holds their mean in steps of 2/1024, the others what is left of it, finer and
finer. Decoded, a frame is its mean, `delay` samples late.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError


@dataclass(frozen=True)
class ToyConfig:
    sample_rate: int = 16_000
    hop: int = 320
    codebooks: int = 6
    codes: int = 1024


class ToyModel(torch.nn.Module):
    cutoff = 0.0  # a level is what it codes
    carries_codes = False

    def __init__(self, name: str = "toy", delay: int = 100, config: ToyConfig | None = None) -> None:
        super().__init__()
        self.config = config or ToyConfig()
        self.name, self.delay, self.warm_up = name, delay, 1
        self.decoded: list[int] = []  # frames in each step of the decoder

    @property
    def fingerprint(self) -> bytes:
        return hashlib.sha256(self.name.encode()).digest()[:8]

    def codebooks_for(self, kbps: float) -> int:
        return round(kbps / 0.5)

    def initial_encoder_state(self, batch: int) -> int:
        return 0

    def encode_step(self, x: Tensor, state: int, codebooks: int | None = None) -> tuple[Tensor, int]:
        assert x.dtype == torch.float32 and x.shape[1] % self.config.hop == 0
        left, codes = x.double().unflatten(1, (-1, self.config.hop)).mean(-1), []
        half, scale = self.config.codes // 2, 1.0
        for _ in range(codebooks or self.config.codebooks):
            code = (left / scale * half + half).round().clamp(0, self.config.codes - 1)
            left = left - (code - half) / half * scale
            codes.append(code.long())
            scale /= half
        return torch.stack(codes, 1), state + x.shape[1]

    def initial_decoder_state(self, batch: int) -> Tensor:
        return torch.zeros(batch, self.delay)

    def decode_step(self, codes: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        assert codes.dtype == torch.int64 and -1 <= codes.min() and codes.max() < self.config.codes
        assert codes[:, 0].min() >= 0
        self.decoded.append(codes.shape[2])
        half = self.config.codes // 2
        codes = torch.where(codes < 0, half, codes)  # nothing more
        scales = torch.tensor([half**-q for q in range(codes.shape[1])], dtype=torch.float64)
        means = ((codes - half) / half * scales[:, None]).sum(1)
        y = torch.cat([state, means.repeat_interleave(self.config.hop, 1).float()], 1)
        return y[:, : y.shape[1] - self.delay], y[:, y.shape[1] - self.delay :]


class ToyCoder:
    """One byte a code, less 1 where the codes are all the same: shorter than bits, and not always possible."""

    fingerprint = b"toy coder"

    def encode(self, codes: np.ndarray) -> bytes:
        if (codes == codes[:, :1]).all():
            return codes[:, 0].astype(">i2").tobytes()
        return bytes(3 * codes.size)

    def decode_all(self, payloads: Sequence[bytes], q: int, n: int) -> list[np.ndarray | InputError]:
        return [
            np.repeat(np.frombuffer(data, ">i2")[:, None], n, 1).astype(np.int16)
            if len(data) == 2 * q
            else InputError(f"expected {2 * q} bytes, found {len(data)}")
            for data in payloads
        ]
