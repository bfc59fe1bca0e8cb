#!/usr/bin/env bash
# Guess: a program belongs to a MIDI channel, so a type 1 file whose first track sets the programs of all channels and whose
#   other tracks have the notes (setup tracks, as sequencers for GS and XG modules write them) is read with these programs.
#   So it is played: the tracks of type 1 are one performance.
# What happens: pretty_midi, symusic, miditoolkit, music21 and @tonejs/midi look for the program in the notes' own track; both
#   parts are read as program 0 (music21: as no instrument), and nothing is said. @tonejs/midi gives the setup track the last
#   of the programs, 73, and no notes. FluidSynth plays the file as it plays one with each program in its own track.
# Who meets it: who counts, filters or conditions on instruments in corpora of MIDI files (the piano share comes out too
#   large), and who renders again what was read: violin and flute return as two pianos.
# Versions: pretty_midi 0.2.11.post0, symusic 0.6.0, miditoolkit 1.0.1, music21 10.5.1, mido 1.3.3, @tonejs/midi 2.0.28,
#   FluidSynth 2.3.1 with TimGM6mb (Debian 12); Python 3.11; 2026-11-28. fluidsynth, timgm6mb-soundfont and npm are installed
#   if they are missing (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
soundfont=/usr/share/sounds/sf2/TimGM6mb.sf2
command -v fluidsynth >/dev/null && [ -e $soundfont ] ||
    apt-get -qq install -y --no-install-recommends fluidsynth timgm6mb-soundfont >/dev/null
command -v npm >/dev/null || apt-get -qq install -y --no-install-recommends npm >/dev/null
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pretty_midi==0.2.11.post0 symusic==0.6.0 miditoolkit==1.0.1 \
    music21==10.5.1 mido==1.3.3 "setuptools<81"
npm install --silent --no-audit --no-fund @tonejs/midi@2.0.28 >/dev/null
cat >make.py <<'PYTHON'
import mido

for name in ("setup_track", "own_track", "no_programs"):
    programs = [mido.Message("program_change", channel=channel, program=program) for channel, program in ((0, 40), (1, 73))]
    file = mido.MidiFile(type=1, ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack(programs if name == "setup_track" else []))
    for channel, pitch in ((0, 67), (1, 76)):
        track = [programs[channel]] if name == "own_track" else []
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=80, time=10))
        track.append(mido.Message("note_off", channel=channel, note=pitch, time=480))
        file.tracks.append(mido.MidiTrack(track))
    file.save(f"{name}.mid")
PYTHON
cat >tone.js <<'JS'
const { Midi } = require("@tonejs/midi");
const tracks = new Midi(require("fs").readFileSync(process.argv[2])).tracks;
console.log(JSON.stringify(Object.fromEntries(tracks.filter((t) => t.notes.length).map((t) => [t.notes[0].midi, t.instrument.number]))));
JS
cat >read.py <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version

import miditoolkit
import music21
import pretty_midi
import symusic


def of_music21(path: str) -> dict[int, int | None]:
    found = {}
    for part in music21.converter.parse(path).parts:
        instruments = [each.midiProgram for each in part.recurse().getElementsByClass("Instrument")]
        found[part.recurse().notes[0].pitch.midi] = instruments[0] if instruments else None
    return found


readers = {
    "pretty_midi": lambda path: {i.notes[0].pitch: int(i.program) for i in pretty_midi.PrettyMIDI(path).instruments},
    "symusic": lambda path: {t.notes[0].pitch: t.program for t in symusic.Score(path).tracks if t.notes},
    "miditoolkit": lambda path: {i.notes[0].pitch: int(i.program) for i in miditoolkit.MidiFile(path).instruments},
    "music21": of_music21,
}
changed = False
for name, program in (("own_track", {67: 40, 76: 73}), ("setup_track", {67: 0, 76: 0})):
    for reader, read in readers.items():
        found = read(f"{name}.mid")
        print(f"{name}: {reader} {version(reader)}: programs of pitches {found}")
        changed |= {pitch: value or 0 for pitch, value in found.items()} != program
    said = subprocess.run(["node", "tone.js", f"{name}.mid"], check=True, capture_output=True, text=True).stdout
    print(f"{name}: @tonejs/midi 2.0.28: programs of pitches {said.strip()}")
    changed |= {int(pitch): value for pitch, value in json.loads(said).items()} != program
sys.exit(changed)
PYTHON
venv/bin/python make.py
changed=0
venv/bin/python -W ignore read.py || changed=1
fluidsynth --version 2>/dev/null | head -1
for name in setup_track own_track no_programs; do
    fluidsynth -q -i -n -R 0 -C 0 -T raw -F $name.raw $soundfont $name.mid >/dev/null 2>&1
done
if cmp -s setup_track.raw own_track.raw && ! cmp -s setup_track.raw no_programs.raw; then
    echo "fluidsynth: setup_track sounds as own_track to the byte, and otherwise than without programs"
else
    changed=1
fi
exit $changed
