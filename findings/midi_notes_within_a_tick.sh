#!/usr/bin/env bash
# Guess: a note that is shorter than half a tick of the file that it is written to, a drum hit say, is written as long as a tick
#   or as nothing: note-on, then note-off. Read again it is short, or it is missing.
# What happens: pretty_midi and miditoolkit sort note-offs before note-ons of the same tick, those of other notes and its own
#   too. So the note-off of such a note precedes it, and it sounds until the next note-off of its pitch: hits of half a
#   millisecond, a second apart, are read again a second long each (pretty_midi, miditoolkit and symusic read them so), and the
#   last one hangs in a synthesizer. Nothing is said. symusic writes them on, off; pretty_midi leaves such notes out when it reads.
# Who meets it: who writes hits or transcribed notes by their times at the resolution of a file that was read (24 to 96 ticks a
#   quarter are common: a tick of 24 at 60 beats a minute is 42 ms), or notes whose start and end were both quantized.
# Versions: pretty_midi 0.2.11.post0, miditoolkit 1.0.1, symusic 0.6.0, mido 1.3.3, NumPy 2.2.6, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pretty_midi==0.2.11.post0 miditoolkit==1.0.1 symusic==0.6.0 mido==1.3.3 numpy==2.2.6 setuptools==65.5.0
venv/bin/python -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import miditoolkit
import mido
import pretty_midi
import symusic

RESOLUTION, SNARE = 24, 38  # at 120 beats a minute a tick is 21 ms, and a second is 48 ticks
STARTS = (0.0, 1.0, 2.0)
SHORT = 0.0005
print(", ".join(f"{name} {version(name)}" for name in ("pretty_midi", "miditoolkit", "symusic", "mido")))


def write_by_pretty_midi(path: str) -> None:
    tune, drums = pretty_midi.PrettyMIDI(resolution=RESOLUTION, initial_tempo=120), pretty_midi.Instrument(0, is_drum=True)
    drums.notes = [pretty_midi.Note(100, SNARE, start, start + SHORT) for start in STARTS]
    drums.notes.append(pretty_midi.Note(100, SNARE, 3, 3.25))
    tune.instruments.append(drums)
    tune.write(path)


def in_ticks(seconds: float) -> int:
    return round(seconds * 2 * RESOLUTION)


def write_by_miditoolkit(path: str) -> None:
    tune, drums = miditoolkit.MidiFile(ticks_per_beat=RESOLUTION), miditoolkit.Instrument(0, is_drum=True)
    drums.notes = [miditoolkit.Note(100, SNARE, in_ticks(start), in_ticks(start + SHORT)) for start in STARTS]
    drums.notes.append(miditoolkit.Note(100, SNARE, in_ticks(3), in_ticks(3.25)))
    tune.instruments.append(drums)
    tune.dump(path)


def write_by_symusic(path: str) -> None:
    tune, drums = symusic.Score(RESOLUTION), symusic.Track(is_drum=True)
    for start in STARTS:
        drums.notes.append(symusic.Note(in_ticks(start), in_ticks(start + SHORT) - in_ticks(start), SNARE, 100))
    drums.notes.append(symusic.Note(in_ticks(3), in_ticks(3.25) - in_ticks(3), SNARE, 100))
    tune.tracks.append(drums)
    tune.dump_midi(path)


def first_two(path: str) -> list[str]:
    """The first two messages about notes, both at tick 0."""
    found = [message for message in mido.MidiFile(path) if message.type in ("note_on", "note_off")]
    return ["on" if message.type == "note_on" and message.velocity else "off" for message in found[:2]]


def lengths(path: str) -> dict[str, list[int]]:
    """How many ticks long the notes are, as each library reads them."""
    tune = pretty_midi.PrettyMIDI(path)
    notes = [note for instrument in tune.instruments for note in instrument.notes]
    return {
        "pretty_midi": [round((note.end - note.start) * 2 * RESOLUTION) for note in notes],
        "miditoolkit": [note.end - note.start for note in miditoolkit.MidiFile(path).instruments[0].notes],
        "symusic": [note.duration for note in symusic.Score(path).tracks[0].notes],
    }


is_so = []
for name, write in (
    ("pretty_midi", write_by_pretty_midi), ("miditoolkit", write_by_miditoolkit), ("symusic", write_by_symusic),
):  # fmt: skip
    write("drums.mid")
    order, found = first_two("drums.mid"), lengths("drums.mid")
    print(f"written by {name}: {', '.join(order)}; ticks that the hits are long, read by " + ", ".join(f"{k}: {v}" for k, v in found.items()))
    if name == "symusic":
        is_so.append(order == ["on", "off"] and found["symusic"] == [0, 0, 0, 12] and found["pretty_midi"] == [12])
    else:
        is_so.append(order == ["off", "on"] and all(min(ticks[:2]) >= 48 for ticks in found.values()))
sys.exit(not all(is_so))
PYTHON
