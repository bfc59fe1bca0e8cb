"""Bytes of a MIDI track -> the channel events with two data bytes that they begin with, all at once; pure numpy.

Whether or not a status byte stands in it, such an event has just three bytes below 128: the last one of its time and
its data. So every third of these ends an event, and no event has to be followed to find the next. Most files are small,
and the time is that of the calls of numpy rather than of what they do: there are few of them, and on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .masks import all_of, any_of

MAX_RUN = 1 << 16  # bytes
_FARTHEST = np.tile([2, 1, 4], MAX_RUN // 3 + 1)  # bytes from each byte below 128 to the next: data, data, time
_IS_OTHER = np.zeros(256, bool)  # by status; what stands in its place where it is running is none
_IS_OTHER[0xC0:0xE0] = _IS_OTHER[0xF0:] = True
_BYTE = np.arange(256)
_SECOND_LAST = np.where(_BYTE >= 0x80, (_BYTE & 0x7F) << 7, 0)  # what the bytes of a time before the last one add,
_THIRD_LAST = _SECOND_LAST << 7  # and 0 where the event before ends there


@dataclass(frozen=True, eq=False)
class Run:
    """Events one after another.

    Attributes:
        delta: (n,) int64 ticks from the event before.
        status, first, second: (n,) uint8.
        last: (n,) int64 places of their last bytes.
        size: bytes that they take.
    """

    delta: np.ndarray
    status: np.ndarray
    first: np.ndarray
    second: np.ndarray
    last: np.ndarray
    size: int


def find_run(data: np.ndarray, running: int) -> Run | None:
    """The events with two data bytes that lie at the start, up to the first one that is another or is damaged.

    Args:
        data: (n,) uint8, n <= `MAX_RUN`.
        running: the status that is running before them; 0, or one of an event with two data bytes.

    Returns:
        None where the first event is no such event.
    """
    low = (data < 0x80).nonzero()[0]
    count = len(low) // 3
    if not count or low[0] > 3:
        return None
    gaps = low[1 : 3 * count] - low[: 3 * count - 1]
    is_far = gaps > _FARTHEST[: len(gaps)]
    if any_of(is_far):
        count = (int(is_far.argmax()) + 1) // 3
    last = low[: 3 * count : 3]  # bytes of the times
    raw = data[last + 1]
    is_other = _IS_OTHER[raw]
    if any_of(is_other):
        count = int(is_other.argmax())
    if not count or (raw[0] < 0x80 and not running):
        return None
    low, last, raw = low[: 3 * count], last[:count], raw[:count]
    if all_of(raw >= 0x80):
        status = raw
    else:
        latest = np.maximum.accumulate((raw >= 0x80) * np.arange(1, count + 1))
        status = np.concatenate([np.array([running], np.uint8), raw])[latest]
    values = data[low]
    delta = _times(data, low, values[::3].astype(np.int64))
    return Run(delta, status, values[1::3], values[2::3], low[2::3], int(low[-1]) + 1)


def _times(data: np.ndarray, low: np.ndarray, delta: np.ndarray) -> np.ndarray:
    """The times of events in ticks, given their last bytes; these are changed.

    Args:
        low: where the bytes below 128 are, three for each event.
    """
    last = low[::3]
    sizes = last.copy()  # less one
    sizes[1:] -= low[2:-1:3] + 1
    for number, table in ((1, _SECOND_LAST), (2, _THIRD_LAST)):
        if not any_of(sizes >= number):
            return delta
        added = table[data[last - number]]
        if last[0] < number:
            added[0] = 0
        delta += added
    if any_of(sizes > 2):
        delta += ((data[last - 3] & 0x7F).astype(np.int64) << 21) * (sizes > 2)
    return delta
