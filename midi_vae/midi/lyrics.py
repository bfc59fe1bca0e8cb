"""Lyrics and texts of a MIDI file -> where syllables are sung."""

from __future__ import annotations

import re
from collections.abc import Sequence

MAX_SYLLABLES = 50_000
MAX_WORDS = 2.0  # in an event on average; more are lines, titles or remarks, which meet no notes
MAX_CHORDS = 0.5  # share of events that are names of chords, from which on all are
_SPACES = b"\r\n /\\"  # and what stands for a new line in karaoke files
_CHORD = re.compile(
    rb"[(\[%]?[A-H][b#]?(?:M|maj|ma|min|mi|m|dim|aug|sus|add|alt|[o+\-()/,b#\d])*(?:/[A-H][b#]?)?[)\]]?", re.ASCII
)
_NO_WORD = re.compile(rb"[%<]|[\d:.\s]+$")


def syllables(events: Sequence[tuple[int, bytes]]) -> list[int]:
    """Ticks at which syllables begin; where lyrics are timed letter by letter, at which words do.

    None where the events are names of chords, or lines of several words.

    Args:
        events: (tick, text in whatever encoding) of one kind of meta event.

    >>> syllables([(0, b"Hap"), (240, b"py "), (480, b"birth"), (720, b"day")]), syllables([(0, b"Am7"), (960, b"G/B")])
    ([0, 240, 480, 720], [])
    """
    events = events[:MAX_SYLLABLES]
    shown = [(tick, text.strip(_SPACES)) for tick, text in events if _is_word(text)]
    chords = sum(_CHORD.fullmatch(text) is not None for _, text in shown)
    if chords > MAX_CHORDS * len(shown) or sum(len(text.split()) for _, text in shown) > MAX_WORDS * len(shown):
        return []
    letters = sum(len(text) == 1 and text.isalpha() for _, text in shown)
    if letters <= len(shown) / 2:
        return [tick for tick, _ in shown]
    words, is_new = [], True
    for tick, text in events:
        if text.strip(_SPACES) and (is_new or text[:1] in (b" ", b"/", b"\\")):
            words.append(tick)
        is_new = text[-1:] in (b" ", b"\r", b"\n", b"")
    return words


def _is_word(text: bytes) -> bool:
    """Whether it may be sung: not a number of a bar, nor one of the chords and remarks of M-Live's karaoke files."""
    return not _NO_WORD.match(text) and bool(text.strip(_SPACES))
