"""A chart of the plane: what is heard changes evenly, of the melodies' own steps, and the corners are themselves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from elsewhere import DEVICE, Elsewhere, Remote
from torch import Tensor

from midi_vae import Melody, MelodyVAE
from midi_vae.chart import _dealt, _even_vectors, _sources, chart_codes
from midi_vae.crossing import plane_codes, to_lines
from midi_vae.music.melody import ONSET

A = Melody.from_notes([(2 * k, 2 * k + 2, 60 + [0, 2, 4, 5][k % 4]) for k in range(16)])
B = Melody.from_notes([(4 * k, 4 * k + 4, 72 - k) for k in range(8)])
C = Melody.from_notes([(8 * k, 8 * k + 6, 55 + 3 * k) for k in range(4)])
D = Melody.from_notes([(3 * k, 3 * k + 2, 67 + (k % 3)) for k in range(10)])


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


def corners(x: float, y: float) -> list[float]:
    return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y]


def test_a_puck_that_moves_straight_changes_the_melody_evenly(model: MelodyVAE):
    z = model.encode([A, B, C, D])[:, None]
    places = [corners(x, y) for x, y in zip(np.linspace(0, 1, 9), np.linspace(0.1, 0.9, 9), strict=True)]
    shares = torch.tensor([*places, *np.eye(4).tolist()])
    codes = chart_codes(model, z, shares)
    assert torch.equal(codes, chart_codes(model, z, shares)) and codes.shape == (13, 1, z.shape[2])
    assert torch.equal(codes[9:], z)
    heard, ends = model.decode_windows(codes[:9, 0]), model.decode_windows(z[:, 0])
    apart = (heard[0] != heard[-1]).sum()
    assert sum((a != b).sum() for a, b in pairwise(heard)) <= 1.6 * apart
    assert max((a != b).sum() for a, b in pairwise(heard)) <= 0.5 * apart
    assert np.mean([(row == ends).any(0).mean() for row in heard]) > 0.95  # steps of one of the four


def test_as_many_steps_are_a_melody_s_as_its_share_says():
    shares = torch.tensor([corners(x, y) for x in (0.1, 0.5, 0.8) for y in (0.2, 0.5, 0.9)])
    sources = _sources(_even_vectors(32, shares)[0], shares)
    counts = torch.stack([(sources == k).sum(1) for k in range(4)], 1) / 32
    assert (counts - shares).abs().max() < 0.1


def test_steps_are_dealt_to_half_bars_in_turn():
    differs = torch.zeros(32, dtype=torch.bool)
    differs[[0, 1, 2, 3, 8, 9, 24, 31]] = True
    order = _dealt(differs)
    assert sorted(order.tolist()) == [0, 1, 2, 3, 8, 9, 24, 31]
    assert {int(step) // 8 for step in order[:4]} == {0, 1, 3}


def test_equal_melodies_have_a_chart_too(model: MelodyVAE):
    z = model.encode([A, A, A])[:, None]
    codes = chart_codes(model, z, torch.full((2, 3), 1 / 3))
    assert np.array_equal(model.decode_windows(codes[0]), model.decode_windows(z[0]))


class Far:
    """A model that is on another device than the CPU: what it is given is there, and so is what it gives."""

    def __init__(self, model: MelodyVAE) -> None:
        self.near, self.config, self.device = model, model.config, DEVICE

    def tokens(self, z: Tensor) -> Tensor:
        return self._there(self.near.tokens, z)

    def critic(self, symbols: Tensor) -> Tensor:
        return self._there(self.near.critic, symbols)

    def inverted(self, tokens: Tensor) -> Tensor:
        return self._there(self.near.inverted, tokens)

    def _there(self, function, given: Tensor) -> Tensor:
        assert isinstance(given, Remote)
        return Remote(function(given.held))


def test_a_model_on_another_device_has_the_same_chart(model: MelodyVAE):
    z = model.encode([A, B, C, D])[:, None]
    shares = torch.tensor([corners(x, y) for x in (0.0, 0.4, 1.0) for y in (0.0, 0.7, 1.0)])
    with Elsewhere():
        found = chart_codes(Far(model), z.to(DEVICE), shares)
        assert found.device == DEVICE
        assert torch.equal(found.cpu(), chart_codes(model, z, shares))


def test_rhythm_goes_across_and_pitch_upwards(model: MelodyVAE):
    codes = plane_codes(model, A, B)
    assert codes.shape[:3] == (9, 9, 1)
    heard = model.decode_windows(codes.flatten(0, 2)).reshape(9, 9, 32)
    for column, melody in ((0, A), (8, B)):
        for row in (0, 4, 8):  # whatever the pitch, the rhythm of the side
            onsets = melody.tokens >= ONSET
            assert ((heard[row, column] >= ONSET) & onsets).sum() >= 0.95 * onsets.sum()
    at = heard[8, 0] >= ONSET
    theirs = to_lines(B)[0][at]
    assert np.corrcoef(heard[8, 0][at] - ONSET, theirs)[0, 1] > 0.9
    assert (heard[0, 0] == A.tokens).mean() > 0.95 and (heard[8, 8] == B.tokens).mean() > 0.95
