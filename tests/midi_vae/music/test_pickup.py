"""Pickups that no event tells, in files as LilyPond writes them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import raw_midi as raw

from midi_vae.cli.report import file_figures, print_file
from midi_vae.music.transcription import transcribe

LILYPOND = raw.meta(0x01, b"creator: ") + raw.meta(0x01, b"LilyPond 2.24.1               ")
QUARTER = 384  # ticks
# lengths in quarters, bar by bar; a minus is a rest
WALTZ = ((1, 1, 1), (2, 1), (1, 1, 1), (3,), (1, 1, 1), (2, 1), (1, 0.5, 0.5, 1), (3,))
MARCH = ((2, 1, 1), (1.5, 0.5, 2), (1, 1, 2), (4,), (2, 1, 1), (1.5, 0.5, 2), (1, 1, 1, 1), (4,))
PITCHES = (67, 69, 71, 74, 72, 71, 69, 66)


def tune(path: Path, bars: Sequence[Sequence[float]], metre: bytes, head: bytes = LILYPOND, late: int = 0) -> Path:
    """A melody over a bass of whole bars, with all silence written out."""
    played, lowest = [], []
    now, number = late, 0
    for bar in bars:
        begin = now
        for length in bar:
            end = now + round(abs(length) * QUARTER)
            if length > 0:
                played.append((now, end, PITCHES[number % 8]))
            now, number = end, number + 1
        if sum(map(abs, bar)) >= 2:
            lowest.append((begin, now, 43 + number % 5))
    rest = raw.meta(0x01, b"", 0)
    path.write_bytes(raw.file(head + metre, raw.notes(played) + rest, raw.notes(lowest, 1), division=QUARTER))
    return path


IN_THREE, IN_FOUR = raw.metre(3, 2), raw.metre(4, 2)


def complement(bars: Sequence[Sequence[float]], pickup: Sequence[float]) -> list[tuple[float, ...]]:
    """With a pickup, which the last bar makes whole."""
    return [tuple(pickup), *map(tuple, bars[:-1]), (sum(bars[-1]) - sum(pickup),)]


@pytest.mark.parametrize(
    ("bars", "metre", "beats"),
    [
        (complement(WALTZ, (1,)), IN_THREE, 1.0),
        (complement(WALTZ, (0.5, 0.5)), IN_THREE, 1.0),
        ([(1,), *WALTZ], IN_THREE, 1.0),
        (complement(MARCH, (1,)), IN_FOUR, 1.0),
        (complement(MARCH, (0.5,)), IN_FOUR, 0.5),
        (WALTZ, IN_THREE, 0.0),
        (MARCH, IN_FOUR, 0.0),
    ],
)
def test_the_notes_tell_a_pickup(tmp_path: Path, bars: Sequence[Sequence[float]], metre: bytes, beats: float):
    source = transcribe(tune(tmp_path / "tune.mid", bars, metre), track=1)
    assert (source.pickup.beats if source.pickup else 0.0) == beats
    size = 3 if metre == IN_THREE else 4
    assert source.line.sections[0].beat == (beats - size if beats else 0)
    assert source.line.start[0] == (4 * (size - beats) if beats else 0)


def test_only_where_lilypond_has_written(tmp_path: Path):
    path = tune(tmp_path / "tune.mid", complement(WALTZ, (1,)), IN_THREE, head=raw.tempo(500_000))
    assert transcribe(path, track=1).pickup is None


def test_not_where_notes_say_no_more_of_one_place_than_of_another(tmp_path: Path):
    path = tune(tmp_path / "tune.mid", [(1, 1, 1)] * 12, IN_THREE)
    assert transcribe(path, track=1).pickup is None


def test_a_new_metre_begins_with_a_bar(tmp_path: Path):
    """After 1 + 3 + 3 quarters, so that the first bar has one."""
    metres = IN_THREE + raw.metre(4, 2, 7 * QUARTER)
    path = tune(tmp_path / "tune.mid", [(1,), (1, 1, 1), (2, 1), (2, 1, 1), (4,), (2, 2)], metres)
    source = transcribe(path, track=1)
    assert source.pickup is not None and (source.pickup.beats, source.pickup.source) == (1.0, "metre change")
    assert [(section.beat, section.bar) for section in source.line.sections] == [(-2.0, 0), (7.0, 3)]


def test_it_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = str(tune(tmp_path / "tune.mid", complement(WALTZ, (1,)), IN_THREE))
    figures = file_figures(path, "1")
    pickup = json.loads(json.dumps(figures))["pickup"]
    assert (pickup["beats"], pickup["source"]) == (1.0, "estimate") and 0.98 <= pickup["probability"] <= 1
    print_file(figures)
    assert "a pickup of 1 quarter, estimated from the notes" in " ".join(capsys.readouterr().out.split())
