"""The LV2 synth in Ardour, by `plugins/hosts/ardour_session.lua`: listed, inserted, automated and bounced offline.

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
from plugin_bundles import Bundles

from realtime.plugins.sources import source_folder

URI = "urn:latentmix:org.latentmix.melody:synth"
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


def bounce(bundles: Bundles, home: Path, positions: str) -> tuple[list[str], np.ndarray]:
    """What the script says, and (2, frames) float32."""
    if not shutil.which("ardour7-lua"):
        if os.environ.get("CI") == "true":
            pytest.fail("expected Ardour 7, found no ardour7-lua")
        pytest.skip("Ardour is not there")
    lv2 = home / "lv2"
    lv2.mkdir(parents=True)
    (lv2 / bundles.lv2.name).symlink_to(bundles.lv2)
    environment = os.environ | {
        "HOME": str(home),
        "LV2_PATH": f"{lv2}:/usr/lib/lv2",
        "SESSION": str(home / "session"),
        "PRESET": preset(home / ".config" / "ardour7" / "export"),
        "PLUGIN": URI,
        "FORMAT": "lv2",
        "SAMPLES": str(FRAMES),
        "POSITIONS": positions,
    }
    command = ["ardour7-lua", source_folder() / "hosts" / "ardour_session.lua"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
    assert "exported true" in done.stdout, done.stdout + done.stderr
    sound, rate = soundfile.read(home / "session" / "bounce.wav", dtype="float32")
    assert rate == 48_000 and len(sound) == FRAMES
    return done.stdout.splitlines(), sound.T


def clap_bounce(bundles: Bundles, folder: Path, position: float) -> np.ndarray:
    host = bundles.program("clap_host", folder / "host")
    command = [host, bundles.clap, "bounce", "org.latentmix.melody.synth", "16", f"Position={position}"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True, timeout=300).stdout, "<f4")


def test_a_bounce_is_that_of_another_format_and_host_to_the_sample(bundles: Bundles, tmp_path: Path) -> None:
    """Ardour counts in ticks of 1/1920 of a quarter, and notes stand on their frames all the same."""
    said, sound = bounce(bundles, tmp_path / "home", "0=0.5")
    assert f"listed latentmix melody synth {URI}" in said and "inserted 0" in said
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
