"""Codes to fewer bytes: a probability model computed in integers, and constriction's range coder.

A decoder must arrive at the very probabilities that the encoder had. Floating-point networks do not give that: they
round differently with another processor, library or number of threads. So everything up to the frequencies is
integers: int8 and int16 weights, sums that fit into int32, an exponential read off a table that lies in the file.
Matrix products run on floating-point units, which are quicker at them, in a format that holds every whole number up to
the greatest possible sum: float32 below 2²⁴, else float64; then no order of additions rounds. The coder takes
frequencies as float32; they are whole numbers whose sum is below 2²⁴, so what it adds up is exact as well.

The network (Q codebooks, K codes, H features; all features in units of 1/64, from 0 to 255):

    a_t = clip(Σ past[d, j, code of codebook j, d frames ago])     d = 1, 2
    h_t = clip(Σ mix[k] · a_{t - 2k})                              k = 0, 1, 2
    v_q = clip(spread[q] · h_t + Σ same[q, j, code of codebook j in this frame])   j < q
    frequencies = table[max logit - logit],  logits = out[q] · v_q, in bits

Nothing is known before the first frame of a call, so a chunk decodes by itself.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import constriction
import numpy as np

from latentmix.errors import InputError
from latentmix.threads import one_blas_thread

from .weights import (
    CHECKPOINT,
    LOGIT_SHIFT,
    PAST,
    TAP_SPACING,
    TAPS,
    TOP,
    UNIT,
    EntropyWeights,
    check_weights,
    load_weights,
    save_weights,
)

BLOCK = 64  # frames whose frequencies are held at once
Categorical = constriction.stream.model.Categorical
RangeEncoder: TypeAlias = constriction.stream.queue.RangeEncoder
RangeDecoder: TypeAlias = constriction.stream.queue.RangeDecoder


class EntropyModel:
    """Codes <-> bytes, each call by itself.

    Attributes:
        codebooks, codes: Q and K.
        fingerprint: 8 bytes that change with anything the coder's output depends on.

    Raises:
        InputError: weights whose sums could leave int32, or whose shapes do not fit together.
    """

    def __init__(self, weights: EntropyWeights, name: str = "entropy model") -> None:
        check_weights(weights, name)
        self.weights = weights
        self.codebooks, self.codes = weights.out_bias.shape
        digest = hashlib.sha256(f"{CHECKPOINT.name} {CHECKPOINT.version}".encode())
        for field, (shape, kind) in weights.shapes().items():
            digest.update(f"{field} {shape} {np.dtype(kind).name}".encode())
            digest.update(np.ascontiguousarray(getattr(weights, field), np.dtype(kind).newbyteorder("<")).tobytes())
        self.fingerprint = digest.digest()[:8]
        w = weights
        self._past = np.ascontiguousarray(w.past.transpose(1, 2, 0, 3), np.int16)  # (Q, K, PAST, H1)
        self._same = w.same.astype(np.int16) * UNIT
        self._mix, self._out = _exact(w.mix, (0, 1)), _exact(w.out, (1,))
        self._spread = np.ascontiguousarray(_exact(w.spread, (0,)).transpose(1, 0, 2))  # (Q, H2, H)
        self._past_bias = w.past_bias.astype(np.int32)
        half = UNIT // 2  # so that the shift rounds
        self._mix_bias, self._spread_bias = w.mix_bias + half, w.spread_bias + half
        self._out_bias = w.out_bias.astype(np.int32)
        self._table = w.table.astype(np.float32)

    # -- files -----------------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> EntropyModel:
        """Read what `save` wrote.

        Raises:
            InputError: missing, damaged, or of another format or version.
        """
        return cls(load_weights(folder), str(folder))

    def save(self, folder: str | os.PathLike[str], **more: object) -> None:
        """Write two files into a folder that exists, each whole or not at all; `more` is kept in the JSON for people.

        Raises:
            InputError: the folder cannot be written.
        """
        save_weights(self.weights, folder, codebooks=self.codebooks, codes=self.codes, **more)

    # -- probabilities ---------------------------------------------------------------------------------------------

    def frequencies(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        """Of every code at every place, from the codes before it: (m, q, K) float32, whole numbers, m frames at a time.

        Args:
            codes: (q, n), 1 <= q <= Q.

        Raises:
            InputError: codes or numbers of them that the model does not have.
        """
        codes = self._checked(codes)
        q, n = codes.shape
        sums = np.broadcast_to(self._past_bias, (n, len(self._past_bias))).copy()
        for d in range(1, PAST + 1):
            for j in range(q):
                sums[d:] += self._past[j, codes[j, : max(0, n - d)], d - 1]
        context = self._context(np.clip(sums, 0, TOP), q)
        for j in range(q - 1):
            context[:, j + 1 :] += self._same[j, codes[j], j + 1 : q]
        features = np.clip(context >> 6, 0, TOP)
        for start in range(0, n, BLOCK):
            block = features[start : start + BLOCK].astype(self._out.dtype)
            logits = np.stack([block[:, j] @ self._out[j] for j in range(q)], 1).astype(np.int32)
            logits += self._out_bias[:q]
            yield self._table.take((logits.max(-1, keepdims=True) - logits) >> LOGIT_SHIFT, mode="clip")

    def bits(self, codes: np.ndarray) -> float:
        """Information of codes (q, n) under the model, in bits; the range coder comes within a byte of it."""
        bits, places = 0.0, np.asarray(codes).T[:, :, None].astype(np.int64)
        for number, found in enumerate(self.frequencies(codes)):
            chosen = np.take_along_axis(found, places[number * BLOCK :][: len(found)], 2)[:, :, 0]
            bits += float(np.log2(found.sum(2, dtype=np.float64) / chosen).sum())
        return bits

    def _context(self, a: np.ndarray, q: int) -> np.ndarray:
        """a (n, H1) of all frames -> (n, q, H), what the past says to each codebook."""
        mixed = np.broadcast_to(self._mix_bias, (len(a), len(self._mix_bias))).copy()
        a = a.astype(self._mix.dtype)
        for k in range(TAPS):
            late = k * TAP_SPACING
            if late < len(a):
                mixed[late:] += (a[: len(a) - late] @ self._mix[k]).astype(np.int32)
        h = np.clip(mixed >> 6, 0, TOP).astype(self._spread.dtype)
        return np.stack([(h @ self._spread[j]).astype(np.int32) + self._spread_bias[j] for j in range(q)], 1)

    # -- bytes -----------------------------------------------------------------------------------------------------

    def encode(self, codes: np.ndarray) -> bytes:
        """Bytes of codes (q, n) int16.

        Raises:
            InputError: codes or numbers of them that the model does not have.
        """
        encoder = RangeEncoder()
        symbols = np.ascontiguousarray(self._checked(codes).T, np.int32)
        with one_blas_thread():
            for number, found in enumerate(self.frequencies(codes)):
                block = symbols[number * BLOCK :][: len(found)]
                encoder.encode(block.ravel(), Categorical(perfect=False), found.reshape(-1, self.codes))
        return _finish(encoder)

    def decode(self, data: bytes, q: int, n: int) -> np.ndarray:
        """Codes (q, n) int16 of bytes.

        Raises:
            InputError: the bytes are not those of so many codes.
        """
        (found,) = self.decode_all([data], q, n)
        if isinstance(found, InputError):
            raise found
        return found

    def decode_all(self, payloads: Sequence[bytes], q: int, n: int) -> list[np.ndarray | InputError]:
        """What `decode` gives of each payload, in step with one another: several cost little more than one.

        Returns:
            codes (q, n) int16, or the error, of each.

        Raises:
            InputError: numbers of codes that the model does not have.
        """
        if not 1 <= q <= self.codebooks or n < 0:
            raise InputError(f"entropy coded: expected 1 to {self.codebooks} codebooks, found {q}, of {n} frames")
        if not payloads:
            return []
        codes = np.zeros((len(payloads), n, q), np.int64)
        most = 8 + 4 * q * n  # a code costs at most 24 bits
        sound = {m: _PayloadDecoder(data) for m, data in enumerate(payloads) if len(data) <= most}
        with one_blas_thread():
            for t, context in enumerate(self._contexts(codes)):
                for j in range(q):
                    self._decode_next(sound, self._rows(context[:, j], j), codes[:, t, j])
                    context[:, j + 1 :] += self._same[j, codes[:, t, j], j + 1 : q]
        return [
            np.ascontiguousarray(codes[m].T, np.int16)
            if m in sound and sound[m].is_whole()
            else InputError(f"entropy coded: expected the bytes of {q} x {n} codes, found {len(data)} others")
            for m, data in enumerate(payloads)
        ]

    @staticmethod
    def _decode_next(sound: dict[int, _PayloadDecoder], frequencies: np.ndarray, codes: np.ndarray) -> None:
        """The next code of each sound payload, by frequencies (M, K), to codes (M,); those without one go."""
        for m, payload in list(sound.items()):
            code = payload.next(frequencies[m])
            if code is None:
                del sound[m]
            else:
                codes[m] = code

    def _rows(self, context: np.ndarray, j: int) -> np.ndarray:
        """`frequencies` of one code of each of M streams from their contexts (M, H); (M, K)."""
        features = (context >> 6).clip(0, TOP).astype(self._out.dtype)
        logits = (features @ self._out[j]).astype(np.int32)
        logits += self._out_bias[j]
        np.subtract(logits.max(1, keepdims=True), logits, out=logits)
        logits >>= LOGIT_SHIFT
        return self._table.take(logits, mode="clip")

    def _contexts(self, codes: np.ndarray) -> Iterator[np.ndarray]:
        """(M, q, H) for one frame after another; codes (M, n, q) fills up in between."""
        streams, n, q = codes.shape
        levels, reach = np.arange(q), (TAPS - 1) * TAP_SPACING
        taps = np.concatenate(self._mix[::-1])  # (TAPS * H1, H2): the oldest frame first
        spread = np.ascontiguousarray(self._spread[:q].transpose(1, 0, 2)).reshape(self._spread.shape[1], -1)
        a = np.zeros((streams, n + reach, len(self._past_bias)), taps.dtype)
        ahead = np.tile(self._past_bias, (PAST, streams, 1))  # sums for this frame and the next ones
        for t in range(n):
            if t:
                ahead[:-1], ahead[-1] = ahead[1:], self._past_bias
                ahead += self._past[levels, codes[:, t - 1]].sum(1, dtype=np.int32).swapaxes(0, 1)
            a[:, t + reach] = ahead[0].clip(0, TOP)
            h = (a[:, t : t + reach + 1 : TAP_SPACING].reshape(streams, -1) @ taps).astype(np.int32)
            h += self._mix_bias
            h = (h >> 6).clip(0, TOP)
            context = (h.astype(spread.dtype) @ spread).astype(np.int32).reshape(streams, q, -1)
            context += self._spread_bias[:q]
            yield context

    def _checked(self, codes: np.ndarray) -> np.ndarray:
        codes = np.asarray(codes)
        if codes.ndim != 2 or not 1 <= len(codes) <= self.codebooks or codes.dtype.kind not in "iu":
            raise InputError(
                f"codes: expected whole numbers of shape (1 to {self.codebooks}, frames), found {codes.dtype} of "
                f"{codes.shape}"
            )
        if codes.size and not 0 <= codes.min() <= codes.max() < self.codes:
            raise InputError(f"codes: expected 0 to {self.codes - 1}, found {codes.min()} to {codes.max()}")
        return codes.astype(np.int64)


class _PayloadDecoder:
    """The codes of a payload one after another, each of which is encoded again.

    Every number decodes to something: those that no encoder writes are found by what comes out again.
    """

    def __init__(self, data: bytes) -> None:
        self._data, self._decoder, self._again = data, RangeDecoder(_to_words(data)), RangeEncoder()

    def next(self, frequencies: np.ndarray) -> int | None:
        """The next code by its frequencies (K,); None if there cannot be one."""
        probabilities = Categorical(frequencies, lazy=True)
        try:
            code = self._decoder.decode(probabilities)
            self._again.encode(code, probabilities)
        except (AssertionError, ValueError):
            return None
        return code

    def is_whole(self) -> bool:
        """Whether an encoder would have written just this payload for the codes so far."""
        return _finish(self._again) == self._data


def _exact(weights: np.ndarray, summed: tuple[int, ...]) -> np.ndarray:
    """Weights as the floating-point numbers that hold all sums over axes `summed` of them times 0 to TOP."""
    greatest = TOP * int(np.abs(weights.astype(np.int64)).sum(summed).max())
    return weights.astype(np.float32 if greatest < 1 << 24 else np.float64)


def _to_words(data: bytes) -> np.ndarray:
    """Big-endian words of 32 bits; the decoder looks up to two words ahead and finds zeros there."""
    return np.frombuffer(data + bytes(8 + -len(data) % 4), ">u4").astype(np.uint32)


def _finish(encoder: RangeEncoder) -> bytes:
    """The fewest bytes that decode to what was encoded, zeros following them.

    The range coder ends in an interval [low, low + width) of 64 bits after the words that are settled, and names some
    number in it by whole words. Here it is the number in it with the fewest bytes.
    """
    if encoder.is_empty():
        return b""
    settled, (low, width) = encoder.pos()
    size = 4 * (settled + 2)
    data = encoder.get_compressed().astype(">u4").tobytes()
    number = int.from_bytes((data + bytes(8))[:size], "big")
    start = number - (number - low) % (1 << 64)  # the settled words too: a carry may still run through them
    for length in range(max(0, size - 8), size):
        unit = 1 << 8 * (size - length)
        least = -(-start // unit)
        if least * unit < start + width:
            return least.to_bytes(length, "big")
    return start.to_bytes(size, "big")
