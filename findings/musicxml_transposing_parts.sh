#!/usr/bin/env bash
# Guess: MusicXML has the pitches of a clarinet or a horn as they are written and says in <transpose> how far from them it
#   sounds; a library that turns MusicXML into MIDI puts what sounds into the MIDI: a written C5 of a clarinet in B flat is 70.
# What happens: verovio and MusPy give 70. partitura gives 72, in its MIDI and in note_array(), whose column has the name
#   "pitch" as that of a performance, which sounds. music21 gives 72 for the score that it has parsed and 70 for the very part
#   in it, part.write("midi"): it transposes where the stream that is written says that it is at written pitch, and of a
#   parsed score only the parts say so. score.toSoundingPitch() before it gives 70. Nothing is said.
# Who meets it: who makes MIDI or note arrays of scores for orchestra or wind band to align them with recordings, and to train
#   on them: clarinets are a tone too high against the strings, horns a fifth; in a score for strings or piano all is well.
# Versions: music21 10.5.1, partitura 1.9.0, verovio 6.4.1, muspy 0.5.0, mido 1.3.3, Python 3.11, 2026-11-28.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check music21==10.5.1 partitura==1.9.0 verovio==6.4.1 muspy==0.5.0 mido==1.3.3 \
    "setuptools<81"
cat >score.musicxml <<'XML'
<?xml version="1.0"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Clarinet in Bb</part-name>
<score-instrument id="P1-I1"><instrument-name>Clarinet in Bb</instrument-name></score-instrument></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions><key><fifths>2</fifths></key><time><beats>4</beats>
<beat-type>4</beat-type></time><clef><sign>G</sign><line>2</line></clef>
<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose></attributes>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>4</duration><voice>1</voice><type>whole</type></note>
</measure></part></score-partwise>
XML
venv/bin/python -W ignore - 2>/dev/null <<'PYTHON'
import sys
from importlib.metadata import version

import mido
import music21
import muspy
import partitura
import verovio


def pitch_in(path: str) -> int:
    (pitch,) = (m.note for track in mido.MidiFile(path).tracks for m in track if m.type == "note_on" and m.velocity)
    return pitch


found = {}
score = music21.converter.parse("score.musicxml")
score.write("midi", "score.mid")
found["music21, score"] = pitch_in("score.mid")
score.parts[0].write("midi", "part.mid")
found["music21, its part"] = pitch_in("part.mid")
score.toSoundingPitch().write("midi", "sounding.mid")
found["music21, score.toSoundingPitch()"] = pitch_in("sounding.mid")
parts = partitura.load_musicxml("score.musicxml")
partitura.save_score_midi(parts, "partitura.mid")
found["partitura, MIDI"] = pitch_in("partitura.mid")
found["partitura, note_array()"] = int(parts[0].note_array()["pitch"][0])
toolkit = verovio.toolkit()
toolkit.loadFile("score.musicxml")
toolkit.renderToMIDIFile("verovio.mid")
found["verovio"] = pitch_in("verovio.mid")
muspy.write_midi("muspy.mid", muspy.read_musicxml("score.musicxml"))
found["muspy"] = pitch_in("muspy.mid")
print(", ".join(f"{name} {version(name)}" for name in ("music21", "partitura", "verovio", "muspy")))
for name, pitch in found.items():
    print(f"{name}: {pitch}")
written = {"music21, score", "partitura, MIDI", "partitura, note_array()"}
sys.exit(found != {name: 72 if name in written else 70 for name in found})
PYTHON
