"""Means of weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_codec import SMALL, small_model
from training_runs import check_refusals, run_here

from audiovq.model.vqvae import VQVAE
from audiovq.training.averages import mean_of
from audiovq.training.warm_start import grown

SCRIPT = "make/make_mean_of_weights.py"


@pytest.fixture(scope="module", params=[False, True])
def pair(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> tuple[Path, Path]:
    """A model, in either precision, and one that learned more with its codebooks."""
    folder = tmp_path_factory.mktemp("pair")
    small_model(SMALL).save_pretrained(folder / "old", half=request.param)
    later = grown(folder / "old", SMALL.pitch_bins, keeps_codes=True)
    with torch.no_grad():
        for number, p in enumerate(later.parameters()):
            p.add_(0.01 * (number + 1))
    later.save_pretrained(folder / "later")
    return folder / "old", folder / "later"


def test_the_mean_counts_each_as_often_as_it_is_given(pair: tuple[Path, Path], tmp_path: Path) -> None:
    old, later = map(VQVAE.from_pretrained, pair)
    for models, share in (((pair[0], pair[1]), 0.5), ((pair[1], pair[0], pair[0], pair[0]), 0.25)):
        said = run_here(SCRIPT, *models, "--out", tmp_path)
        assert said == f"{tmp_path}: the mean of {len(models)} models\n"
        mean = VQVAE.from_pretrained(tmp_path)
        assert mean.fingerprint == old.fingerprint == later.fingerprint
        assert torch.equal(mean.quantizer.codebooks(), old.quantizer.codebooks())
        for name, tensor in mean.state_dict().items():
            if tensor.is_floating_point():
                wanted = torch.lerp(old.state_dict()[name], later.state_dict()[name], share)
                torch.testing.assert_close(tensor, wanted, atol=1e-3, rtol=1e-3)


def test_models_that_have_no_mean_are_refused(pair: tuple[Path, Path], tmp_path: Path) -> None:
    torch.manual_seed(7)
    small_model(replace(SMALL, decoder_width=24)).save_pretrained(tmp_path / "wide")
    other = VQVAE.from_pretrained(pair[0])
    with torch.no_grad():
        other.quantizer.levels[0].codebook.add_(0.1)
    other.save_pretrained(tmp_path / "other")
    cases: list[tuple[list[object], str]] = [
        ([pair[0], tmp_path / "wide", "--out", tmp_path / "out"], "models of different sizes"),
        ([pair[0], tmp_path / "other", "--out", tmp_path / "out"], "models of different codebooks"),
        ([pair[0], tmp_path / "none", "--out", tmp_path / "out"], f"{tmp_path / 'none'}"),
    ]
    check_refusals(SCRIPT, cases)
    assert not (tmp_path / "out").exists()
    with pytest.raises(ValueError, match="no models"):
        mean_of([])
