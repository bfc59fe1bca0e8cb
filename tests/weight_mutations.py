"""Weight files of plugins that lie."""

from __future__ import annotations

import struct
import zlib

import numpy as np


def checked(data: bytes) -> bytes:
    """With the length and checksum that a liar would write."""
    body = struct.pack("<Q", len(data)) + data[24:]
    return data[:12] + struct.pack("<I", zlib.crc32(body)) + body


def mutated(data: bytes, count: int) -> list[bytes]:
    """Bytes changed, cut, doubled and taken out; of most the checksum is right again, so that they get further."""
    random, out = np.random.default_rng(8), []
    for number in range(count):
        bad = bytearray(data)
        for _ in range(int(random.integers(1, 4))):
            near = int(random.choice([512, len(bad)]))  # half of them in the header
            at = int(random.integers(16, min(near, len(bad))))
            kind = int(random.integers(5))
            if kind == 0:
                bad[at] = int(random.integers(256))
            elif kind == 1:
                bad[at : at + 4] = struct.pack(
                    "<I", int(random.choice([0, 1, 255, 65535, 2**31 - 1, 2**31, 2**32 - 1]))
                )
            elif kind == 2:
                del bad[at:]
            elif kind == 3:
                del bad[at : at + int(random.integers(1, 64))]
            else:
                bad[at:at] = bytes(random.integers(0, 256, int(random.integers(1, 64)), np.uint8))
            bad = bad if len(bad) > 32 else bytearray(data)
        out.append(bytes(bad) if number % 8 == 0 else checked(bytes(bad)))
    return out
