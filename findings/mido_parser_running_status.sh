#!/usr/bin/env bash
# Guess: mido.Parser, which takes bytes as they come, reads every stream that MIDI 1.0 allows on a cable: running status (a
#   status byte stands for all messages till the next one; mido's reader of files knows it), and real-time bytes (clock, active
#   sensing) between any two others, which change nothing for the message about them.
# What happens: of messages under one status byte the first is taken and the others are dropped; and a clock or active sensing
#   byte within a message drops that message (within a SysEx it does not). Nothing is said. Note-offs are lost as well, so notes hang.
#   A stream of whole messages, which the drivers of the operating systems hand on, is read rightly, so a trial with a USB
#   keyboard does not show it.
# Who meets it: who reads a MIDI input at a serial port (31,250 baud: a Raspberry Pi's UART) or a capture of one and feeds it
#   to mido: many older keyboards send running status, note-offs as note-ons of velocity 0 so that it goes on, and sequencers send clock.
# Versions: mido 1.3.3, Python 3.11; 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mido==1.3.3
"$folder/venv/bin/python" - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import mido

NOTES = [(60, 64), (64, 64), (67, 64), (60, 0), (64, 0), (67, 0)]  # a triad: three note-ons, and their ends by velocity 0
streams = {
    "whole messages": [byte for note in NOTES for byte in (0x90, *note)],
    "running status": [0x90, *(byte for note in NOTES for byte in note)],
    "a clock amid the second note-on": [
        byte for place, (note, velocity) in enumerate(NOTES) for byte in (0x90, note, *([0xF8] if place == 1 else []), velocity)
    ],
    "a clock amid a SysEx": [0xF0, 1, 2, 0xF8, 3, 0xF7],
}
found = {}
for name, stream in streams.items():
    parser = mido.Parser()
    parser.feed(stream)
    found[name] = [
        (m.note, m.velocity) if m.type == "note_on" else tuple(m.data) if m.type == "sysex" else m.type for m in parser
    ]
    print(f"{name}, {' '.join(f'{byte:02X}' for byte in stream)}: {found[name]}")
track = bytes([0, 0x90, *NOTES[0], *(byte for note in NOTES[1:] for byte in (0, *note)), 0, 0xFF, 0x2F, 0])
file = mido.MidiFile(file=io.BytesIO(b"MThd\0\0\0\6\0\0\0\1\1\xe0MTrk" + len(track).to_bytes(4, "big") + track))
in_file = [(m.note, m.velocity) for m in file.tracks[0] if m.type == "note_on"]
print(f"running status in a file: {in_file}; mido {version('mido')}")
expected = {
    "whole messages": NOTES,
    "running status": NOTES[:1],
    "a clock amid the second note-on": [NOTES[0], "clock", *NOTES[2:]],
    "a clock amid a SysEx": ["clock", (1, 2, 3)],
}
sys.exit(found != expected or in_file != NOTES)
PYTHON
