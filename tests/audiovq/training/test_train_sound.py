from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from toy_sounds import RATE, SMALL, played, small_model
from typer.testing import CliRunner

from audiovq.cli.app import app
from audiovq.sound.model import SoundModel
from audiovq.training.sound_dataset import ASIDE, BLOCK, SoundBatches, prepare
from audiovq.training.sound_run import Schedule, SoundRun
from latentmix.errors import InputError


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("recordings")
    generator = np.random.default_rng(0)
    for number, hertz in enumerate((110.0, 220.0, 330.0)):
        x = played(hertz, 8.0) + 0.003 * generator.standard_normal(8 * RATE).astype(np.float32)
        soundfile.write(folder / f"{number}.wav", x, RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


@pytest.fixture(scope="module")
def data(recordings, tmp_path_factory) -> Path:
    kept = tmp_path_factory.mktemp("data")
    found = prepare(recordings, kept, SMALL)
    assert found.files == 3 and found.seconds == pytest.approx(24.0) and "broken.wav" in found.refused[0]
    return kept


def train(folder: Path, data: Path, plan: Schedule, until: int | None = None) -> SoundModel:
    model = small_model().train()
    run = SoundRun(folder, model, SoundBatches(data, SMALL), judged=2)
    plan = run.plan(plan, None)
    run.train(Schedule(until, **{k: v for k, v in vars(plan).items() if k != "steps"}) if until else plan, 4)
    return model


def test_what_is_kept_aside_is_never_drawn(data):
    batches = SoundBatches(data, SMALL)
    starts = batches.starts(100, aside=False)
    assert len(starts) and not any(((starts + k) // BLOCK % ASIDE == ASIDE - 1).any() for k in (0, 50, 99))


def test_a_run_learns_and_shows_what_it_has_learned(data, tmp_path):
    model = train(tmp_path, data, Schedule(8, 4, batch=4, frames=40, lr=1e-2))
    rows = list(csv.DictReader((tmp_path / "quality.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [4, 8]
    assert 0.0 <= float(rows[0]["processor_minutes"]) <= float(rows[1]["processor_minutes"])
    assert float(rows[-1]["continuous_dB"]) < float(rows[0]["continuous_dB"])
    assert float(rows[-1]["coded_dB"]) < 1.5 * float(rows[-1]["continuous_dB"])
    assert all((tmp_path / name).stat().st_size > 1000 for name in ("example.wav", "example.png", "quality.png"))
    kept = SoundModel.from_pretrained(tmp_path)
    pairs = zip(model.state_dict().values(), kept.state_dict().values(), strict=True)
    assert all(torch.allclose(a.float(), b.float(), atol=2e-3) for a, b in pairs)


def test_a_run_that_was_stopped_ends_as_one_that_was_not(data, tmp_path):
    plan = Schedule(8, 3, batch=2, frames=30, seed=5)
    whole = train(tmp_path / "a", data, plan) if (tmp_path / "a").mkdir() is None else None
    (tmp_path / "b").mkdir()
    train_until(tmp_path / "b", data, plan, 4)
    again = train(tmp_path / "b", data, plan)
    assert whole is not None
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def train_until(folder: Path, data: Path, plan: Schedule, steps: int) -> None:
    """A run that is told to stop after so many steps."""
    import os
    import signal

    run = SoundRun(folder, small_model().train(), SoundBatches(data, SMALL), judged=2)
    made = run.batches.draw

    def draw(*given):
        if run.state.steps["sound"] == steps - 1:
            os.kill(os.getpid(), signal.SIGINT)
        return made(*given)

    run.batches.draw = draw
    with pytest.raises(KeyboardInterrupt):
        run.train(run.plan(plan, None), 100)


def test_a_plan_of_minutes_is_made_once_and_kept(data, tmp_path):
    run = SoundRun(tmp_path, small_model().train(), SoundBatches(data, SMALL), judged=2)
    plan = run.plan(None, 0.02, batch=2, frames=30)
    assert plan.steps >= 20 and run.plan(None, 60.0) == plan
    (tmp_path / "plan.json").write_text(json.dumps({"steps": "many"}))
    with pytest.raises(InputError, match=r"plan\.json: expected the plan of a run"):
        run.plan(None, 1.0)


def test_the_command_learns_a_sound_and_says_what_it_cannot_use(recordings, tmp_path):
    small_model().save_pretrained(tmp_path / "general")
    ask = ["train-sound", str(recordings), "-o", str(tmp_path / "mine"), "--from", str(tmp_path / "general")]
    (tmp_path / "judge").mkdir()
    soundfile.write(tmp_path / "judge" / "kept.wav", played(440.0, 21.0), RATE)
    done = CliRunner().invoke(app, [*ask, "--steps", "1", "--seed", "1", "--judge", str(tmp_path / "judge")])
    assert done.exit_code == 0, done.output
    heard, _ = soundfile.read(tmp_path / "mine" / "example.wav")
    assert np.argmax(np.abs(np.fft.rfft(heard[:RATE]))) == 440  # what it is judged by is heard first
    assert "broken.wav" in done.output and "0.4 minutes from 3 files" in done.output
    assert SoundModel.from_pretrained(tmp_path / "mine").config == SMALL
    again = CliRunner().invoke(app, [*ask, "--steps", "1"])
    assert again.exit_code == 0 and "has made its 1 steps" in " ".join(again.output.split())
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(
        app, ["train-sound", str(tmp_path / "empty"), "-o", str(tmp_path / "m"), "--from", "none"]
    )
    assert done.exit_code == 1 and "expected recordings in the folder, found none" in done.output


def test_silence_is_not_learned_and_what_is_left_out_is_named(tmp_path):
    soundfile.write(tmp_path / "silent.wav", np.zeros(30 * RATE, np.float32), RATE)
    with pytest.raises(InputError, match=r"in 1 files, 1 of them left out \(.*silent\.wav: .* nothing that is heard\)"):
        prepare(tmp_path, tmp_path / "kept", SMALL)
    soundfile.write(tmp_path / "short.wav", played(440.0, 1.0), RATE)
    with pytest.raises(InputError, match=r"found 1\.0 s in 2 files, 1 of them left out"):
        prepare(tmp_path, tmp_path / "kept", SMALL)


def test_the_command_mixes_two_recordings(recordings, tmp_path):
    small_model().save_pretrained(tmp_path / "general")
    a, b = str(recordings / "0.wav"), str(recordings / "1.wav")
    soundfile.write(tmp_path / "short.flac", np.stack([played(300.0, 0.5)] * 8, 1)[::2], RATE // 2)
    ask = ["mix", "--model", str(tmp_path / "general"), "--steps", "3", "--json", "-o"]
    done = CliRunner().invoke(
        app, [*ask, str(tmp_path / "m.wav"), str(tmp_path / "short.flac"), str(tmp_path / "short.flac")]
    )
    assert done.exit_code == 0 and json.loads(done.stdout)["files"][0]["seconds"] == pytest.approx(1.5)
    x, rate = soundfile.read(tmp_path / "m.wav")
    assert rate == RATE and np.abs(x).max() > 0.01
    done = CliRunner().invoke(app, [*ask, str(tmp_path / "steps"), a, b, "--separate"])
    assert done.exit_code == 0 and len(list((tmp_path / "steps").iterdir())) == 3
    described = tmp_path / "general" / "config.json"
    described.write_text(json.dumps(json.loads(described.read_text()) | {"version": 99}))
    done = CliRunner().invoke(app, [*ask, str(tmp_path / "m.wav"), a, b])
    assert done.exit_code == 1 and "found latentmix.sound version 99; use the release that wrote" in done.output
