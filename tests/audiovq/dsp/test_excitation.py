"""Pulses and noise: as many pulses as the pitch says, where it says, however the stream is cut."""

from __future__ import annotations

import pytest
import torch

from audiovq.dsp.excitation import NOISE_LENGTH, Excitation

RATE, HOP = 16000, 160


@pytest.fixture(scope="module")
def excitation() -> Excitation:
    return Excitation(RATE, HOP)


def pulse_times(pulses: torch.Tensor) -> torch.Tensor:
    """Centres of mass (P,), in samples, of the runs of a (T,) of pulses."""
    places = pulses.nonzero()[:, 0]
    run = torch.cat([torch.zeros(1, dtype=torch.long), (places.diff() > 2).long()]).cumsum(0)
    mass = torch.zeros(int(run[-1]) + 1, dtype=torch.float64)
    weights = pulses[places].double()
    moment = mass.index_add(0, run, weights * places)
    return moment / mass.index_add(0, run, weights)


@pytest.mark.parametrize("pitch", [60.0, 123.4, 210.7, 400.0])
def test_as_many_pulses_as_the_pitch_says(excitation: Excitation, pitch: float) -> None:
    pulses, _, _ = excitation(torch.full((1, 500), pitch), excitation.start(1))
    times = pulse_times(pulses[0, HOP:])
    assert abs(times.diff().mean() - RATE / pitch) < 0.02
    assert abs(len(times) - pitch * 4.99) < 2
    assert (times.diff() - RATE / pitch).abs().max() < 0.01  # each where it belongs between two samples


@pytest.mark.parametrize("pitch", [60.0, 123.4, 210.7, 400.0])
def test_power(excitation: Excitation, pitch: float) -> None:
    pulses, noise, _ = excitation(torch.full((1, 2000), pitch), excitation.start(1))
    spectrum = torch.fft.rfft(pulses[0, 16000 : 16000 + 160_000].double(), norm="ortho").abs().square()
    low, high = spectrum[1:22_000].mean(), spectrum[-8_000:].mean()  # up to 2.2 kHz, and from 7.2 kHz on
    assert 0.9 < low < 1.1
    assert 0.25 < high < 0.5 or pitch == 400.0  # where every pulse falls on a sample
    assert abs(noise.square().mean() - 1.0) < 0.01
    assert abs(noise.mean()) < 0.01


def test_a_pulse_on_a_sample_is_one_sample_and_has_the_power_of_its_period(excitation: Excitation) -> None:
    pulses, _, _ = excitation(torch.full((1, 100), 100.0), excitation.start(1))
    heights = pulses[0, HOP:][pulses[0, HOP:] > 1e-3]
    torch.testing.assert_close(heights, torch.full_like(heights, 160**0.5), rtol=1e-4, atol=0)
    assert abs(pulses[0, HOP:].square().mean() - 1.0) < 1e-3


def test_a_change_of_pitch_is_a_glide_without_a_jump_of_phase(excitation: Excitation) -> None:
    pitch = torch.cat([torch.full((1, 50), 100.0), torch.full((1, 50), 200.0)], 1)
    pulses, _, _ = excitation(pitch, excitation.start(1))
    periods = pulse_times(pulses[0, HOP:]).diff()
    assert (periods.diff() < 2.5).all()  # only shorter, but for what a grid of samples does
    assert periods.max() < 162.5
    assert periods.min() > 78.0
    between = periods[(periods > 85) & (periods < 155)]
    assert 1 <= len(between) <= 2  # in the one hop through which it goes


def test_pitch_goes_straight_from_one_value_to_the_next(excitation: Excitation) -> None:
    """Phase after n hops is the trapezoid rule over them, from the state's pitch on."""
    pitch = torch.tensor([[100.0, 250.0, 70.0, 390.0, 60.5]])
    state = excitation.start(1)
    state[:, 1] = 80.0
    _, _, after = excitation(pitch, state)
    around = torch.cat([torch.tensor([80.0]), pitch[0]]).double()
    turns = (0.5 * (around[1:] + around[:-1]) * HOP / RATE).sum()
    torch.testing.assert_close(after[0, 0], turns % 1.0)
    assert after[0, 1] == pitch[0, -1]
    assert after[0, 2] == 5 * HOP


@pytest.mark.parametrize("sizes", [[1] * 30, [3, 1, 26], [29, 1]])
def test_in_pieces_as_in_one(excitation: Excitation, sizes: list[int]) -> None:
    pitch = 60.0 + 340.0 * torch.rand(3, sum(sizes), generator=torch.Generator().manual_seed(0))
    pulses, noise, last = excitation(pitch, excitation.start(3))
    state, parts = excitation.start(3), []
    for piece in pitch.split(sizes, 1):
        *made, state = excitation(piece, state)
        parts.append(made)
    torch.testing.assert_close(torch.cat([p for p, _ in parts], 1), pulses, atol=1e-5, rtol=0)
    assert torch.equal(torch.cat([n for _, n in parts], 1), noise)
    torch.testing.assert_close(state, last)


def test_every_row_is_by_itself(excitation: Excitation) -> None:
    pitch = 60.0 + 340.0 * torch.rand(4, 20, generator=torch.Generator().manual_seed(1))
    together = excitation(pitch, excitation.start(4))[0]
    apart = torch.cat([excitation(row[None], excitation.start(1))[0] for row in pitch])
    assert torch.equal(together, apart)


def test_noise_comes_round_and_is_the_same_in_every_model(excitation: Excitation) -> None:
    hops = 2 * NOISE_LENGTH // HOP
    _, noise, _ = Excitation(RATE, HOP)(torch.full((1, hops), 100.0), excitation.start(1))
    left = noise.shape[1] - NOISE_LENGTH
    assert torch.equal(noise[0, :left], noise[0, NOISE_LENGTH:])
    assert torch.equal(noise[0, :NOISE_LENGTH], excitation.noise)
    assert not excitation.state_dict()  # nothing that a checkpoint need hold
