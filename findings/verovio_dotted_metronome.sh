#!/usr/bin/env bash
# Guess: a metronome mark of a dotted note (a jig's dotted quarter = 60) is half as fast again in quarters: Verovio's MIDI has 90 quarters
#   a minute, as music21's has.
# What happens: Verovio takes the dot for a third: dotted quarter = 60 becomes 80 quarters a minute, 80 becomes 106.67, dotted half = 60
#   becomes 160, dotted eighth = 120 becomes 80, in MusicXML, and in MEI (mm.dots), which is not shown here. Marks without a dot are right, and so is a file that
#   says its tempo in a <sound> besides. Nothing is said.
# Who meets it: who renders scores in 6/8, 9/8 or 12/8 to MIDI or to times (timemaps, score following, corpora with audio): all
#   that is marked by dotted notes alone is a ninth too slow, evenly, so that it looks like a tempo.
# Versions: verovio 6.4.1 on Linux, music21 10.5.1, mido 1.3.3, Python 3.11, 2026-11-29.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check verovio==6.4.1 music21==10.5.1 mido==1.3.3
venv/bin/python - <<'PYTHON'
import base64
import io
import sys

import mido
import music21
import verovio

MUSICXML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
<part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1"><measure number="1">
<attributes><divisions>2</divisions><key><fifths>0</fifths></key><time><beats>6</beats><beat-type>8</beat-type></time>
<clef><sign>G</sign><line>2</line></clef></attributes>
<direction placement="above"><direction-type><metronome><beat-unit>{unit}</beat-unit>{dot}<per-minute>{mark}</per-minute></metronome>
</direction-type>{sound}</direction>
<note><pitch><step>C</step><octave>5</octave></pitch><duration>3</duration><voice>1</voice><type>quarter</type><dot/></note>
<note><pitch><step>D</step><octave>5</octave></pitch><duration>3</duration><voice>1</voice><type>quarter</type><dot/></note>
</measure></part></score-partwise>"""
QUARTERS = {"half": 2.0, "quarter": 1.0, "eighth": 0.5}


def tempo(data: bytes) -> float:
    """Quarters a minute of a MIDI file that has one tempo."""
    (found,) = {m.tempo for track in mido.MidiFile(file=io.BytesIO(data)).tracks for m in track if m.type == "set_tempo"}
    return 60e6 / found


def by_verovio(score: str) -> float:
    toolkit = verovio.toolkit()
    toolkit.loadData(score)
    return tempo(base64.b64decode(toolkit.renderToMIDI()))


def by_music21(score: str) -> float:
    path = music21.converter.parseData(score, format="musicxml").write("midi", "by_music21.mid")
    with open(path, "rb") as file:
        return tempo(file.read())


print("verovio", verovio.toolkit().getVersion(), "music21", music21.__version__)
same = True
for unit, dotted, mark, told in (
    ("quarter", True, 60, False), ("quarter", True, 80, False), ("half", True, 60, False), ("eighth", True, 120, False),
    ("quarter", True, 60, True), ("quarter", False, 90, False), ("half", False, 60, False), ("eighth", False, 180, False),
):  # fmt: skip
    right = mark * QUARTERS[unit] * (1.5 if dotted else 1.0)
    sound = f'<sound tempo="{right:g}"/>' if told else ""
    score = MUSICXML.format(unit=unit, dot="<beat-unit-dot/>" if dotted else "", mark=mark, sound=sound)
    found, other = by_verovio(score), by_music21(score)
    said = ", and in a <sound>" if told else ""
    print(f"  {'dotted ' * dotted}{unit} = {mark}{said}: right {right:g}, verovio {found:.2f}, music21 {other:.2f} quarters a minute")
    seen = mark * QUARTERS[unit] * 4 / 3 if dotted and not told else right
    same &= abs(found - seen) < 0.01 and abs(other - right) < 0.01
print("as seen" if same else "behaves differently now")
sys.exit(0 if same else 1)
PYTHON
