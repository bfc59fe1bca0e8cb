"""Bytes of a MIDI track -> where an event would end that began at each of them; pure numpy."""

from __future__ import annotations

import numpy as np

from .masks import any_of

LAST_DELTA = 10  # bytes; the standard has four, and 64 bits take ten


def event_tables(padded: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """For an event that would begin at each of the first `size` bytes: where its status byte or, under running status,
    its first data byte is, (size,); and the code of the next event for both running statuses, (2 * size,), with -1 for
    an event that is no channel event. A code is twice the place, and one more where two data bytes are running.
    """
    high = padded >= 0x80
    status_at = np.arange(1, size + 1, dtype=np.int32)
    goes_on = np.ones(size, bool)
    for number in range(LAST_DELTA - 1):
        goes_on = goes_on & high[number : number + size]
        if not any_of(goes_on):
            break
        status_at += goes_on
    status = padded[status_at]
    is_running = status < 0x80
    has_one = (status & 0xE0) == 0xC0
    explicit = np.where(has_one, 2 * status_at + 4, 2 * status_at + 7)
    explicit[status >= 0xF0] = -1
    following = np.empty((size, 2), np.int32)
    following[:, 0] = np.where(is_running, 2 * status_at + 2, explicit)
    following[:, 1] = np.where(is_running, 2 * status_at + 5, explicit)
    return status_at, following.reshape(-1)
