"""A model with more pitch bins begins as the one it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_codec import SMALL, small_model
from synthetic_speech import vowel

from audiovq.model.vqvae import VQVAE
from audiovq.training.warm_start import grown

CONFIG = replace(SMALL, encoder_width=16, decoder_width=16)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VQVAE]:
    model = small_model(CONFIG)
    folder = tmp_path_factory.mktemp("old")
    model.save_pretrained(folder)
    return folder, model


@pytest.mark.parametrize("bins", [128, 175])
def test_it_says_what_the_old_one_said(old: tuple[Path, VQVAE], bins: int) -> None:
    folder, before = old
    after = grown(folder, bins)
    assert after.config == replace(CONFIG, pitch_bins=bins)
    assert after.training
    x = torch.from_numpy(vowel(150.0, 0.64))[None]
    with torch.no_grad():
        z, _ = before.latents(x, before.initial_encoder_state(1))
        torch.testing.assert_close(after.latents(x, after.initial_encoder_state(1))[0], z, atol=1e-5, rtol=1e-5)
        said, same = (m.speech(z, m.decoder.start(1))[0] for m in (before, after))
    torch.testing.assert_close(same.gain, said.gain)
    torch.testing.assert_close(same.periodicity, said.periodicity)
    torch.testing.assert_close(same.pitch[..., :128], said.pitch)
    if bins > 128:
        assert (same.pitch[..., 128:] < said.pitch[..., 127:]).all()


def test_files_stay_readable_where_codebooks_stay(old: tuple[Path, VQVAE], tmp_path: Path) -> None:
    folder, before = old
    after = grown(folder, 128, keeps_codes=True)
    with torch.no_grad():
        after.decoder.enter.bias.add_(1.0)
        after.encoder.enter.bias.add_(1.0)
    after.save_pretrained(tmp_path)
    assert VQVAE.from_pretrained(tmp_path).fingerprint == before.eval().fingerprint
    assert grown(tmp_path, 128).config.codes_of == ""  # codebooks that learn make other codes
    assert grown(tmp_path, 128, keeps_codes=True).config == after.config
    assert grown(folder, 175, keeps_codes=True).config.codes_of == ""


def test_fewer_pitch_bins_are_refused(old: tuple[Path, VQVAE]) -> None:
    with pytest.raises(ValueError, match=r"100 pitch bins; .* has 128"):
        grown(old[0], 100)
