from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_sounds import RATE, played, small_model

from audiovq.sound.config import MAX_SIZES, SoundConfig
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import Recording, decode, encode, joined
from audiovq.sound.preset_names import PRESETS, preset_of
from audiovq.sound.presets import MAX_FRAMES, read_preset, write_preset
from latentmix.errors import InputError


@pytest.fixture(scope="module")
def general() -> SoundModel:
    return SoundModel.from_pretrained()


def test_presets_are_of_the_general_model_small_and_heard(general):
    assert set(PRESETS) >= {"sax", "piano", "bell", "breath"}
    for name, path in PRESETS.items():
        found = read_preset(general, name)
        assert path.stat().st_size < 60_000 and 1.0 < found.samples / RATE < 3.0
        heard = decode(general, found.sound, found.samples)
        assert 0.01 < np.abs(heard).max() <= 1.2 and np.isfinite(heard).all()


def test_what_is_written_is_read_again(tmp_path):
    model = small_model()
    recording = encode(model, played(300.0, 0.5))
    write_preset(tmp_path / "mine.safetensors", model, recording)
    found = read_preset(model, str(tmp_path / "mine.safetensors"))
    assert torch.equal(found.sound.controls.pitch, recording.sound.controls.pitch)
    (latent, lacking), (wanted, wanted_lacking) = (
        each.sound.timbre.tensor_split([model.config.latent_size], -1) for each in (found, recording)
    )
    assert torch.allclose(latent, wanted, rtol=1e-3, atol=1e-3)
    assert torch.allclose(lacking, wanted_lacking, atol=0.05) and wanted_lacking.abs().max() > 0.1
    assert torch.allclose(found.sound.controls.loudness, recording.sound.controls.loudness, atol=0.04)


def test_ten_minutes_are_written_and_read_again_and_no_more(tmp_path):
    model, path = SoundModel(SoundConfig(latent_size=MAX_SIZES["latent_size"])).eval(), tmp_path / "long.safetensors"
    short = encode(model, played(300.0, 0.1)).sound
    frames = MAX_FRAMES // short.timbre.shape[1]
    whole = joined([short] * frames)
    write_preset(path, model, Recording(whole, MAX_FRAMES * model.config.hop))
    assert read_preset(model, str(path)).sound.timbre.shape == whole.timbre.shape == (1, MAX_FRAMES, 256)
    write_preset(path, model, Recording(joined([whole, short]), 1))
    with pytest.raises(InputError, match="expected"):
        read_preset(model, str(path))


def test_one_of_before_corrections_lacks_nothing_and_damaged_ones_are_refused(tmp_path):
    model, path = small_model(), tmp_path / "mine.safetensors"
    write_preset(path, model, encode(model, played(300.0, 0.5)))
    parts = load_file(path)
    lacking = parts.pop("lacking")
    save_file(parts, path)
    found = read_preset(model, str(path))
    assert not found.sound.timbre[..., model.config.latent_size :].any()
    for damaged in (lacking[:-1], lacking[:, :-1], lacking.float()):
        save_file({**parts, "lacking": damaged.contiguous()}, path)
        with pytest.raises(InputError, match="expected corrections of 50 frames and"):
            read_preset(model, str(path))


def test_onsets_are_kept_in_decibels_and_of_before_have_none(tmp_path):
    model, path = small_model(), tmp_path / "mine.safetensors"
    recording = encode(model, np.concatenate([np.zeros(9000, np.float32), played(300.0, 0.2)]))
    wanted = recording.sound.controls.onsets
    write_preset(path, model, recording)
    assert wanted.min() < -40.0
    assert torch.allclose(read_preset(model, str(path)).sound.controls.onsets, wanted, atol=0.5)
    parts = load_file(path)
    onsets = parts.pop("onsets")
    save_file(parts, path)
    assert not read_preset(model, str(path)).sound.controls.onsets.any()
    for damaged in (onsets[:-1], onsets[:, :-1].contiguous(), onsets.float(), -onsets, onsets - 60):
        save_file({**parts, "onsets": damaged}, path)
        with pytest.raises(InputError, match="expected onsets of 39 frames"):
            read_preset(model, str(path))


def test_another_model_hears_it(general):
    """At another rate, with latents of another size: pitch and level stay."""
    other = small_model(SoundConfig.at_rate(44_100))
    mine, found = read_preset(general, "sax").sound.controls, read_preset(other, "sax").sound.controls
    sung = found.harmonicity[0] > 0.5
    assert sung.float().mean() > 0.5
    assert float(found.pitch[0][sung].median()) == pytest.approx(float(mine.pitch.median()), rel=0.01)
    assert float(found.loudness.max()) == pytest.approx(float(mine.loudness.max()), abs=2.0)


def test_a_file_comes_first_and_what_is_none_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert preset_of("sax") == "sax" and preset_of("kazoo") is None
    (tmp_path / "sax").write_bytes(b"")
    assert preset_of("sax") is None
    (tmp_path / "bad.safetensors").write_bytes(b"no preset")
    with pytest.raises(InputError, match=r"bad\.safetensors: expected a preset"):
        read_preset(small_model(), str(tmp_path / "bad.safetensors"))
