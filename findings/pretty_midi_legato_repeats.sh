#!/usr/bin/env bash
# Guess: a repeated note that is held a little into its repeat (note-on, note-on, note-off, note-off of one pitch and
#   channel, valid MIDI 1.0) is read as two notes, each about as long as it was played; so read symusic and FIFO pairing.
# What happens: pretty_midi ends every sounding note of the pitch at the first note-off and ignores the second, so the
#   repeat of half a second is read as 25 ms; nothing is said. mido leaves pairing to its user.
# Who meets it: who trains on or counts note lengths of legato playing (keyboards, DAW exports with overlap).
# Versions: pretty_midi 0.2.11.post0, mido 1.3.3, symusic 0.6.0, Python 3.11, 2026-11-27.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check pretty_midi==0.2.11.post0 mido==1.3.3 symusic==0.6.0 "setuptools<81"
"$folder/venv/bin/python" -W ignore - "$folder/tune.mid" <<'PYTHON'
import sys
from importlib.metadata import version

import mido
import pretty_midi
import symusic

path = sys.argv[1]
file = mido.MidiFile(ticks_per_beat=480)  # 120 quarters a minute
track = file.add_track()
for kind, delta in (("note_on", 0), ("note_on", 480), ("note_off", 24), ("note_off", 456)):
    track.append(mido.Message(kind, note=60, velocity=64, time=delta))
file.save(path)

found = [round(float(n.end - n.start), 3) for n in pretty_midi.PrettyMIDI(path).instruments[0].notes]
other = [n.duration / 960 for n in symusic.Score(path).tracks[0].notes]
print(f"pretty_midi {version('pretty_midi')}: lengths {found} s; symusic {version('symusic')}: {other} s; played 0.525 and 0.5 s")
sys.exit(found != [0.525, 0.025] or other != [0.525, 0.5])
PYTHON
