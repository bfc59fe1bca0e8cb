"""Write the melodies in examples/: four short tunes of our own, eight bars each, as MIDI files.

    python scripts/make/make_examples.py [FOLDER]

The tunes are written here as text: a note is its name and octave (C4 is middle C), `r` is a rest, and `:n`
is the length in sixteenth notes; a bar line checks that the bar is full. The same text gives the same bytes
every time.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import mido

TICKS_PER_QUARTER = 480
TICKS_PER_STEP = TICKS_PER_QUARTER // 4
PITCH_CLASS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Score:
    name: str
    key: str  # as MIDI names keys: "D", "Gm"
    metre: tuple[int, int]
    tempo: float  # quarter notes a minute
    program: int  # General MIDI, from 0
    bars: str


LIVELY = """
D5:2 A4:2 F#4:2 A4:2 D5:2 E5:2 F#5:2 D5:2    | G5:2 F#5:2 E5:2 D5:2 B4:2 D5:2 G4:2 B4:2   |
C#5:2 E5:2 A4:2 C#5:2 E5:2 G5:2 F#5:2 E5:2   | F#5:2 D5:2 E5:2 C#5:2 D5:4 A4:4            |
D5:2 A4:2 F#4:2 A4:2 D5:2 E5:2 F#5:2 A5:2    | B5:2 A5:2 G5:2 F#5:2 G5:2 E5:2 B4:2 E5:2   |
C#5:2 E5:2 G5:2 E5:2 A5:2 G5:2 F#5:2 E5:2    | F#5:2 A5:2 E5:2 C#5:2 D5:8                 |
"""
LYRICAL = """
C5:6 D5:2 C5:4 A4:4     | F5:8 E5:6 D5:2          | D5:6 E5:2 F5:4 D5:4   | C5:12 r:4            |
A4:6 C5:2 F5:4 G5:4     | A5:8 G5:6 F5:2          | E5:6 D5:2 E5:4 G5:4   | F5:12 r:4            |
"""
WALTZ = """
G4:4 Bb4:4 D5:4         | G5:8 F#5:4              | Eb5:4 D5:4 C5:4       | D5:8 A4:4            |
Bb4:4 D5:4 G5:4         | Bb5:6 A5:2 G5:4         | F#5:2 G5:2 A5:4 D5:4  | G5:8 r:4             |
"""
JIG = """
E5:2 B4:2 E5:2 G5:2 F#5:2 E5:2   | F#5:2 D5:2 A4:2 D5:2 E5:2 F#5:2  |
G5:2 F#5:2 E5:2 B5:2 A5:2 G5:2   | A5:2 F#5:2 D5:2 A4:6             |
E5:2 B4:2 E5:2 G5:2 F#5:2 E5:2   | E5:2 C#5:2 A4:2 C#5:2 E5:2 A5:2  |
B5:2 A5:2 G5:2 F#5:4 D5:2        | E5:6 E5:4 r:2                    |
"""
SCORES = (
    Score("lively", key="D", metre=(4, 4), tempo=138, program=40, bars=LIVELY),  # violin
    Score("lyrical", key="F", metre=(4, 4), tempo=72, program=73, bars=LYRICAL),  # flute
    Score("waltz", key="Gm", metre=(3, 4), tempo=150, program=21, bars=WALTZ),  # accordion
    Score("jig", key="Em", metre=(6, 8), tempo=168, program=72, bars=JIG),  # piccolo, 112 dotted quarter notes
)


@dataclass(frozen=True)
class DrumScore:
    """Two bars of drums in 4/4: a line for each note, x a hit, X an accent, . a rest, all on the grid."""

    name: str
    tempo: int
    lines: dict[int, str]


BACKBEAT = {
    42: "x.x.x.x.x.x.x.x.|x.x.x.x.x.x.x...",
    46: "................|..............x.",
    38: "....X.......X...|....X.......X..x",
    36: "X.......X.x.....|X..x....X.x.....",
}
TOMS = {
    51: "X...x...X...x...|X...x...X...x...",
    44: "....x.......x...|....x.......x...",
    48: "................|........xx......",
    45: "......x.......x.|..........xx....",
    43: "..x.......x.....|..x.........xxX.",
    36: "X.....X...X.....|X.....X...X.....",
    37: "........x.......|........x.......",
}
DRUM_SCORES = (DrumScore("backbeat", tempo=104, lines=BACKBEAT), DrumScore("toms", tempo=92, lines=TOMS))


def drum_file(score: DrumScore) -> mido.MidiFile:
    """A MIDI file of one track on channel 10."""
    events = [
        (step * TICKS_PER_STEP, note, 112 if mark == "X" else 84)
        for note, line in score.lines.items()
        for step, mark in enumerate(line.replace("|", ""))
        if mark != "."
    ]
    messages = [(tick, 1, note, velocity) for tick, note, velocity in events]
    messages += [(tick + TICKS_PER_STEP // 2, 0, note, 0) for tick, note, _ in events]
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo))])
    now = 0
    for tick, is_on, note, velocity in sorted(messages):
        kind = "note_on" if is_on else "note_off"
        track.append(mido.Message(kind, channel=9, note=note, velocity=velocity, time=tick - now))
        now = tick
    return mido.MidiFile(type=0, ticks_per_beat=TICKS_PER_QUARTER, tracks=[track])


def pitch(name: str) -> int:
    """The MIDI pitch of a note name.

    >>> pitch("C4"), pitch("F#5"), pitch("Bb4")
    (60, 78, 70)
    """
    return 12 * (int(name[-1]) + 1) + PITCH_CLASS[name[0]] + name.count("#") - name[1:].count("b")


def notes(score: Score) -> list[tuple[int, int, int]]:
    """The notes of a score as (start, end, pitch), in steps of a sixteenth note."""
    full = 16 * score.metre[0] // score.metre[1]
    found, start = [], 0
    for number, bar in enumerate(score.bars.strip().rstrip("|").split("|")):
        for word in bar.split():
            name, length = word.split(":")
            if name != "r":
                found.append((start, start + int(length), pitch(name)))
            start += int(length)
        if start != full * (number + 1):
            raise ValueError(f"{score.name}: bar {number + 1} has {start - full * number} steps, not {full}")
    return found


def midi_file(score: Score) -> mido.MidiFile:
    """A MIDI file of type 1: a track with key, metre and tempo, then the melody."""
    conductor = mido.MidiTrack(
        [
            mido.MetaMessage("key_signature", key=score.key),
            mido.MetaMessage("time_signature", numerator=score.metre[0], denominator=score.metre[1]),
            mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo)),
        ]
    )
    melody = mido.MidiTrack([mido.MetaMessage("track_name", name="Melody")])
    melody.append(mido.Message("program_change", program=score.program))
    now = 0
    for start, end, number in notes(score):
        for kind, step in (("note_on", start), ("note_off", end)):
            melody.append(mido.Message(kind, note=number, velocity=80, time=(step - now) * TICKS_PER_STEP))
            now = step
    return mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_QUARTER, tracks=[conductor, melody])


def main(folder: str = "examples") -> None:
    Path(folder).mkdir(parents=True, exist_ok=True)
    files = {score.name: midi_file(score) for score in SCORES}
    files |= {f"drums/{score.name}": drum_file(score) for score in DRUM_SCORES}
    for name, file in files.items():
        path = Path(folder) / f"{name}.mid"
        path.parent.mkdir(exist_ok=True)
        part = path.with_suffix(".part")
        file.save(part)
        os.replace(part, path)
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
