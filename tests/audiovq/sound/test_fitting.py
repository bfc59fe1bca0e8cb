from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch
from toy_sounds import RATE, played, small_model
from typer.testing import CliRunner

from audiovq.audio_io.mono import RUMBLE
from audiovq.cli.app import app
from audiovq.dsp.high_pass import without_rumble
from audiovq.sound.config import CUTOFF
from audiovq.sound.fitting import FAR, misfit, misfit_line, read_recording
from audiovq.sound.morph import encode
from audiovq.training.sound_dataset import Analyser
from latentmix.errors import InputError


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def chord():
    seconds = np.arange(RATE // 2) / RATE
    tones = np.random.default_rng(0).uniform(300.0, 9000.0, 20)  # many at once, finer than any band
    return sum(0.05 * np.sin(2.0 * np.pi * hertz * seconds) for hertz in tones).astype(np.float32)


def test_what_is_no_recording_is_said_in_one_line(model, tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"a\.wav"):
        read_recording(model, tmp_path / "a.wav")


def test_a_recording_in_which_nothing_is_heard_is_told(model, tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    told: list[str] = []
    read_recording(model, tmp_path / "a.wav", told.append)
    assert told == [f"{tmp_path / 'a.wav'}: expected a sound, found nothing that is heard"]
    soundfile.write(tmp_path / "b.wav", played(220.0, 0.1), RATE)
    read_recording(model, tmp_path / "b.wav", told.append)
    assert len(told) == 1


def test_a_recording_far_below_hearing_is_told_once(model, chord, tmp_path):
    soundfile.write(tmp_path / "a.wav", 1e-7 * chord, RATE, subtype="FLOAT")
    told: list[str] = []
    read_recording(model, tmp_path / "a.wav", told.append)
    assert told == [f"{tmp_path / 'a.wav'}: expected a sound, found nothing that is heard"]


@pytest.mark.parametrize(
    ("kind", "below"), [("offset", lambda t: 0.3 + 0.0 * t), ("rumble", lambda t: 0.2 * np.sin(2.0 * np.pi * 9.0 * t))]
)
def test_the_pitch_of_a_recording_is_found_through_an_offset_and_rumble(model, kind, below, tmp_path):
    """A quiet tone on what a sound card or a hand on the microphone adds; it is told, and training hears it so."""
    tone = 0.5 * played(220.0, 1.0)
    added = tone + below(np.arange(len(tone)) / RATE)
    for name, samples in (("clean", tone), (kind, added)):
        soundfile.write(tmp_path / f"{name}.wav", samples, RATE, subtype="FLOAT")
    told: list[str] = []
    clean = read_recording(model, tmp_path / "clean.wav", told.append).sound.controls
    assert not any("taken out" in line for line in told)
    found = read_recording(model, tmp_path / f"{kind}.wav", told.append).sound.controls
    assert sum("below 20 Hz" in line and "is taken out" in line for line in told) == 1
    late = slice(20, 90)
    assert torch.allclose(found.pitch[:, late], clean.pitch[:, late], rtol=0.002)
    assert torch.allclose(found.harmonicity[:, late], clean.harmonicity[:, late], atol=0.02)
    trained = Analyser(model.config).file(str(tmp_path / f"{kind}.wav"))[1][late, 0]
    assert trained == pytest.approx(clean.pitch[0, late].numpy(), rel=0.002)


@pytest.mark.parametrize("samples", [played(40.0, 1.0), played(440.0, 0.004), np.eye(1, RATE)[0].astype(np.float32)])
def test_what_has_nothing_below_hearing_is_left_as_it_is(samples):
    kept, share = without_rumble(samples, RATE, CUTOFF, RUMBLE)
    assert kept is samples and share == 0.0


def test_what_the_model_is_far_from_is_said_with_a_measure(model, chord, tmp_path):
    far = misfit(model, chord, encode(model, chord))
    assert far > FAR
    assert f"chord.wav: what the model makes of it is {far:.1f} dB from it" in misfit_line("chord.wav", far)
    assert misfit_line("a.wav", 3.0) is None
    assert misfit(model, np.zeros(RATE, np.float32), encode(model, np.zeros(RATE, np.float32))) == 0.0
    for samples in (chord[:1], chord[: RATE // 5]):
        assert misfit(model, samples, encode(model, samples)) == 0.0


def test_what_comes_after_a_long_silence_is_judged_too(model, chord):
    late = np.concatenate([np.zeros(4 * RATE, np.float32), chord])
    assert misfit(model, late, encode(model, late)) > FAR


def test_audiovq_mix_says_what_was_not_meant_for_the_model(model, chord, tmp_path):
    model.save_pretrained(tmp_path / "model")
    soundfile.write(tmp_path / "chord.wav", chord, RATE, subtype="FLOAT")
    paths = [str(tmp_path / name) for name in ("chord.wav", "chord.wav", "mix.wav")]
    asked = ["mix", *paths[:2], "--model", str(tmp_path / "model"), "--steps", "2", "-o", paths[2]]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    assert f"chord.wav: what the model makes of it is {misfit(model, chord, encode(model, chord)):.1f}" in " ".join(
        result.output.split()
    )


def test_audiovq_mix_takes_presets_by_their_names(tmp_path):
    result = CliRunner().invoke(
        app, ["mix", "bell", "sax", "--model", "sound_48k", "--steps", "2", "-o", str(tmp_path / "mix.wav")]
    )
    assert result.exit_code == 0, result.output
    assert soundfile.info(tmp_path / "mix.wav").duration > 1.0
