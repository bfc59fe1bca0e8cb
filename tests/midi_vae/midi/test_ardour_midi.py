"""Eight bars as Ardour writes the notes of a MIDI region: before each event its own number, in a meta event.

Its menu is no part of the program without a screen, so a region is put into the text of a session; Ardour reads it,
a script plays the notes into it, and Ardour saves them. Its exit status says nothing (it may abort when all is
written), the file does.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw
from programs import PLAYED, READ, played, program

from midi_vae.importing import read_passage
from midi_vae.midi.reader import read_tune

pytestmark = pytest.mark.slow

BEAT = 1920  # ticks, as in all that Ardour writes
SOURCE = '<Sources><Source name="eight.mid" type="midi" flags="Writable,CanRename" id="9001" origin=""/></Sources>'
REGION = (
    '<Region name="eight" opaque="1" whole-file="0" start="b0" length="b{length}@b0" stretch="1" shift="1" type="midi" '
    'id="9002" source-0="9001" master-source-0="9001" channels="1"/>'
)
START = """
io.stdout:setvbuf("no")
AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_device_name("Silence")
AudioEngine:set_sample_rate(48000)
AudioEngine:set_buffer_size(1024)
AudioEngine:start(false)
"""
CREATE = """
local session = create_session(os.getenv("SESSION"), "session", 48000)
session:new_midi_track(ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1), ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2),
    true, ARDOUR.PluginInfo(), nil, nil, 1, "melody", ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
session:save_state("", false, false, false, false, false)
close_session()
"""
PLAY = """
local session = load_session(os.getenv("SESSION"), "session")
local model
for track in session:get_tracks():iter() do
    for region in track:to_track():playlist():region_list():iter() do
        model = region:to_midiregion():midi_source(0):model()
    end
end
local command = model:new_note_diff_command("play")
for start, length, pitch in os.getenv("NOTES"):gmatch("(%d+) (%d+) (%d+)") do
    command:add(ARDOUR.LuaAPI.new_noteptr(0, Temporal.Beats(0, tonumber(start)), Temporal.Beats(0, tonumber(length)),
        tonumber(pitch), 90))
end
model:apply_command(session, command)
session:save_state("", false, false, false, false, false)
close_session()
"""


def ardour(script: str, home: Path, notes: str = "") -> str:
    (home / "script.lua").write_text(START + script)
    environment = os.environ | {"HOME": str(home), "SESSION": str(home / "tune"), "NOTES": notes}
    command = [program("ardour7-lua"), home / "script.lua"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    return done.stdout + done.stderr


def test_a_region_that_ardour_saved_is_read_as_it_was_played(tmp_path: Path) -> None:
    said = ardour(CREATE, tmp_path)
    session = tmp_path / "tune" / "session.ardour"
    assert session.exists(), said
    path = tmp_path / "tune" / "interchange" / "tune" / "midifiles" / "eight.mid"
    empty = raw.file(b"", division=BEAT, kind=0)
    path.write_bytes(empty)
    text = session.read_text().replace("<Sources/>", SOURCE)
    region = REGION.format(length=27 * BEAT)
    text, count = re.subn(r'(<Playlist id="\d+" name="melody" type="midi"[^>]*)/>', rf"\1>{region}</Playlist>", text)
    assert count == 1
    session.write_text(text)
    ticks = " ".join(f"{round(start * BEAT)} {round(length * BEAT)} {pitch}" for start, length, pitch in PLAYED)
    said = ardour(PLAY, tmp_path, ticks)
    assert path.read_bytes() != empty, said
    tune = read_tune(path)
    assert tune.remarks == () and len(tune.tracks) == 1
    found = sorted(zip(*(tune.tracks[0].notes[key].tolist() for key in ("start", "end", "pitch")), strict=True))
    expected = sorted((start, start + length, pitch) for start, length, pitch in PLAYED)
    assert np.allclose(found, expected, rtol=0, atol=1 / BEAT)
    passage = read_passage(str(path))
    assert played(passage.source.line) == READ
    assert passage.grid.dropped == 7 and not passage.grid.free and not passage.grid.lateness_beats
