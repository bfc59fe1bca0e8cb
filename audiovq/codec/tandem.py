"""Decoded audio carries its codes, so that coding it again gives the same ones (tandem-free operation, 3GPP TS 28.062).

The lowest bit of 16-bit samples, far below hearing, says of each code frame what it was decoded from, with a checksum
of all the other bits. Who codes the audio again finds that wherever the samples are what they were: in 16-bit files and
better, lossless formats, and what is cut between code frames. A frame of which anything was changed is coded as any.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from ..bitstream.chunks import MISSING
from ..dsp.streaming import filtered

# Sample n is given out as (n + OFFSET) / FULL and read again as the whole number next to FULL x - OFFSET: so it is n to
# writers of 16 bits who round by 32,768, who round down, as libsndfile does, and, from -.4 to .6, who round by 32,767.
FULL, OFFSET = 32_768.0, 0.1
VERSION = b"latentmix tandem 1"
KEY_BYTES, CRC_BYTES = 4, 4
HEAD_BYTES = KEY_BYTES + 3
CREDIBLE = 0.1  # share of a chunk's first codes that the encoder has to find too; of what was decoded it is about half


@dataclass(frozen=True)
class Layout:
    """What a code frame carries: a key, the number of codebooks, level, gain, codes, a checksum.

    Attributes:
        hop: samples of a code frame.
        codebooks, codes: Q, K of the model.
        fingerprint: of the model.
        is_wanted: whether what is decoded carries codes at all.
    """

    hop: int
    codebooks: int
    codes: int
    fingerprint: bytes
    is_wanted: bool = True

    @property
    def size(self) -> int:
        """Bytes in a frame."""
        return HEAD_BYTES + 2 * self.codebooks + CRC_BYTES

    @property
    def fits(self) -> bool:
        return self.is_wanted and 8 * self.size <= self.hop

    @property
    def key(self) -> np.ndarray:
        """What a frame of these weights begins with, (KEY_BYTES,) uint8."""
        return np.frombuffer(zlib.crc32(VERSION + self.fingerprint).to_bytes(KEY_BYTES, "big"), np.uint8)

    @property
    def mask(self) -> np.ndarray:
        """Bytes that make what is carried sound like noise, (size,) uint8."""
        return np.random.default_rng(0).integers(0, 256, self.size, np.uint8)


class CodesWriter:
    """Writes codes into decoded samples, frame by frame, in one pass; a streaming filter.

    Silence, samples that are all 0 in 16 bits, stays silence, and what is beyond full scale stays what it is.

    Args:
        layout: of the model.
        channels: C.
        position: of the first sample.
        frame: of the first codes that `expect` is given.
        gain: dB by which the audio was made louder before it was encoded, 0 to 120, and is quieter again here.
    """

    def __init__(self, layout: Layout, channels: int, position: int = 0, frame: int = 0, gain: int = 0) -> None:
        self._layout, self._mask, self._gain = layout, layout.mask, gain
        self._held = np.zeros((channels, 0), np.float32)
        self._early = -position % layout.hop  # samples before the first whole frame
        self._passed_over = -(-position // layout.hop) - frame  # frames before it
        self._expected = np.zeros((channels, 0, HEAD_BYTES + 2 * layout.codebooks), np.uint8)

    def expect(self, codes: np.ndarray, levels: np.ndarray | None = None) -> None:
        """Codes (C, q, n) that are decoded next, their levels (C,); frames whose first is MISSING carry nothing."""
        content = np.zeros((len(codes), codes.shape[2], self._expected.shape[2]), np.uint8)
        content[:, :, :KEY_BYTES] = self._layout.key
        content[:, :, KEY_BYTES] = (codes != MISSING).cumprod(1).sum(1)
        content[:, :, KEY_BYTES + 1] = 0 if levels is None else levels[:, None]
        content[:, :, KEY_BYTES + 2] = self._gain
        words = np.maximum(codes, 0).transpose(0, 2, 1).astype(">i2")
        content[:, :, HEAD_BYTES : HEAD_BYTES + 2 * codes.shape[1]] = np.ascontiguousarray(words).view(np.uint8)
        kept = min(self._passed_over, codes.shape[2])
        self._passed_over -= kept
        self._expected = np.concatenate([self._expected, content[:, kept:]], 1)

    def heard(self, chunks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Codes (C, q, n) on their way to the decoder."""
        for codes in chunks:
            self.expect(codes)
            yield codes

    def push(self, block: np.ndarray) -> np.ndarray:
        """Samples (C, n) -> those of whole frames, (C, m)."""
        early, hop = block[:, : self._early], self._layout.hop
        self._early -= early.shape[1]
        held = np.concatenate([self._held, block[:, early.shape[1] :]], 1)
        whole = held.shape[1] // hop
        self._held = held[:, whole * hop :]
        frames = held[:, : whole * hop].reshape(len(held), whole, hop)
        known = min(whole, self._expected.shape[1]) if self._layout.fits else 0
        made = self._carrying(frames[:, :known], self._expected[:, :known]) if known else frames[:, :0]
        self._expected = self._expected[:, known:]
        return np.concatenate([early, made.reshape(len(held), -1), held[:, known * hop : whole * hop]], 1)

    def finish(self) -> np.ndarray:
        """The rest, less than a frame."""
        return self._held

    def _carrying(self, samples: np.ndarray, content: np.ndarray) -> np.ndarray:
        """Samples (C, n, hop) and the bytes for them -> samples that carry these."""
        scaled = samples.astype(np.float64) * FULL
        is_within = (np.abs(scaled) < FULL - 2.0).all(2)  # so that there is a whole number either way
        begin, end = 8 * content.shape[2], 8 * self._layout.size
        whole = np.rint(scaled)
        speaks = is_within & whole.any(2) & (content[:, :, KEY_BYTES] > 0)
        bits = np.unpackbits(content ^ self._mask[: content.shape[2]], 2)
        whole[:, :, :begin] = 2.0 * np.rint((scaled[:, :, :begin] - bits) / 2.0) + bits
        whole[:, :, begin:end] = 2.0 * np.floor(whole[:, :, begin:end] / 2.0)  # the checksum does not know its own bits
        sums = np.zeros((*whole.shape[:2], CRC_BYTES), np.uint8)
        for channel, frame in np.argwhere(speaks).tolist():
            found = _checksum(content[channel, frame], whole[channel, frame].astype(np.int16))
            sums[channel, frame] = np.frombuffer(found, np.uint8)
        whole[:, :, begin:end] += np.unpackbits(sums ^ self._mask[content.shape[2] :], 2)
        return np.where(speaks[:, :, None], (whole + OFFSET) / FULL, samples).astype(np.float32)


