"""What there is to say about the tracks of a file: figures for machines, a table with small rolls for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..midi.instruments import instrument_name
from ..midi.melody_track import Candidate, TrackChoice, polyphony, rank_tracks
from ..midi.score import Track, Tune
from ..music.transcription import transcribe_track

NOTE_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
COLUMNS = 40  # of a small roll, for the length of the file
MIN_WIDTH = 100  # of a terminal, in characters, from which on rolls have room
_ROWS = 4  # of dots in a Braille character, which has two columns of them
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))  # by column and row, from the top
_MIN_SPAN = 12  # semitones that the rows stand for


def track_figures(tune: Tune, chosen: Track) -> list[dict[str, Any]]:
    """Of each track what it is, where it plays, and how likely it is the melody.

    `place` counts from 1, the likeliest; drums have none. `roll` is the highest pitch that sounds in each of `COLUMNS`
    equal parts of the file, None where it rests.
    """
    places = {each.track.index: (place, each) for place, each in enumerate(rank_tracks(tune), start=1)}
    return [_figures(track, tune, chosen, *places.get(track.index, (None, None))) for track in tune.tracks]


def _figures(track: Track, tune: Tune, chosen: Track, place: int | None, candidate: Candidate | None) -> dict[str, Any]:
    pitch = track.notes["pitch"]
    source = transcribe_track(tune, TrackChoice(track, ""))
    return {
        "track": track.index,
        "name": track.name,
        "channel": track.channel + 1,
        "instrument": instrument_name(track),
        "notes": len(track.notes),
        "lowest": int(pitch.min()),
        "highest": int(pitch.max()),
        "first_bar": source.first_bar + 1,
        "last_bar": source.line.bars,
        "polyphony": round(polyphony(track), 3),
        "score": round(candidate.score, 3) if candidate else 0.0,
        "chosen": track.index == chosen.index,
        "place": place,
        "reason": candidate.reason if candidate else "drums",
        "roll": outline(track.notes, tune.length),
    }


def outline(notes: np.ndarray, length: float) -> list[int | None]:
    """The highest pitch that sounds in each of `COLUMNS` equal parts of so many beats, None where none does."""
    width = max(length, 1e-9) / COLUMNS
    first = np.minimum(notes["start"] / width, COLUMNS - 1).astype(int)
    last = np.clip(np.ceil(notes["end"] / width).astype(int) - 1, first, COLUMNS - 1)
    parts = ((first <= column) & (column <= last) for column in range(COLUMNS))
    return [int(notes["pitch"][part].max()) if part.any() else None for part in parts]


def pitch_name(pitch: int) -> str:
    """C4 is middle C, MIDI pitch 60.

    >>> pitch_name(60), pitch_name(70)
    ('C4', 'Bb4')
    """
    return f"{NOTE_NAMES[pitch % 12]}{pitch // 12 - 1}"


def small_roll(pitches: Sequence[int | None]) -> str:
    """A line of Braille characters with a dot for each pitch, the highest ones on top.

    >>> small_roll([60, 64, None, 67, 72, 72])
    '⡠⠐⠉'
    """
    there = [pitch for pitch in pitches if pitch is not None]
    top = max(there, default=0)
    span = max(top - min(there, default=0), _MIN_SPAN)
    text = [0x2800] * -(-len(pitches) // 2)
    for column, pitch in enumerate(pitches):
        if pitch is not None:
            row = min(_ROWS * (top - pitch) // (span + 1), _ROWS - 1)
            text[column // 2] |= _DOTS[column % 2][row]
    return "".join(map(chr, text))


def print_tracks(tracks: Sequence[dict[str, Any]]) -> None:
    """The tracks as `track_figures` has them, a row for each; the chosen one has a star, the others their place."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 240  # a table in a file or a pipe is not to be folded
    has_rolls = console.encoding.lower().startswith("utf") and console.width >= MIN_WIDTH
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("", "track", "name", "channel", "instrument", "notes", "range", "bars", "chords", "score"):
        table.add_column(name, justify="left" if name in ("", "name", "instrument", "range") else "right")
    if has_rolls:
        table.add_column("", no_wrap=True)
    for track in tracks:
        cells = ["*" if track["chosen"] else track["place"] or "", track["track"], track["name"], track["channel"]]
        cells += [track["instrument"], track["notes"]]
        cells += [f"{pitch_name(track['lowest'])} to {pitch_name(track['highest'])}"]
        cells += [f"{track['first_bar']}-{track['last_bar']}", f"{track['polyphony']:.0%}", f"{track['score']:.2f}"]
        cells += [small_roll(track["roll"])] * has_rolls
        table.add_row(*[Text(str(cell)) for cell in cells], style="bold" if track["chosen"] else None)
    console.print(table)
