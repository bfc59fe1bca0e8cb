#!/usr/bin/env bash
# Guess: a note has the program that is in force when it begins; a program change while it sounds, or at the tick of its end
#   but before its note-off in the file, is for the notes after it (General MIDI modules and FluidSynth play on).
# What happens: pretty_midi and miditoolkit give it the program at its end: all of the last note of a section goes to the next
#   section's instrument. @tonejs/midi begins a new track at the program change and finds the note-on in the one and the
#   note-off in the other: the note is in neither. Nothing is said. symusic has it right, so the readers differ on one file.
# Who meets it: who reads files of sequencers that send the next program a little early, so that it is there on the beat, or
#   before the note-offs of its tick: a stray note of an instrument more in each section, or a hole in the browser's playback.
# Versions: pretty_midi 0.2.11.post0, miditoolkit 1.0.1, symusic 0.6.0, mido 1.3.3, @tonejs/midi 2.0.28, FluidSynth 2.3.1 with
#   TimGM6mb (Debian 12); Python 3.11; 2026-11-28. fluidsynth, timgm6mb-soundfont and npm are installed if they are missing
#   (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
soundfont=/usr/share/sounds/sf2/TimGM6mb.sf2
command -v fluidsynth >/dev/null && [ -e $soundfont ] ||
    apt-get -qq install -y --no-install-recommends fluidsynth timgm6mb-soundfont >/dev/null
command -v npm >/dev/null || apt-get -qq install -y --no-install-recommends npm >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pretty_midi==0.2.11.post0 symusic==0.6.0 miditoolkit==1.0.1 mido==1.3.3 \
    "setuptools<81"
npm install --silent --no-audit --no-fund @tonejs/midi@2.0.28 >/dev/null
cat >make.py <<'PYTHON'
import mido

# tick, order within it, message: flute (73) for a quarter, then strings (48)
for name, change in (("after", (480, 1)), ("before", (480, -1)), ("early", (400, 0)), ("never", None)):
    rows = [
        (0, 0, mido.Message("program_change", program=73)),
        (0, 1, mido.Message("note_on", note=72, velocity=80)),
        (480, 0, mido.Message("note_off", note=72)),
    ]
    if change:
        rows.append((*change, mido.Message("program_change", program=48)))
        rows.append((480, 2, mido.Message("note_on", note=60, velocity=80)))
        rows.append((960, 0, mido.Message("note_off", note=60)))
    rows.sort(key=lambda row: row[:2])
    track = [message.copy(time=tick - before) for (tick, _, message), before in zip(rows, [0] + [row[0] for row in rows])]
    file = mido.MidiFile(type=0, ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack(track))
    file.save(f"{name}.mid")
PYTHON
cat >tone.js <<'JS'
const { Midi } = require("@tonejs/midi");
const tracks = new Midi(require("fs").readFileSync(process.argv[2])).tracks;
console.log(JSON.stringify(Object.fromEntries(tracks.flatMap((t) => t.notes.map((n) => [n.midi, t.instrument.number])))));
JS
cat >read.py <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

import miditoolkit
import pretty_midi
import symusic


def of_tone(path: str) -> dict[int, int]:
    said = subprocess.run(["node", "tone.js", path], check=True, capture_output=True, text=True).stdout
    return {int(pitch): program for pitch, program in json.loads(said).items()}


def of_instruments(instruments: list) -> dict[int, int]:
    return {note.pitch: int(each.program) for each in instruments for note in each.notes}


right = {72: 73, 60: 48}
readers = {  # name -> version, how it reads, and what it finds where the change comes before the note-off
    "symusic": (version("symusic"), lambda path: of_instruments(symusic.Score(path).tracks), right),
    "pretty_midi": (version("pretty_midi"), lambda path: of_instruments(pretty_midi.PrettyMIDI(path).instruments), {72: 48, 60: 48}),
    "miditoolkit": (version("miditoolkit"), lambda path: of_instruments(miditoolkit.MidiFile(path).instruments), {72: 48, 60: 48}),
    "@tonejs/midi": ("2.0.28", of_tone, {60: 48}),
}
changed = False
for name in ("after", "before", "early"):
    for reader, (number, read, otherwise) in readers.items():
        found = read(f"{name}.mid")
        print(f"change {name}: {reader} {number}: programs of the pitches {dict(sorted(found.items()))}")
        changed |= found != (right if name == "after" else otherwise)
sys.exit(changed)
PYTHON
venv/bin/python make.py
changed=0
venv/bin/python -W ignore read.py || changed=1
fluidsynth --version 2>/dev/null | head -1
for name in never early; do # 22,000 frames are 0.499 of the 0.5 s of the note, the change comes at 0.417
    fluidsynth -q -i -n -R 0 -C 0 -r 44100 -T raw -F $name.raw $soundfont $name.mid >/dev/null 2>&1
done
if cmp -s -n $((22000 * 4)) never.raw early.raw; then
    echo "fluidsynth: the flute plays on after the change"
else
    changed=1
fi
exit $changed
