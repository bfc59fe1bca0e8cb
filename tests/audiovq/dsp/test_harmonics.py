from __future__ import annotations

import numpy as np
import torch

from audiovq.dsp.harmonics import HarmonicPulses

RATE, HOP, LIMIT = 48_000, 480, 20_000.0


def test_pulses_are_the_sum_of_their_cosines():
    pulses = HarmonicPulses(RATE, HOP, LIMIT)
    y, _ = pulses(torch.full((1, 10), 330.0), torch.tensor([[0.25, 330.0]], dtype=torch.float64))
    phase = 0.25 + 330.0 / RATE * (np.arange(10 * HOP) + 1)
    harmonics = np.arange(1, int(LIMIT / 330.0) + 1)[:, None]
    wanted = np.cos(2 * np.pi * harmonics * phase).sum(0) * 2.0 * np.sqrt(330.0 / RATE)
    np.testing.assert_allclose(y[0].numpy(), wanted, atol=2e-3)


def test_power_is_that_of_white_noise_up_to_the_limit_and_nothing_lies_above():
    pulses = HarmonicPulses(RATE, HOP, LIMIT)
    for hertz in (31.0, 441.3, 1987.0):
        y, _ = pulses(torch.full((1, 100), hertz), torch.tensor([[0.0, hertz]], dtype=torch.float64))
        power = np.abs(np.fft.rfft(y[0].numpy() * np.hanning(y.shape[1]))) ** 2
        above = power[int(20_100 / RATE * y.shape[1]) :].sum()
        assert above < 1e-6 * power.sum()
        full = int(LIMIT / hertz) * hertz / (RATE / 2)  # the share of the spectrum that harmonics fill
        assert abs(float(y.square().mean()) / full - 1.0) < 0.02


def test_pieces_give_what_the_whole_gives():
    pulses = HarmonicPulses(RATE, HOP, LIMIT)
    pitch = torch.exp(torch.linspace(4.0, 7.5, 40))[None]
    whole, _ = pulses(pitch, pulses.start(1))
    state, pieces = pulses.start(1), []
    for piece in pitch.split([1, 2, 30, 7], 1):
        y, state = pulses(piece, state)
        pieces.append(y)
    np.testing.assert_allclose(torch.cat(pieces, 1).numpy(), whole.numpy(), atol=1e-3)
