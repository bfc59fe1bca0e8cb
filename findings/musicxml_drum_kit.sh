#!/usr/bin/env bash
# Guess: a drum set in MusicXML says of each of its instruments which key of General MIDI it is (<midi-unpitched>, counted from
#   1) and of each note which instrument it plays, so a library that turns MusicXML into MIDI puts bass drum, closed hi-hat,
#   snare, hi-hat as 36, 42, 38, 42 on channel 10; one that cannot refuses.
# What happens: verovio does. music21 reads the first instrument of the part alone and plays all notes on it: 36, 36, 36, 36 on
#   channel 10, so the groove is one drum. partitura's note_array() of the part has no notes, and its save_score_midi() raises
#   KeyError for the whole score, piano and all. MusPy refuses the file, for want of an `id` in <instrument>, which is there.
#   The first of these says nothing.
# Who meets it: who makes MIDI or note arrays of scores of bands (MuseScore, Guitar Pro and Sibelius export drums like this) to
#   train on drums or to render: hits are right in number and place, and wrong in kind.
# Versions: music21 10.5.1, partitura 1.9.0, verovio 6.4.1, muspy 0.5.0, mido 1.3.3, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check music21==10.5.1 partitura==1.9.0 verovio==6.4.1 muspy==0.5.0 mido==1.3.3
venv/bin/python -W ignore - <<'PYTHON'
import contextlib
import io
import sys
from importlib.metadata import version

import mido
import music21
import muspy
import partitura
import verovio

KIT = {"Bass Drum 1": (36, "F", 4), "Acoustic Snare": (38, "C", 5), "Closed Hi-Hat": (42, "G", 5)}
GROOVE = ("Bass Drum 1", "Closed Hi-Hat", "Acoustic Snare", "Closed Hi-Hat")
EXPECTED = [(10, KIT[name][0]) for name in GROOVE]
ATTRIBUTES = (
    "<attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time><clef>{clef}</clef></attributes>"
)


def part(identifier: str, name: str, instruments: dict[str, str]) -> str:
    """The entry of a part in the list: its instruments, and what each is in MIDI."""
    names = "".join(
        f'<score-instrument id="{key}"><instrument-name>{key}</instrument-name></score-instrument>' for key in instruments
    )
    midi = "".join(f'<midi-instrument id="{key}">{what}</midi-instrument>' for key, what in instruments.items())
    return f'<score-part id="{identifier}"><part-name>{name}</part-name>{names}{midi}</score-part>'


keys = {name.replace(" ", ""): value for name, value in KIT.items()}
kit = {
    key: f"<midi-channel>10</midi-channel><midi-program>1</midi-program><midi-unpitched>{number + 1}</midi-unpitched>"
    for key, (number, _, _) in keys.items()
}
hits = "".join(
    "<note><unpitched><display-step>{1}</display-step><display-octave>{2}</display-octave></unpitched><duration>1</duration>"
    '<instrument id="{0}"/><voice>1</voice><type>quarter</type></note>'.format(key, *keys[key][1:])
    for key in (name.replace(" ", "") for name in GROOVE)
)
tune = "".join(
    f"<note><pitch><step>{step}</step><octave>5</octave></pitch><duration>1</duration><voice>1</voice><type>quarter</type></note>"
    for step in "CDEF"
)
with open("band.musicxml", "w") as score:
    score.write(
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 3.1 Partwise//EN" '
        '"http://www.musicxml.org/dtds/partwise.dtd">\n<score-partwise version="3.1"><part-list>'
        + part("P1", "Piano", {"Piano": "<midi-channel>1</midi-channel><midi-program>1</midi-program>"})
        + part("P2", "Drumset", kit)
        + '</part-list><part id="P1"><measure number="1">'
        + ATTRIBUTES.format(clef="<sign>G</sign><line>2</line>")
        + tune
        + '</measure></part><part id="P2"><measure number="1">'
        + ATTRIBUTES.format(clef="<sign>percussion</sign>")
        + hits
        + "</measure></part></score-partwise>"
    )


def drums(path: str) -> list[tuple[int, int]]:
    """Channel (from 1) and key of each note of the file but those of the piano's channel."""
    notes = [message for message in mido.MidiFile(path) if message.type == "note_on" and message.velocity]
    return [(note.channel + 1, note.note) for note in notes if note.channel]


def told(name: str, found: object) -> object:
    print(f"{name} {version(name)}: {found}")
    return found


is_so = []
toolkit = verovio.toolkit()
toolkit.loadFile("band.musicxml")
toolkit.renderToMIDIFile("verovio.mid")
is_so.append(told("verovio", drums("verovio.mid")) == EXPECTED)
music21.converter.parse("band.musicxml", forceSource=True).write("midi", "music21.mid")
is_so.append(told("music21", drums("music21.mid")) == [(10, 36)] * 4)
with contextlib.redirect_stderr(io.StringIO()):
    score = partitura.load_score("band.musicxml")
is_so.append(told("partitura", [len(part.note_array()) for part in score.parts]) == [4, 0])
for name, write in (
    ("partitura", lambda: partitura.save_score_midi(score, "partitura.mid")),
    ("muspy", lambda: muspy.read_musicxml("band.musicxml")),
):
    try:
        write()
        is_so.append(told(name, "no error") is None)
    except Exception as error:
        is_so.append(told(name, type(error).__name__) in ("KeyError", "MusicXMLError"))
sys.exit(not all(is_so))
PYTHON
