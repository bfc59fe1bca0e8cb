"""LV2 synth and drums in Ardour, by `plugins/hosts/ardour_session.lua`: listed, inserted, automated, bounced offline.

Ardour's exit status says nothing: with or without us it may abort when all is written. The sound does.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
from drum_hits import assert_equal, expected_hits
from plugin_bundles import Bundles

from midi_vae.drums.groove import Groove
from realtime.plugins import lv2
from realtime.plugins.compiler import SourceFile
from realtime.plugins.sources import source_folder

SYNTH, DRUM_MACHINE = "urn:latentmix:org.latentmix.melody:synth", "urn:latentmix:org.latentmix.drums"
PRESETS = Path("/usr/share/ardour7/export")
FRAMES, STEP = 384_000, 6_000  # four bars at 120 a minute and 48 kHz

pytestmark = pytest.mark.slow


def preset(folder: Path) -> str:
    """An export of float samples at the session's rate, put where Ardour looks; its id."""
    ours = "0f5ae8a4-6f6c-4a4b-9a52-c31d6e1f5c10"
    form = re.search(r' id="([^"]+)"', (PRESETS / "BWAV 32float Export.format").read_text())
    assert form
    text = (PRESETS / "wav.preset").read_text()
    theirs = re.findall(r'<Export(?:Preset|Format) id="([^"]+)"', text)
    folder.mkdir(parents=True)
    (folder / "float.preset").write_text(text.replace(theirs[0], ours).replace(theirs[1], form[1]))
    return ours


def bounce(
    bundles: Bundles, home: Path, positions: str, plugin: str = SYNTH, then: tuple[str, Path] | None = None
) -> tuple[list[str], np.ndarray]:
    """What the script says, and (2, frames) float32.

    Args:
        then: a plugin that the notes go to: its name, its bundle.
    """
    if not shutil.which("ardour7-lua"):
        if os.environ.get("CI") == "true":
            pytest.fail("expected Ardour 7, found no ardour7-lua")
        pytest.skip("Ardour is not there")
    lv2 = home / "lv2"
    lv2.mkdir(parents=True)
    for folder in (bundles.lv2(), bundles.lv2("drums"), *(then or ())[1:]):
        (lv2 / folder.name).symlink_to(folder)
    environment = os.environ | {
        "HOME": str(home),
        "LV2_PATH": f"{lv2}:/usr/lib/lv2",
        "SESSION": str(home / "session"),
        "PRESET": preset(home / ".config" / "ardour7" / "export"),
        "PLUGIN": plugin,
        "FORMAT": "lv2",
        "SAMPLES": str(FRAMES),
        "POSITIONS": positions,
    }
    if then:
        environment["THEN"] = then[0]
    command = ["ardour7-lua", source_folder() / "hosts" / "ardour_session.lua"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert "exported true" in done.stdout, done.stdout + done.stderr
    sound, rate = soundfile.read(home / "session" / "bounce.wav", dtype="float32")
    assert rate == 48_000 and len(sound) == FRAMES
    return done.stdout.splitlines(), sound.T


def clap_bounce(bundles: Bundles, folder: Path, position: float) -> np.ndarray:
    host = bundles.program("clap_host", folder / "host")
    command = [host, bundles.clap(), "bounce", "org.latentmix.melody.synth", "16", f"Position={position}"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout, "<f4")


def test_a_bounce_is_that_of_another_format_and_host_to_the_sample(bundles: Bundles, tmp_path: Path) -> None:
    """Ardour counts in ticks of 1/1920 of a quarter, and notes stand on their frames all the same."""
    said, sound = bounce(bundles, tmp_path / "home", "0=0.5")
    assert f"listed latentmix melody synth {SYNTH}" in said and "inserted 0" in said
    assert np.abs(sound).max() > 0.01
    expected = clap_bounce(bundles, tmp_path, 0.5)
    assert np.array_equal(sound[0], expected) and np.array_equal(sound[1], expected)


def test_automation_is_heard(bundles: Bundles, tmp_path: Path) -> None:
    """From the first melody to the last in two bars, and there for two."""
    _, (sound, _) = bounce(bundles, tmp_path / "home", f"0=0 {FRAMES // 2}=1 {FRAMES}=1")
    first, last = (clap_bounce(bundles, tmp_path, position) for position in (0.0, 1.0))
    assert np.array_equal(sound[:STEP], first[:STEP])
    assert np.array_equal(sound[FRAMES // 2 + STEP :], last[FRAMES // 2 + STEP :])
    assert not np.array_equal(sound[: FRAMES // 2], first[: FRAMES // 2])


HITS = "urn:latentmix:test:hits"
DESCRIPTION = f"""{lv2.PREFIXES}<{HITS}> a lv2:Plugin , lv2:InstrumentPlugin ;
    lv2:binary <lv2_hits.so> ;
    <http://usefulinc.com/ns/doap#name> "hits" ;
    lv2:requiredFeature urid:map ;
    lv2:port [ a lv2:InputPort , atom:AtomPort ; atom:bufferType atom:Sequence ; atom:supports midi:MidiEvent ;
               lv2:index 0 ; lv2:symbol "in" ; lv2:name "In" ] ,
             [ a lv2:OutputPort , lv2:AudioPort ; lv2:index 1 ; lv2:symbol "notes" ; lv2:name "Notes" ] ,
             [ a lv2:OutputPort , lv2:AudioPort ; lv2:index 2 ; lv2:symbol "velocities" ; lv2:name "Velocities" ] .
"""


def hits_plugin(bundles: Bundles, folder: Path) -> Path:
    """An instrument that makes of each note a sample that says which one it was."""
    folder.mkdir(parents=True)
    objects = bundles.compiler.objects(
        [SourceFile(source_folder() / "hosts" / "lv2_hits.cpp")], folder.parent / "objects"
    )
    bundles.compiler.link(objects, folder / "lv2_hits.so", ("-shared",))
    (folder / "manifest.ttl").write_text(DESCRIPTION)
    return folder


def test_hits_of_drums_are_those_of_midi_vae_mix(bundles: Bundles, mixes: list[Groove], tmp_path: Path) -> None:
    """On their frames and with their velocities; of the second round too, which begins with what was early in it."""
    then = HITS, hits_plugin(bundles, tmp_path / "hits.lv2")
    said, (notes, velocities) = bounce(bundles, tmp_path / "home", "0=0.5", DRUM_MACHINE, then)
    assert f"listed latentmix drums {DRUM_MACHINE}" in said and "inserted second 0" in said
    wanted = expected_hits(mixes[4])
    frames = np.flatnonzero(notes)
    found = [(int(f), 36 + bit) for f in frames for bit in range(16) if int(notes[f] * 2**16) >> bit & 1]
    keys = [(frame, key, 0) for frame, key in found]
    assert_equal(keys, [(frame, key, 0) for frame, key, _ in wanted], 31 * STEP)
    for frame in (f for f in frames if f < 31 * STEP):
        of_frame = [velocity for at, key, velocity in wanted if abs(at - frame) <= 1 and (int(frame), key) in found]
        assert sum(of_frame) == velocities[frame] * 2**11
    assert len(found) > 20 and found[-1][0] > 32 * STEP
