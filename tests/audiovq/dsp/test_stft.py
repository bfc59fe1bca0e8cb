"""Frames and back: what comes out is what went in, late by the delay; where sines and white noise show."""

from __future__ import annotations

import pytest
import torch

from audiovq.dsp.stft import STFT

SIZES = [(512, 160), (512, 128), (400, 160), (800, 400), (9, 8), (320, 80)]


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("window", "hop"), SIZES)
def test_analysis_and_synthesis_are_a_delay(window: int, hop: int) -> None:
    stft = STFT(window, hop)
    x = noise(2, 30 * hop)
    frames, past = stft.analyse(x, stft.past(2))
    assert frames.shape == (2, 30, window // 2 + 1)
    assert past.shape == (2, stft.delay)
    y, _ = stft.synthesise(frames, stft.tail(2))
    assert y.shape == x.shape
    assert stft.delay == window - hop
    torch.testing.assert_close(y[:, stft.delay :], x[:, : -stft.delay], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(y[:, : stft.delay], torch.zeros(2, stft.delay), atol=1e-5, rtol=0)


def test_an_impulse_comes_out_after_the_delay_and_nothing_before() -> None:
    stft = STFT(512, 160)
    for place in (0, 1, 159, 160, 1000):
        x = torch.zeros(1, 2400)
        x[0, place] = 1.0
        frames, _ = stft.analyse(x, stft.past(1))
        y, _ = stft.synthesise(frames, stft.tail(1))
        assert y.abs().argmax() == place + stft.delay
        y[0, place + stft.delay] -= 1.0
        assert y.abs().max() < 1e-5


def test_a_frame_sees_its_window_and_nothing_of_the_future() -> None:
    stft = STFT(512, 160)
    x = torch.zeros(1, 1600)
    x[0, 800] = 1.0
    heard = stft.analyse(x, stft.past(1))[0][0].abs().amax(-1) > 0
    assert heard.nonzero()[:, 0].tolist() == [5, 6, 7]  # ending at 960, 1120 and 1280; the next one's window is 0 there


@pytest.mark.parametrize("k", [3, 32, 100, 250])
def test_a_sine_is_in_its_bin(k: int) -> None:
    stft = STFT(512, 160)
    x = torch.sin(2 * torch.pi * k / 512 * torch.arange(8000))
    power = stft.analyse(x[None], stft.past(1))[0][0, 5:].abs().square()
    assert (power.argmax(-1) == k).all()
    # a Hann window keeps a sine within a bin to each side: amplitude 1/2 at the centre, half of that beside it
    torch.testing.assert_close(power[:, k - 1] / power[:, k], torch.full((45,), 0.25), rtol=1e-2, atol=0)
    others = power.sum(-1) - power[:, k - 1 : k + 2].sum(-1)
    assert (others < 1e-4 * power[:, k]).all()


def test_white_noise_of_variance_one_has_power_one_in_every_bin() -> None:
    stft = STFT(512, 160)
    power = stft.analyse(noise(4, 160 * 1000), stft.past(4))[0].abs().square().mean((0, 1))
    torch.testing.assert_close(power[1:-1], torch.ones(255), atol=0.12, rtol=0)
    assert abs(power.mean() - 1.0) < 0.01


@pytest.mark.parametrize("sizes", [[1] * 24, [5, 1, 18], [23, 1], [2, 7, 15]])
def test_in_pieces_as_in_one(sizes: list[int]) -> None:
    stft = STFT(512, 160)
    x = noise(2, 160 * sum(sizes))
    whole, last = stft.analyse(x, stft.past(2))
    made, rest = stft.synthesise(whole, stft.tail(2))
    past, tail, frames, samples = stft.past(2), stft.tail(2), [], []
    for piece in x.split([160 * n for n in sizes], 1):
        some, past = stft.analyse(piece, past)
        y, tail = stft.synthesise(some, tail)
        frames.append(some)
        samples.append(y)
    torch.testing.assert_close(torch.cat(frames, 1), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat(samples, 1), made, atol=1e-6, rtol=1e-5)
    assert torch.equal(past, last)
    torch.testing.assert_close(tail, rest, atol=1e-6, rtol=1e-5)


def test_gradients_reach_silence_and_are_finite() -> None:
    stft = STFT(512, 160)
    x = torch.zeros(1, 1600, requires_grad=True)
    frames, _ = stft.analyse(x, stft.past(1))
    y, _ = stft.synthesise(frames, stft.tail(1))
    y.sum().backward()
    torch.testing.assert_close(x.grad[:, : -stft.delay], torch.ones(1, 1600 - stft.delay), atol=1e-4, rtol=0)
