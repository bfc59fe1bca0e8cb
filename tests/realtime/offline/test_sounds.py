from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from toy_sounds import RATE, played, small_model
from typer.testing import CliRunner

from realtime.cli.app import app
from realtime.offline.sounds import shares_in_time

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    small_model().save_pretrained(folder / "model")
    soundfile.write(folder / "a.wav", played(220.0, 0.6), RATE)
    soundfile.write(folder / "b.wav", np.stack([played(330.0, 0.4)] * 8, 1)[::3], RATE // 3)
    return folder


def run(*arguments: object):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def test_a_mix_is_as_long_as_its_plan_and_made_of_what_was_given(place):
    out = place / "mix.flac"
    done = run("sound", place / "a.wav", place / "b.wav", "--model", place / "model", "--render", out, "--seconds", 1.5)
    assert done.exit_code == 0, done.output
    x, rate = soundfile.read(out)
    assert rate == RATE and len(x) == 1.5 * RATE and np.abs(x).max() > 0.01
    assert done.stderr.startswith("loading …\n") and "b.wav: 8 channels are mixed to one" in done.stderr
    (place / "plan.csv").write_text("beat,position,brightness\n0,0,0\n3,1,6\n")
    ask = ["sound", place / "a.wav", place / "b.wav", "--model", place / "model", "--plan", place / "plan.csv"]
    done = run(*ask, "--tempo", 90, "--set", "harmonicity=12", "--render", place / "planned.wav")
    assert done.exit_code == 0 and soundfile.info(place / "planned.wav").duration == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("change", "status", "line"),
    [
        ({"--render": "x.mp3"}, 1, "expected a name that ends in"),
        ({"--set": "tempo=3"}, 2, "expected the name of a parameter"),
        ({"--model": "nothing"}, 1, "expected a bundled model"),
        ({"second": "silent"}, 1, "expected audio"),
        ({"second": "nan.wav"}, 1, "expected samples between -1 and 1, found nan"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(place, change, status, line):
    (place / "silent").write_bytes(b"")
    soundfile.write(place / "nan.wav", np.full(RATE, np.nan, np.float32), RATE, "FLOAT")
    options = {"--model": place / "model", "--render": place / "never.wav", **change}
    second = place / str(options.pop("second", "b.wav"))
    done = run("sound", place / "a.wav", second, *(part for pair in options.items() for part in pair))
    assert done.exit_code == status and line in " ".join(done.output.split()) and "Traceback" not in done.output
    assert not (place / "never.wav").exists()


def test_one_sample_and_a_clipped_one_are_mixed(place):
    soundfile.write(place / "one.wav", np.ones(1, np.float32), RATE)
    soundfile.write(place / "clipped.wav", np.clip(20.0 * played(150.0, 0.5), -1, 1) * 0.5 + 0.5, RATE)
    out = place / "odd.wav"
    ask = ["sound", place / "one.wav", place / "clipped.wav", "--model", place / "model", "--seconds", 1]
    done = run(*ask, "--render", out)
    assert done.exit_code == 0, done.output
    x, _ = soundfile.read(out)
    assert np.isfinite(x).all() and np.abs(x).max() <= 1.0


def test_shares_are_those_of_their_time():
    at = shares_in_time([(0.0, np.array([1.0, 0.0])), (2.0, np.array([0.25, 0.75]))])
    assert at(-1.0).tolist() == at(1.9).tolist() == [1.0, 0.0] and at(2.0).tolist() == [0.25, 0.75]


def test_melodies_are_sung_by_sounds_with_one_puck(place):
    (place / "way.csv").write_text("bar,position\n1,0\n3,1\n")
    ask = ["play", EXAMPLES / "lively.mid", EXAMPLES / "lyrical.mid", "--plan", place / "way.csv"]
    sung = ["--sound", place / "a.wav", "--sound", place / "b.wav", "--sound-model", place / "model"]
    done = run(*ask, *sung, "--render", place / "sung.wav")
    assert done.exit_code == 0 and "b.wav: 8 channels are mixed to one" in done.stderr, done.output
    x, rate = soundfile.read(place / "sung.wav")
    assert rate == RATE and np.abs(x).max() == pytest.approx(0.8, abs=0.02)
    by_itself = ["--set", "sound.follow=0", "--set", "sound.position=0", "--render", place / "by-itself.wav"]
    assert run(*ask, *sung, *by_itself).exit_code == 0  # the melodies go their way, the timbre is that of the first
    assert run(*ask, *sung[:2], *sung[4:], "--render", place / "first.wav").exit_code == 0
    alone, first = (soundfile.read(place / name)[0] for name in ("by-itself.wav", "first.wav"))
    np.testing.assert_allclose(alone, first, atol=1e-4)
    size = min(len(x), len(first))
    assert np.abs(x[:size] - first[:size]).max() > 0.01
    (place / "two.csv").write_text("bar,position,sound.position\n1,0,1\n3,1,0\n")
    ask[ask.index("--plan") + 1] = place / "two.csv"
    done = run(*ask, *sung, "--set", "sound.follow=0", "--render", place / "two.wav")
    two, _ = soundfile.read(place / "two.wav")
    size = min(len(x), len(two))
    assert done.exit_code == 0 and np.abs(two[:size] - x[:size]).max() > 0.01
    line = "sound.position, sound.x and sound.y move nothing while the timbre is mixed as the melodies are"
    assert line not in done.stderr
    done = run(*ask, "--render", place / "idle.mid")  # the same plan, where it follows
    assert done.exit_code == 0 and done.stderr.count(line) == 1
    done = run(*ask, *sung, "--soundfont", "x.sf2", "--render", place / "sung.mid")
    assert done.exit_code == 2 and "which is heard" in " ".join(done.output.split())
    done = run(*ask, *sung, "--render", place / "sung.mid")
    assert done.exit_code == 1 and "for --sound" in done.output


def test_presets_stand_where_files_could(place):
    done = run("sound", "sax", "bell", "--render", place / "presets.wav", "--seconds", 0.5)
    assert done.exit_code == 0, done.output
    x, rate = soundfile.read(place / "presets.wav")
    assert rate == RATE and len(x) == 0.5 * RATE and np.abs(x).max() > 0.01
    done = run("sound", "sax", "kazoo", "--render", place / "never.wav", "--seconds", 0.5)
    assert done.exit_code == 1 and "kazoo" in done.output and not (place / "never.wav").exists()
