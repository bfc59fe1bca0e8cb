#!/usr/bin/env bash
# Guess: a grace note with a slash (an acciaccatura) is played short whatever its written value, and a sixteenth is not
#   longer than an eighth; so MusicXML's documentation of `slash`, and other players.
# What happens: MuseScore 3 plays a slashed eighth for 61 of 480 ticks, and a slashed sixteenth or 32nd as an appoggiatura:
#   for half of its main note, a whole quarter before a half note. Its grace notes of other values than an eighth have no
#   slash, and the import of MusicXML does not say that it has dropped one.
# Who meets it: who makes MIDI of MusicXML in batches (corpora of scores), and wonders about main notes that are late by a
#   half of their length.
# Versions: MuseScore 3.2.3 (Debian 3.2.3+dfsg2-16), mido 1.3.3, 2026-11-27. musescore3 is installed if it is missing
#   (root).
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
command -v musescore3 >/dev/null || apt-get -qq install -y --no-install-recommends musescore3=3.2.3+dfsg2-16 >/dev/null
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check mido==1.3.3
for kind in eighth 16th 32nd; do
    cat >"$folder/$kind.musicxml" <<XML
<?xml version="1.0"?>
<score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>1</divisions><time><beats>4</beats><beat-type>4</beat-type></time>
</attributes><note><grace slash="yes"/><pitch><step>A</step><octave>5</octave></pitch><voice>1</voice><type>$kind</type></note>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice><type>half</type></note>
<note><pitch><step>E</step><octave>4</octave></pitch><duration>2</duration><voice>1</voice><type>half</type></note>
</measure></part></score-partwise>
XML
    (cd "$folder" && HOME=$folder QT_QPA_PLATFORM=offscreen musescore3 -o "$kind.mid" "$kind.musicxml" >/dev/null 2>&1) || true
done
(HOME=$folder QT_QPA_PLATFORM=offscreen musescore3 --version || true) 2>/dev/null
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import sys

import mido

found = {}
for kind in ("eighth", "16th", "32nd"):
    now = 0
    for message in mido.merge_tracks(mido.MidiFile(f"{sys.argv[1]}/{kind}.mid").tracks):
        now += message.time
        if message.type in ("note_on", "note_off") and message.note == 81 and (message.type == "note_off" or not message.velocity):
            found[kind] = now
print(f"ticks (480 a quarter) of a slashed grace note before a half note: {found}")
sys.exit(not (found["eighth"] < 120 and found["16th"] > 470 and found["32nd"] > 470))
PYTHON
