"""Hits that a plugin sent, beside those of a groove."""

from __future__ import annotations

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI

STEP = 6000  # frames a sixteenth, at 120 quarter notes a minute and 48 kHz
Hits = list[tuple[int, int, int]]  # frame, note, velocity


def expected_hits(groove: Groove) -> Hits:
    """The hits of a groove as the plugin plays them from its start: nothing is before it."""
    hits = [
        (max(round(at * STEP), 0), GENERAL_MIDI.note_of(instrument), velocity)
        for at, instrument, velocity in groove.notes()
    ]
    return sorted(hits)


def assert_equal(found: Hits, wanted: Hits, until: int) -> None:
    """All of them, to a frame; the early hits of what comes after the end are not looked at."""
    found, wanted = ([hit for hit in each if hit[0] < until] for each in (found, wanted))
    assert [hit[1:] for hit in sorted(found, key=_place)] == [hit[1:] for hit in sorted(wanted, key=_place)]
    for key in {key for _, key, _ in wanted}:
        pairs = zip(*([frame for frame, each, _ in hits if each == key] for hits in (found, wanted)), strict=True)
        assert all(abs(one - other) <= 1 for one, other in pairs)


def _place(hit: tuple[int, int, int]) -> tuple[int, int]:
    return hit[1], hit[0]