def _checksum(content: np.ndarray, samples: np.ndarray) -> bytes:
    """Of a frame's bytes and of all bits of its samples (hop,) int16 but the lowest."""
    upper = (samples >> 1).astype("<i2").tobytes()
    return zlib.crc32(upper, zlib.crc32(content.tobytes())).to_bytes(CRC_BYTES, "big")


@dataclass(frozen=True)
class _Carried:
    """Codes (Q,) int16, level and gain of a frame."""

    codes: np.ndarray
    level: int
    gain: int


class CodesReader:
    """Finds the codes that decoded samples carry, as they are read.

    Args:
        layout: of the model that is to code them.
        channels: C.

    Attributes:
        gain: dB, of the first frame that carried codes; None: there was none so far.
        kept, frames: of all channels, how many were given the codes that they carried, of how many.
    """

    def __init__(self, layout: Layout, channels: int) -> None:
        self._layout, self._mask, self._key = layout, layout.mask, layout.key
        self._held = np.zeros((channels, 0), np.float32)
        self._found: deque[list[_Carried | None]] = deque()
        self._silent: deque[np.ndarray] = deque()  # of the same frames, (C,) bool: nothing is carried by silence
        self.gain: int | None = None
        self.kept = self.frames = 0

    @property
    def notices(self) -> list[str]:
        """A line on what was kept, if anything was."""
        if not self.kept:
            return []
        share = 100 * self.kept // self.frames
        return [f"decoded before: {share} % of it keeps the codes that it was made of, and has no more than those"]

    def push(self, block: np.ndarray) -> None:
        """Samples (C, n) of the source."""
        if not self._layout.fits:
            return
        hop = self._layout.hop
        held = np.concatenate([self._held, block], 1)
        frames = held.shape[1] // hop
        self._held = held[:, frames * hop :]
        whole = np.rint(held[:, : frames * hop].reshape(len(held), frames, hop).astype(np.float64) * FULL - OFFSET)
        whole = whole.clip(-FULL, FULL - 1.0).astype(np.int16)
        data = np.packbits((whole[:, :, : 8 * self._layout.size] & 1).astype(np.uint8), 2) ^ self._mask
        has_key = (data[:, :, :KEY_BYTES] == self._key).all(2)
        self._silent.extend(~whole.any(2).T)
        for i in range(frames):
            rows = zip(has_key[:, i], data[:, i], whole[:, i], strict=True)
            self._found.append([self._read(each, samples) if key else None for key, each, samples in rows])

    def _read(self, data: np.ndarray, samples: np.ndarray) -> _Carried | None:
        content = data[:-CRC_BYTES]
        number, level, gain = content[KEY_BYTES:HEAD_BYTES].tolist()
        codes = content[HEAD_BYTES:].view(">i2").astype(np.int16)
        is_sound = _checksum(content, samples) == data[-CRC_BYTES:].tobytes()
        # anybody can write such a frame, so it is taken for a stranger's word
        if not is_sound or not 1 <= number <= len(codes) or not 0 <= codes.min() <= codes.max() < self._layout.codes:
            return None
        codes[number:] = MISSING
        self.gain = gain if self.gain is None else self.gain
        return _Carried(codes, level, gain)

    def over(self, codes: np.ndarray, gain: int, sure: int, can_lack: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Codes of the next frames as the encoder has them, with those that were carried in their place.

        Only those count that have enough codebooks, but for whole chunks of decoded audio where `can_lack`: more than
        it was made of would say nothing of it. Where the encoder hears something else altogether, none counts.

        Args:
            codes: (C, Q, n) int16.
            gain: dB by which the audio is made louder; who carries another one does not count.
            sure: codebooks that are enough.
            can_lack: whether codes may be MISSING.

        Returns:
            Codes (C, Q, n), MISSING in codebooks that a frame did without, and the levels (C,) that were carried, 0
            where none was.
        """
        frames = [self._found.popleft() for _ in range(min(codes.shape[2], len(self._found)))]
        silent = [self._silent.popleft() for _ in frames]
        made, levels = codes.copy(), np.zeros(len(codes), np.uint8)
        self.frames += len(codes) * codes.shape[2]
        for channel in range(len(codes)):
            found = [each if each and each.gain == gain else None for each in (frame[channel] for frame in frames)]
            heard = [made[channel, 0, i] == each.codes[0] for i, each in enumerate(found) if each]
            if not heard or np.mean(heard) < CREDIBLE:
                continue
            are_all = all(each or is_silent[channel] for each, is_silent in zip(found, silent, strict=True))
            for i, each in enumerate(found):
                if each and (each.codes[sure - 1] != MISSING or (can_lack and are_all)):
                    made[channel, :, i] = each.codes[: codes.shape[1]]
                    self.kept += 1
            carried = {each.level for each in found if each}
            if are_all and len(carried) == 1:
                (levels[channel],) = carried
        return made, levels


def carrying(blocks: Iterable[np.ndarray], writer: CodesWriter) -> Iterator[np.ndarray]:
    """Decoded blocks (C, n) with the codes that the writer expects, none of them empty."""
    return filtered(blocks, writer)
