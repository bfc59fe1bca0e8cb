"""Codes of a chunk <-> bytes: plain bits, or a range coder where that is shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from latentmix.errors import InputError


class Coder(Protocol):
    """What packing needs of an entropy coder. Every call stands by itself; integers only, so it is exact anywhere."""

    fingerprint: bytes

    def encode(self, codes: np.ndarray) -> bytes:
        """Bytes of codes, (q, n) int16; raises InputError where it knows no such codes."""

    def decode_all(self, data: Sequence[bytes], q: int, n: int) -> list[np.ndarray | InputError]:
        """Codes, (q, n) int16, of each of several bytes; an error in place of those that are none of its own."""


@dataclass(frozen=True)
class Packing:
    """How the codes of a chunk become its payload.

    A payload begins with a byte that says how many codebooks there are. What follows is plain bits if it is as long as
    those; shorter, it is from the coder. So no flag is needed, and no payload is ever longer than
    `max_payload_bytes` says.

    Attributes:
        codes: K, the codes in a codebook.
        coder: an entropy coder; None is plain bits always.

    >>> packing = Packing(codes=1024)
    >>> payload = packing.pack(np.array([[1023, 0, 5]], np.int16))
    >>> payload.hex(), packing.unpack_all([payload], 1, 3)[0].tolist()
    ('01ffc00014', [[1023, 0, 5]])
    """

    codes: int
    coder: Coder | None = None

    def pack(self, codes: np.ndarray) -> bytes:
        """The payload of codes (q, n), each at least 0 and below K."""
        return bytes([len(codes)]) + self._shortest(codes)

    def _shortest(self, codes: np.ndarray) -> bytes:
        plain = _to_bits(codes, code_bits(self.codes))
        if self.coder is None:
            return plain
        try:
            coded = self.coder.encode(codes)
        except InputError:  # codebooks that the coder never saw
            return plain
        return coded if len(coded) < len(plain) else plain

    def unpack_all(self, payloads: Sequence[bytes], most: int, n: int) -> list[np.ndarray | InputError]:
        """The codes (q, n) int16 of each payload, or the error; together is quicker than one by one.

        Args:
            most: codebooks that there can be, 1 <= q <= most.
        """
        found: list[np.ndarray | InputError] = [InputError(f"expected 1 to {most} codebooks, found others")] * len(
            payloads
        )
        for q in range(1, most + 1):
            those = [i for i, payload in enumerate(payloads) if payload[:1] == bytes([q])]
            for i, codes in zip(those, self._unpack([payloads[i][1:] for i in those], q, n), strict=True):
                found[i] = codes
        return found

    def _unpack(self, data: Sequence[bytes], q: int, n: int) -> list[np.ndarray | InputError]:
        """Of payloads of q codebooks, what follows their first byte."""
        size = raw_size(q, n, self.codes)
        found: list[np.ndarray | InputError] = [_plain(each, q, n, self.codes) for each in data]
        coded = [i for i, each in enumerate(data) if len(each) < size]
        if coded and self.coder is not None:
            decoded = self.coder.decode_all([data[i] for i in coded], q, n)
            for i, codes in zip(coded, decoded, strict=True):
                found[i] = codes if isinstance(codes, InputError) else _in_range(codes, q, n, self.codes)
        return found


def _plain(data: bytes, q: int, n: int, size: int) -> np.ndarray | InputError:
    """The codes (q, n) int16 of plain bits, each below `size`."""
    expected = raw_size(q, n, size)
    if len(data) != expected:
        return InputError(f"expected {expected} bytes of {q} x {n} codes, found {len(data)}")
    try:
        return _in_range(_from_bits(data, q, n, code_bits(size)), q, n, size)
    except InputError as error:
        return error


def _in_range(codes: np.ndarray, q: int, n: int, size: int) -> np.ndarray | InputError:
    """Codes as int16, if they are (q, n) of them, from 0 on and below `size`."""
    if codes.shape != (q, n) or codes.min(initial=0) < 0 or codes.max(initial=0) >= size:
        return InputError(f"expected {q} x {n} codes below {size}, found others")
    return codes.astype(np.int16)


def code_bits(codes: int) -> int:
    """Bits of a plain code out of so many.

    >>> code_bits(1024), code_bits(1000), code_bits(2)
    (10, 10, 1)
    """
    return (codes - 1).bit_length()


def raw_size(q: int, n: int, codes: int) -> int:
    """Bytes of q x n codes as plain bits.

    >>> raw_size(3, 50, 1024)
    188
    """
    return -(-q * n * code_bits(codes) // 8)


def max_payload_bytes(q: int, n: int, codes: int) -> int:
    """Bytes of the largest payload of up to q x n codes."""
    return 1 + raw_size(q, n, codes)


def _to_bits(codes: np.ndarray, bits: int) -> bytes:
    """Frame after frame, the first codebook first, the highest bit first; zeros fill the last byte."""
    shifts = np.arange(bits - 1, -1, -1)
    return np.packbits((codes.T.astype(np.int32)[..., None] >> shifts & 1).astype(np.uint8)).tobytes()


def _from_bits(data: bytes, q: int, n: int, bits: int) -> np.ndarray:
    spread = np.unpackbits(np.frombuffer(data, np.uint8))
    used, rest = spread[: q * n * bits], spread[q * n * bits :]
    if rest.any():
        raise InputError("expected zeros in the bits that fill the last byte, found others")
    weights = 1 << np.arange(bits - 1, -1, -1)
    return (used.reshape(n, q, bits) @ weights).T
