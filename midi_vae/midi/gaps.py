"""Bytes of a MIDI track -> its channel events and its meta events apart, so that all of the former are found at once.

Metre, key and tempo stand between the notes, and each piece between two of them would be a run of its own
(`runs.find_run`). A meta event begins with the byte 255, which stands elsewhere only in times, in contents of meta
events and in what is damaged; so it is looked for, taken to be one, and whether all were is seen from what is left: it
has to be whole events, and each meta event has to lie between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .runs import MAX_RUN, Run, find_run

_META, _END_OF_TRACK = 0xFF, 0x2F
_MAX_DELTA = 4  # bytes of a time
_MAX_MESSAGES = 2_000  # of more there is little else


@dataclass(frozen=True, eq=False)
class Rest:
    """What a track holds from some place on to its end.

    Attributes:
        run: its channel events, all with two data bytes; the times of meta events are added to those that follow.
        messages: (events before it, ticks from the last of these, type, content) of meta events, the last one being the
            end of the track.
    """

    run: Run
    messages: list[tuple[int, int, int, bytes]]


def find_rest(track: bytes, place: int, running: int) -> Rest | None:
    """All that follows from a place on, where an event begins.

    Args:
        running: the status that is running there; 0, or one of an event with two data bytes.

    Returns:
        None where there is anything but events with two data bytes and short meta events, more than `MAX_RUN` bytes of
        the former, or no end of the track.
    """
    parts = _apart(track, place)
    if parts is None or not parts[0]:
        return None
    notes, found = parts
    run = find_run(np.frombuffer(notes, np.uint8), running)
    if run is None or run.size != len(notes):
        return None
    places = [at for at, _, _, _ in found]
    before = run.last.searchsorted(places).tolist()  # events that end before each meta event
    count, now, passed = len(run.delta), -1, 0
    messages: list[tuple[int, int, int, bytes]] = []
    for number, (at, delta, kind, content) in zip(before, found, strict=True):
        if at and run.last[number - 1] != at - 1:
            return None
        passed = delta if number != now else passed + delta
        now = number
        messages.append((number, passed, kind, content))
        if number < count:
            run.delta[number] += delta
    return Rest(run, messages)


def _apart(track: bytes, place: int) -> tuple[bytes, list[tuple[int, int, int, bytes]]] | None:
    """The bytes without the meta events, and these: (bytes before it, time, type, content), up to the end of track."""
    pieces: list[bytes] = []
    found: list[tuple[int, int, int, bytes]] = []
    joined, size = 0, len(track)
    while (at := track.find(_META, place)) > place and at + 2 < size and len(found) < _MAX_MESSAGES:
        delta, last = track[at - 1], at - 2  # the last byte of its time, and that of the event before it
        while last >= place and track[last] >= 0x80:
            delta |= (track[last] & 0x7F) << 7 * (at - 1 - last)
            last -= 1
        end = at + 3 + track[at + 2]
        if track[at - 1] >= 0x80 or at - 1 - last > _MAX_DELTA or track[at + 2] >= 0x80 or end > size:
            return None
        pieces.append(track[place : last + 1])
        joined += last + 1 - place
        if joined > MAX_RUN:
            return None
        found.append((joined, delta, track[at + 1], track[at + 3 : end]))
        if track[at + 1] == _END_OF_TRACK:
            return (b"".join(pieces), found) if end == at + 3 else None
        place = end
    return None
