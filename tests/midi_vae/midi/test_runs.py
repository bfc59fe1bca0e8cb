"""Runs of events read at once, beside the tables that follow events one by one: both find the same."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
import raw_midi as raw

from latentmix.errors import InputError
from midi_vae.midi import parser
from midi_vae.midi.gaps import find_rest
from midi_vae.midi.parser import read_events
from midi_vae.midi.runs import MAX_RUN, find_run

STATUSES = (0x80, 0x90, 0x9F, 0xA3, 0xB1, 0xC2, 0xD4, 0xE0)
EDGES = (0x00, 0x7F, 0x80, 0x90, 0xA0, 0xC0, 0xD0, 0xE0, 0xF0, 0xF4, 0xF7, 0xFF, 0x2F)


def a_track(rng: random.Random, events: int, is_often_other: bool) -> bytes:
    """Notes with and without running status, times of one to four bytes; and, now and then, everything else."""
    content, running = bytearray(), 0
    for _ in range(events):
        content += raw.varying(rng.choice((0, 1, 127, 128, 300, 16_384, 2_100_000)))
        if rng.random() < (0.2 if is_often_other else 0.01):
            content += rng.choice((b"\xff\x01\x02hi", b"\xff\x58\x04\x03\x02\x18\x08", b"\xf0\x03\x01\x02\xf7"))
            continue
        kinds = STATUSES if is_often_other else (0x80, 0x90)
        status = running if running and rng.random() < 0.5 else rng.choice(kinds)
        content += (b"" if status == running else bytes([status])) + bytes([rng.randrange(128)])
        content += b"" if status & 0xE0 == 0xC0 else bytes([rng.randrange(128)])
        running = status
    return bytes(content) + raw.END


def found(track: bytes) -> object:
    try:
        events = read_events(track)
    except InputError as error:
        return str(error)
    arrays = events.tick, events.status, events.first, events.second
    rest = events.programs, events.messages, events.end, events.has_controls, events.remarks
    return *(each.tolist() for each in arrays), *(each.dtype for each in arrays), *rest


@pytest.fixture
def by_tables(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], object]:
    def read(track: bytes) -> object:
        with monkeypatch.context() as patch:
            patch.setattr(parser, "_SHORT_RUNS", 0)
            return found(track)

    return read


@pytest.mark.parametrize("is_often_other", [False, True])
def test_runs_find_what_tables_find(by_tables: Callable[[bytes], object], is_often_other: bool):
    rng = random.Random(12)
    for _ in range(150):
        track = a_track(rng, rng.choice((3, 40, 400)), is_often_other)
        assert found(track) == by_tables(track)


def test_damaged_tracks_too(by_tables: Callable[[bytes], object]):
    rng = random.Random(3)
    outcomes = set()
    for number in range(400):
        track = bytearray(a_track(rng, 60, number % 2 == 0))
        for _ in range(rng.choice((1, 3))):
            track[rng.randrange(len(track))] = rng.choice(EDGES)
        runs, tables = found(bytes(track)), by_tables(bytes(track))
        outcomes.add(isinstance(runs, str))
        if isinstance(runs, str) or isinstance(tables, str):
            assert isinstance(runs, str) and isinstance(tables, str)  # of two faults either may be named
        else:
            assert runs == tables
    assert outcomes == {True, False}


def test_runs_longer_than_a_window(by_tables: Callable[[bytes], object]):
    track = raw.notes([(10 * i, 10 * i + 9, 30 + i % 60) for i in range(MAX_RUN // 4)]) + raw.END
    assert found(track) == by_tables(track)


def test_a_run_ends_before_what_is_another_event():
    data = np.frombuffer(b"\x00\x90\x3c\x40\x81\x00\x3c\x00\x00\xff\x2f\x00", np.uint8)
    run = find_run(data, 0)
    assert run is not None and (run.delta.tolist(), run.status.tolist()) == ([0, 128], [0x90, 0x90])
    assert (run.first.tolist(), run.second.tolist(), run.size) == ([60, 60], [64, 0], 8)
    assert find_run(data[8:], 0x90) is None and find_run(data[4:], 0) is None


def a_part(rng: random.Random) -> bytes:
    """Notes, and between them metre, keys and text as notation programs write them: a key of flats holds the byte 255,
    and so does a time of 16,383 ticks."""
    content, running = bytearray(b"\x00\xff\x03\x02hi"), 0
    times = rng.choice([(0, 1, 127, 128, 300), (0, 60, 16_383, 2_097_151)])
    for _ in range(rng.choice((1, 30, 300))):
        content += raw.varying(rng.choice(times))
        if rng.random() < 0.1:
            content += rng.choice((b"\xff\x59\x02\xff\x01", b"\xff\x58\x04\x03\x02\x18\x08", b"\xff\x01\x00"))
            continue
        status = running if running and rng.random() < 0.5 else rng.choice((0x80, 0x90, 0xB0))
        content += (b"" if status == running else bytes([status])) + bytes([rng.randrange(128), rng.randrange(128)])
        running = status
    return bytes(content) + raw.meta(0x2F, b"", rng.choice((0, 5, 16_383)))


def test_notes_are_found_apart_from_what_stands_between_them(by_tables: Callable[[bytes], object]):
    rng = random.Random(7)
    apart = 0
    for _ in range(300):
        track = a_part(rng)
        assert found(track) == by_tables(track)
        apart += find_rest(track, track.index(b"hi") + 2, 0) is not None
    assert 50 < apart < 300  # those of which the byte 255 leaves a doubt are read otherwise


@pytest.mark.parametrize(
    "rest",
    [
        b"\x00\x90\x3c\x40\xff\x7f\x3c\x00\x00\xff\x2f\x00",  # a time that begins with 255
        b"\x00\x90\x3c\xff\x00\x3c\x00\x00\xff\x2f\x00",  # a velocity of 255
        b"\x00\x90\x3c\x40\x00\xc0\x05\x00\xff\x2f\x00",  # a program change
        b"\x00\x90\x3c\x40\x00\xff\x2f\x01\x00",  # no end of a track, as it has content
        b"\x00\x90\x3c\x40",
        b"\x00\xff\x2f\x00",
    ],
)
def test_what_leaves_a_doubt_is_not_taken_apart(rest: bytes):
    assert find_rest(rest, 0, 0) is None


def test_times_of_what_is_taken_out_are_kept():
    rest = find_rest(b"\x05\x90\x3c\x40\x81\x00\xff\x58\x02\x03\x02\x02\xff\x01\x00\x03\x3c\x00\x07\xff\x2f\x00", 0, 0)
    assert rest is not None and rest.run.delta.tolist() == [5, 128 + 2 + 3]
    assert rest.messages == [(1, 128, 0x58, b"\x03\x02"), (1, 130, 0x01, b""), (2, 7, 0x2F, b"")]
