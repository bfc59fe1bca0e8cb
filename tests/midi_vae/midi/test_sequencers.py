"""Eight bars as sequencers export them: Rosegarden and midish by script, LMMS by its menu."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
from programs import PLAYED, READ, played, program

from midi_vae.importing import read_passage
from midi_vae.midi.reader import read_tune

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE rosegarden-data>
<rosegarden-data version="22.12" format-version-major="1" format-version-minor="6" format-version-point="0">
<composition startMarker="0" endMarker="28800">
<timesignature time="0" numerator="3" denominator="4"/>
<tempo time="0" tempo="10000000"/>
<track id="0" label="Melody" position="0" muted="false" instrument="2000"/>
</composition>
{segments}
<studio><device id="0" name="General MIDI Device" type="midi" direction="play">
<instrument id="2000" channel="0" type="midi"><program id="73"/></instrument></device></studio>
</rosegarden-data>
"""
SEGMENT = '<segment track="0" start="{start}" endmarker="{end}" label="Melody"{more}>{notes}</segment>'
NOTE = (
    '<event type="note" absoluteTime="{start}" duration="{length}"><property name="pitch" int="{pitch}"/>'
    '<property name="velocity" int="90"/></event>'
)

# LMMS 1.2.2 has no script for it: imported, and exported by "Export MIDI..." under Xvfb; 128 ticks a quarter
BY_LMMS = bytes.fromhex(
    "4d546864000000060001000100804d54726b0000013000ff03066d656c6f647900ff5103068a1b8200903e4f70803e4f0090454f1080"
    "454f0090434f810080434f0090454f810080454f0090474f810080474f0090484f1080484f00904a4f10804a4f0090484f1080484f00"
    "904a4f10804a4f0090484f1080484f00904a4f10804a4f0090484f1080484f00904a4f10804a4f0090474f810080474f0090454f8100"
    "80454f00904f4f00904a4f0090474f8200804a4f0080474f00804f4f00903e4f8100803e4f0090404f2a80404f0090424f2880424f03"
    "90434f2b80434f0090454f810080454f0090474f810080474f0090434f820080434f00903e4f8100803e4f0090434f810080434f0090"
    "474f810080474f00904a4f8100804a4f0090434f810080434f0090474f810080474f00904a4f8100804a4f0090434f830080434f00ff"
    "2f00"
)


def segment(start: int, end: int, more: str = "") -> str:
    """Some beats; 960 units in each."""
    notes = [
        NOTE.format(start=round(960 * at), length=round(960 * length), pitch=pitch)
        for at, length, pitch in PLAYED
        if start <= at < end
    ]
    return SEGMENT.format(start=960 * start, end=960 * end, more=more, notes="".join(notes))


def by_rosegarden(folder: Path) -> Path:
    """The repeated bar is a segment that repeats up to the next one."""
    segments = [segment(0, 18), segment(18, 21, ' repeat="true"'), segment(24, 27)]
    (folder / "eight.rg").write_text(DOCUMENT.format(segments="\n".join(segments)))
    environment = os.environ | {"HOME": str(folder), "QT_QPA_PLATFORM": "offscreen", "JACK_NO_START_SERVER": "1"}
    command = [program("rosegarden"), "--convert", "eight.rg", "eight.mid"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert (folder / "eight.mid").exists(), done.stderr[-2000:]
    return folder / "eight.mid"


def by_midish(folder: Path) -> Path:
    """24 ticks a quarter; events are given by bar, beat and tick."""
    events = [(round(24 * start), "non", pitch) for start, _, pitch in PLAYED]
    events += [(round(24 * (start + length)), "noff", pitch) for start, length, pitch in PLAYED]
    events.sort(key=lambda event: (event[0], event[1] == "non"))
    lines = [
        f"taddev {tick // 72} {tick % 72 // 24} {tick % 24} {{{kind} {{0 0}} {pitch} 90}}"
        for tick, kind, pitch in events
    ]
    setup = ["mins 9 {3 4}", "t 100", "tnew melody", "taddev 0 0 0 {pc {0 0} 73}"]
    script = "\n".join([*setup, *lines, 'export "eight.mid"', ""])
    done = subprocess.run(
        [program("midish"), "-b"], cwd=folder, input=script, capture_output=True, text=True, timeout=300,
        env=os.environ | {"HOME": str(folder)},
    )  # fmt: skip
    assert (folder / "eight.mid").exists(), done.stdout + done.stderr
    return folder / "eight.mid"


@pytest.mark.parametrize("write", [by_rosegarden, by_midish])
def test_a_sequencers_export_is_read_as_it_was_played(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    path = write(tmp_path)
    assert read_tune(path).remarks == ()
    passage = read_passage(str(path))
    assert played(passage.source.line) == READ
    assert passage.melody.metre == (3, 4) and passage.melody.tempo == 100 and passage.melody.program == 73
    assert passage.grid.dropped == 7 and not passage.grid.free and not passage.grid.lateness_beats


def test_what_the_menu_of_lmms_exported(tmp_path: Path) -> None:
    """Its own tempo, and no metre: bars of four quarters."""
    (path := tmp_path / "eight.mid").write_bytes(BY_LMMS)
    passage = read_passage(str(path))
    assert read_tune(path).remarks == () and played(passage.source.line) == READ
    assert passage.melody.metre == (4, 4) and passage.grid.dropped == 7 and not passage.grid.free


def test_rosegarden_puts_notes_a_tick_off(tmp_path: Path) -> None:
    """What makes its export worth a test: it counts in seconds, so that notes are a tick early or late."""
    file = mido.MidiFile(by_rosegarden(tmp_path))
    tick, onsets = 0, []
    for message in file.tracks[1]:
        tick += message.time
        onsets += [tick] if message.type == "note_on" and message.velocity else []
    off = {(onset + 5) % 10 - 5 for onset in onsets}
    assert off <= {-1, 0, 1} and len(off) > 1
