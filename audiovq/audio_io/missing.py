"""What of a file is not read though it should be: a line for people."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from . import ogg, wav

SHORT_SECONDS = 0.1  # that may be missing: what encoders add at both ends is counted differently
T = TypeVar("T")


def in_all(stream: BinaryIO, function: Callable[[mmap.mmap], T]) -> T:
    """What a function finds in a whole file."""
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return function(data)


def lines(stream: BinaryIO, seconds: float) -> list[str]:
    """A line where a file should be longer than what can be read of it."""
    stream.seek(0)
    if stream.read(4) == b"OggS":
        expected = in_all(stream, ogg.find_seconds)
        if expected > seconds + SHORT_SECONDS:
            return [f"damaged: only {seconds:.2f} of {expected:.2f} s can be read"]
        return []
    stream.seek(0)
    form, read = wav.read_header(stream)
    size = os.fstat(stream.fileno()).st_size
    missing = wav.find_missing(read, size)
    if missing > 0.001:
        return [f"cut off: {100 * missing:.0f} % of what its header speaks of is missing at the end"]
    second = form.frame_bytes * form.sample_rate if form else 0  # bytes, of which a damaged header has none
    beyond = wav.find_beyond(stream, read, size) / second if second else 0.0
    return [f"{beyond:.2f} s beyond the end that its header tells of are left out"] if beyond > SHORT_SECONDS else []
