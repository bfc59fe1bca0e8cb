"""A model that is led through audio and codes chunk by chunk, with its state between them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from ..bitstream.packing import Coder
from .tandem import CodesWriter, Layout, carrying

CHUNK_SECONDS = 1.0
CHUNKS_A_STEP = 4  # that go through the networks together: weights are read once for all of them


class ChunkedModel:
    """A model in steps of whole chunks, and the entropy coder that goes with it.

    Args:
        model: with `config.sample_rate`, `.hop`, `.codebooks`, `.codes`, the states and steps of `VQVAE`, `delay`,
            `warm_up`, `fingerprint`, `codebooks_for`, `cutoff` and `carries_codes`.
        name: for messages.
    """

    def __init__(self, model: Any, coder: Coder | None = None, name: str = "this model") -> None:
        self.model, self.coder, self.name = model, coder, name
        config = model.config
        self.sample_rate: int = config.sample_rate
        self.hop: int = config.hop
        self.codebooks: int = config.codebooks
        self.codes: int = config.codes
        self.chunk_frames = max(round(CHUNK_SECONDS * config.sample_rate / config.hop), 1)

    @cached_property
    def layout(self) -> Layout:
        """How decoded audio carries its codes."""
        return Layout(self.hop, self.codebooks, self.codes, bytes(self.model.fingerprint), self.model.carries_codes)

    def codebooks_for(self, kbps: float | None) -> int:
        """How many codebooks a rate leaves room for; None: all."""
        return self.codebooks if kbps is None else min(max(int(self.model.codebooks_for(kbps)), 1), self.codebooks)

    def encode_chunks(self, blocks: Iterable[np.ndarray], channels: int, q: int) -> Iterator[np.ndarray]:
        """Samples (C, n) in blocks -> codes (C, q, frames) int16 in chunks; silence follows until all is through."""
        size, held, total, done = self.chunk_frames * self.hop, np.zeros((channels, 0), np.float32), 0, 0
        state = self.model.initial_encoder_state(channels)
        for block in blocks:
            held = np.concatenate([held, block], 1)
            total += block.shape[1]
            while held.shape[1] >= size:  # of a file that comes in long blocks several at a time
                step = min(held.shape[1] // size, CHUNKS_A_STEP) * size
                codes, state = self._encode_step(held[:, :step], state, q)
                held, done = held[:, step:], done + step
                yield from np.split(codes, step // size, 2)
        left = -(-(total + self.model.delay) // self.hop) * self.hop - done
        held = np.pad(held, ((0, 0), (0, left - held.shape[1])))
        for start in range(0, left, size):
            codes, state = self._encode_step(held[:, start : start + size], state, q)
            yield codes

    def encode_together(self, waveforms: Sequence[np.ndarray], q: int) -> list[np.ndarray]:
        """Whole recordings (T,) -> their codes (q, N) int16 as `encode_chunks` gives them, all in one step.

        Nothing of the future is needed, so the silence that fills the shorter ones up changes none of their codes.
        """
        frames = [-(-(len(each) + self.model.delay) // self.hop) for each in waveforms]
        samples = np.zeros((len(waveforms), max(frames) * self.hop), np.float32)
        for row, each in zip(samples, waveforms, strict=True):
            row[: len(each)] = each
        codes, _ = self._encode_step(samples, self.model.initial_encoder_state(len(waveforms)), q)
        return [each[:, :n] for each, n in zip(codes, frames, strict=True)]

    def _encode_step(self, samples: np.ndarray, state: Any, q: int) -> tuple[np.ndarray, Any]:
        x = torch.from_numpy(np.ascontiguousarray(samples)).to(self.device)
        codes, state = self.model.encode_step(x, state, q)
        return codes.cpu().numpy().astype(np.int16), state

    def decode_chunks(
        self, chunks: Iterable[np.ndarray], channels: int, skip: int | None = None, together: int = 1
    ) -> Iterator[np.ndarray]:
        """Codes (C, q, frames) in chunks -> samples (C, n) float32, a block for each chunk.

        Args:
            skip: samples to leave out at the start; None: the delay, so that the output begins where the input did.
            together: chunks that may be waited for and decoded at once, which is quicker.
        """
        state, skip = self.model.initial_decoder_state(channels), self.model.delay if skip is None else skip
        chunks = iter(chunks)
        while waiting := list(itertools.islice(chunks, min(together, CHUNKS_A_STEP))):
            codes = torch.from_numpy(np.concatenate(waiting, 2).astype(np.int64)).to(self.device)
            y, state = self.model.decode_step(codes, state)
            for piece in y.split([chunk.shape[2] * self.hop for chunk in waiting], 1):
                left_out = min(skip, piece.shape[1])
                skip -= left_out
                yield piece[:, left_out:].float().cpu().numpy()

    def decode_sound(self, chunks: Iterable[np.ndarray], channels: int, together: int = 1) -> Iterator[np.ndarray]:
        """Codes (C, q, frames) in chunks -> samples (C, n) float32 that carry them (`tandem.py`), from the first on."""
        writer = CodesWriter(self.layout, channels)
        return carrying(self.decode_chunks(writer.heard(chunks), channels, together=together), writer)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next((p.device for p in self.model.parameters()), torch.device("cpu"))
