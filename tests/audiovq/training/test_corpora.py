"""Corpora of labelled speech and of analysed sounds: what training on the folder takes, streamed."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from random_numbers import seeded
from synthetic_speech import RATE, hiss, vowel
from toy_sounds import RATE as SOUND_RATE
from toy_sounds import played
from typer.testing import CliRunner

from audiovq.cli.app import app
from audiovq.model.config import VQVAEConfig
from audiovq.sound.config import SoundConfig
from audiovq.training import corpora
from audiovq.training.corpora import SOUNDS, SPEECH, AnalysedSounds
from audiovq.training.dataset import Labelled, label
from audiovq.training.sound_dataset import ASIDE, GAP, Analyser
from audiovq.training.streamed import StreamedSounds, StreamedSpeech
from latentmix.corpus.reading import Corpus
from latentmix.errors import InputError


def corpus(kind: str, command: str, folder: Path, out: Path, *options: str, status: int = 0) -> Corpus:
    done = CliRunner().invoke(app, ["corpus", command, str(folder), "-o", str(out), "--jobs", "1", *options])
    assert done.exit_code == status, done.output
    return Corpus(str(out), kind)


def test_labels_are_those_of_the_folder_and_are_streamed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(3):
        soundfile.write(tmp_path / "in" / f"{i}.wav", vowel(110 + 30 * i, 0.4 + 0.1 * i) + hiss(0.4 + 0.1 * i), RATE)
    (tmp_path / "in" / "broken.wav").write_bytes(b"RIFF")
    soundfile.write(tmp_path / "in" / "short.wav", hiss(0.01), RATE)
    made = corpus(SPEECH, "label", tmp_path / "in", tmp_path / "out", "--shard-items", "2", status=1)
    told = dict(made.manifest.left_out)
    assert told.keys() == {"broken.wav", "short.wav"} and told["short.wav"].startswith("short.wav: expected at least")
    config = VQVAEConfig(pitch_bins=175)
    for record in made:
        wanted = label(soundfile.read(tmp_path / "in" / record["id"], dtype="float32")[0], config)
        for field in fields(Labelled):
            assert np.array_equal(record[field.name], getattr(wanted, field.name)), field.name
    whole = [StreamedSpeech(made, config, 2).draw(2, 30, seeded(share), share) for share in range(4)]
    batch = StreamedSpeech(made, config, 2).draw(2, 30, seeded(3), 3)  # by another process, or gone on with
    for field in fields(batch):
        assert torch.equal(getattr(batch, field.name), getattr(whole[3], field.name))
    assert batch.samples.shape == (2, 30 * config.hop) and batch.periodicity.shape == (2, 60, config.bands)
    with pytest.raises(InputError, match="out: expected pitch_bins 128, as the model has, found pitch_bins 175; make"):
        StreamedSpeech(made, replace(config, pitch_bins=128), 0)
    with pytest.raises(InputError, match=r"expected records of audiovq.codes, found audiovq.speech"):
        Corpus(str(tmp_path / "out"), "audiovq.codes")


def test_sounds_are_analysed_and_streamed_and_some_are_kept_aside(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for i in range(2 * ASIDE):
        soundfile.write(tmp_path / "in" / f"{i:02}.wav", played(110.0 + 10 * i, 0.3), SOUND_RATE)
    made = corpus(SOUNDS, "analyse", tmp_path / "in", tmp_path / "out")
    config, by_loudness = SoundConfig(), {}
    for record in made:
        frames = int((0.3 + GAP) * config.frame_rate)
        assert record["samples"].shape == (frames * config.hop,) and record["features"].shape == (frames, 3 * 128)
        x = soundfile.read(tmp_path / "in" / record["id"], dtype="int16")[0]
        assert np.array_equal(record["samples"][: len(x)], x) and not record["samples"][len(x) :].any()
        by_loudness[float(record["controls"][10, 1])] = record["id"]
    assert np.median(list(made)[3]["controls"][15:28, 0]) == pytest.approx(140.0, rel=0.01)
    sounds = StreamedSounds(made, config, 0)
    drawn = torch.cat([sounds.draw(6, 50, seeded(share), share).controls.pitch for share in range(4)])
    aside = sounds.aside(6, 50)
    assert torch.equal(aside.samples, StreamedSounds(made, config, 9).aside(6, 50).samples) or len(made) > 1
    heights = [{round(float(row[20:28].median())) for row in pitch} for pitch in (drawn, aside.controls.pitch)]
    assert not heights[0] & heights[1] and len(heights[0]) > 10
    with pytest.raises(InputError, match="expected sample_rate 44100, hop 441, window 940, as the model has, found"):
        StreamedSounds(made, SoundConfig.at_rate(44_100), 0)


def test_a_long_recording_is_analysed_in_lanes_as_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x = played(220.0, 2.0)
    soundfile.write(tmp_path / "a.wav", x, SOUND_RATE)
    analyse = Analyser(SoundConfig())
    one = analyse.file(str(tmp_path / "a.wav"))
    monkeypatch.setattr("audiovq.training.sound_dataset.LANE_FRAMES", 100)
    samples, controls, features = analyse.file(str(tmp_path / "a.wav"))
    assert np.array_equal(samples, one[0])
    np.testing.assert_allclose(controls[:110], one[1][:110], atol=1e-3)
    np.testing.assert_allclose(features[:110].astype(float), one[2][:110], atol=1e-2)
    np.testing.assert_allclose(controls[140:200, 0], one[1][140:200, 0], rtol=1e-3)


def test_what_no_model_has_is_a_line(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", hiss(0.1), RATE)
    for command, option, said in (
        ("label", "--pitch-bins", "expected 1 to 192"),
        ("analyse", "--rate", "expected 44100 or 48000"),
    ):
        done = CliRunner().invoke(app, ["corpus", command, str(tmp_path), "-o", str(tmp_path / "o"), option, "999"])
        assert done.exit_code == 1 and said in " ".join(done.output.split())
    assert AnalysedSounds(48_000).settings == corpora.sound_settings(SoundConfig())
