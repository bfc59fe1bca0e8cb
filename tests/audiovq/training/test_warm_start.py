"""A model with more pitch bins begins as the one it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from synthetic_speech import vowel

from audiovq.model.vqvae import VQVAE, VQVAEConfig
from audiovq.training.warm_start import grown

SMALL = VQVAEConfig(
    encoder_width=16,
    decoder_width=16,
    encoder_dilations=(1,),
    decoder_dilations=(1,),
    latent_size=4,
    codebooks=2,
    codes=8,
)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, VQVAE]:
    torch.manual_seed(0)
    model = VQVAE(SMALL).eval()
    model.quantizer.initialise(torch.randn(1, 4, 64), torch.Generator().manual_seed(0))
    folder = tmp_path_factory.mktemp("old")
    model.save_pretrained(folder)
    return folder, model


@pytest.mark.parametrize("bins", [128, 175])
def test_it_says_what_the_old_one_said(old: tuple[Path, VQVAE], bins: int) -> None:
    folder, before = old
    after = grown(folder, bins)
    assert after.config == replace(SMALL, pitch_bins=bins)
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


def test_fewer_pitch_bins_are_refused(old: tuple[Path, VQVAE]) -> None:
    with pytest.raises(ValueError, match=r"100 pitch bins; .* has 128"):
        grown(old[0], 100)
