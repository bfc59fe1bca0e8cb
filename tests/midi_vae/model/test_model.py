"""MelodyVAE: what goes in and comes out, that it repeats itself when it should, that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentmix.errors import InputError
from midi_vae import interpolation
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.gaussian import Posterior
from midi_vae.music.melody import HOLD, OFF, ONSET, Melody
from midi_vae.training import losses
from midi_vae.vae import MelodyVAE

CONFIG = MelodyVAEConfig(latent_size=32, width=32, across=64, decoder_blocks=2, prior_width=32)
TUNE = Melody.from_notes([(0, 4, 60), (4, 6, 64), (8, 16, 67), (20, 32, 72)], bars=2, name="tune")
OTHER = Melody.from_notes([(2, 4, 55), (16, 24, 62)], bars=2, tempo=90.0, program=73)
WALTZ = Melody.from_notes([(0, 12, 60), (12, 24, 62)], metre=(3, 4), tempo=150.0, program=21, name="waltz")


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    torch.manual_seed(0)
    return MelodyVAE(CONFIG).eval()


def latents(count: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(count, CONFIG.latent_size, generator=torch.Generator().manual_seed(seed))


def random_windows(count: int, seed: int) -> np.ndarray:
    """Windows of 4 to 13 onsets with a rest now and then."""
    rng = np.random.default_rng(seed)
    windows = np.zeros((count, 32), np.int64)
    for row in windows:
        places = np.sort(rng.choice(31, rng.integers(4, 14), replace=False))
        row[places] = ONSET + rng.integers(48, 84, len(places))
        row[places[-1] + 1] = OFF
    return windows


def test_shapes(model: MelodyVAE) -> None:
    fields = model.fields(torch.from_numpy(random_windows(5, 0)))
    posterior = model.posterior(fields)
    assert posterior.mean.shape == posterior.log_variance.shape == (5, 32)
    logits = model.logits(posterior.mean)
    assert logits.rhythm.shape == (5, 32, 3)
    assert logits.pitch.shape == (5, 32, CONFIG.pitches)
    assert model.encode([TUNE, OTHER, WALTZ]).shape == (3, 32)
    assert model.encode([TUNE]).dtype == torch.float32


def test_fields_take_tokens_apart(model: MelodyVAE) -> None:
    tokens = torch.zeros(1, 32, dtype=torch.int64)
    tokens[0, [0, 2, 5, 8, 9]] = torch.tensor([HOLD, ONSET + 60, ONSET + 62, OFF, ONSET + 21])
    fields = model.fields(tokens)
    rhythm = [0] * 32
    rhythm[2] = rhythm[5] = rhythm[9] = 2
    rhythm[8] = 1
    assert fields.rhythm.tolist() == [rhythm]
    # the note that started last, before the first note that of the first; counted from the lowest pitch, 21
    assert fields.pitch.tolist() == [[39] * 5 + [41] * 4 + [0] * 23]


def test_fields_of_silence(model: MelodyVAE) -> None:
    fields = model.fields(torch.zeros(1, 32, dtype=torch.int64))
    assert fields.rhythm.eq(0).all()
    assert fields.pitch.eq(0).all()


def test_tokens_take_the_likeliest_of_rhythm_and_pitch(model: MelodyVAE) -> None:
    z = latents(20)
    logits, tokens = model.logits(z), model.tokens(z)
    for row in range(20):
        for step in range(32):
            rhythm = int(logits.rhythm[row, step].argmax())
            pitch = int(logits.pitch[row, step].argmax()) + CONFIG.lowest_pitch
            assert tokens[row, step] == (rhythm if rhythm < ONSET else ONSET + pitch)
    assert set(model.logits(z).rhythm.argmax(-1).unique().tolist()) == {0, 1, 2}  # all cases were seen


def test_encode_windows_is_the_posterior_mean(model: MelodyVAE) -> None:
    tokens = TUNE.tokens.astype(np.int64)[None]
    assert torch.equal(model.encode_windows(tokens), model.posterior(model.fields(torch.from_numpy(tokens))).mean)


def test_encode_is_the_same_every_time(model: MelodyVAE) -> None:
    z = model.encode([TUNE])
    assert torch.equal(z, model.encode([TUNE]))
    assert not torch.equal(z, model.encode([OTHER]))


def wrong_steps(model: MelodyVAE, z: torch.Tensor, windows: np.ndarray) -> np.ndarray:
    return (model.decode_windows(z) != windows).sum(1)


def test_what_is_encoded_is_what_is_decoded() -> None:
    """Windows that the means of the shipped model are often decoded otherwise from: random notes."""
    shipped, windows = MelodyVAE.from_pretrained(), random_windows(40, 3)
    means, z = shipped.encode_windows(windows), shipped.invert_windows(windows)
    of_means, of_codes = (wrong_steps(shipped, each, windows) for each in (means, z))
    assert (of_means > 0).sum() >= 20
    assert (of_codes > 0).sum() <= 4
    right = of_means == 0
    torch.testing.assert_close(z[right], means[right])  # what needs no correction stays where it is


def test_a_model_that_knows_nothing_is_not_made_worse(model: MelodyVAE) -> None:
    windows = random_windows(20, 4)
    means, z = model.encode_windows(windows), model.invert_windows(windows)
    assert (wrong_steps(model, z, windows) <= wrong_steps(model, means, windows)).all()
    assert torch.isfinite(z).all()


def test_no_windows_have_no_codes(model: MelodyVAE) -> None:
    assert model.inverted(torch.zeros(0, 32, dtype=torch.int64)).shape == (0, CONFIG.latent_size)


def test_a_melody_s_code_does_not_depend_on_its_neighbours(model: MelodyVAE) -> None:
    torch.testing.assert_close(model.encode([OTHER, TUNE])[1:], model.encode([TUNE]))


def test_a_short_melody_is_followed_by_silence(model: MelodyVAE) -> None:
    bar = Melody.from_notes([(0, 16, 60)], bars=1)
    assert torch.equal(model.encode([bar]), model.encode([Melody.from_notes([(0, 16, 60)], bars=2)]))


def test_tempo_and_program_are_not_encoded(model: MelodyVAE) -> None:
    same = Melody(TUNE.tokens, tempo=60.0, program=100)
    assert torch.equal(model.encode([same]), model.encode([TUNE]))


@pytest.mark.parametrize(("pitch", "folded"), [(20, 32), (0, 24), (109, 97), (127, 103)])
def test_pitches_outside_the_range_are_folded(model: MelodyVAE, pitch: int, folded: int) -> None:
    notes = [(0, 8, 60), (8, 16, pitch), (16, 32, 64)]
    expected = [(0, 8, 60), (8, 16, folded), (16, 32, 64)]
    assert torch.equal(model.encode([Melody.from_notes(notes)]), model.encode([Melody.from_notes(expected)]))


@pytest.mark.parametrize(("low", "high"), [(21, 108)])
def test_decoded_pitches_lie_in_the_model_s_range(model: MelodyVAE, low: int, high: int) -> None:
    pitches = [p for melody in model.decode(latents(200), temperature=2.0) for _, _, p in melody.notes()]
    assert low <= min(pitches) < max(pitches) <= high


def test_decode_is_the_same_every_time_at_temperature_0(model: MelodyVAE) -> None:
    z = latents(6)
    out = model.decode(z)
    assert out == model.decode(z) == model.decode(z, seed=5)
    assert len(out) == 6
    assert [melody.tokens.tolist() for melody in out] != [out[0].tokens.tolist()] * 6


def test_decode_repeats_with_its_seed(model: MelodyVAE) -> None:
    z = latents(6)
    assert model.decode(z, temperature=1.0, seed=1) == model.decode(z, temperature=1.0, seed=1)
    assert model.decode(z, temperature=1.0, seed=1) != model.decode(z, temperature=1.0, seed=2)
    assert model.decode(z, temperature=1.0) != model.decode(z, temperature=1.0)


def test_a_low_temperature_gives_the_likeliest(model: MelodyVAE) -> None:
    z = latents(6)
    assert model.decode(z, temperature=1e-4, seed=1) == model.decode(z)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_symbols_are_drawn_as_often_as_their_probability_says(model: MelodyVAE, temperature: float) -> None:
    z, count = latents(1, seed=3), 4000
    tokens = model.tokens(z.expand(count, -1), temperature, torch.Generator().manual_seed(0))
    logits = model.logits(z)
    rhythm = torch.softmax(logits.rhythm[0] / temperature, -1)
    pitch = torch.softmax(logits.pitch[0] / temperature, -1)
    for symbol in range(3):
        share = (tokens.clamp(max=ONSET) == symbol).float().mean(0)
        torch.testing.assert_close(share, rhythm[:, symbol], atol=5 * 0.5 / count**0.5, rtol=0)
    share = (tokens == ONSET + 60).float().mean(0)
    expected = rhythm[:, ONSET] * pitch[:, 60 - CONFIG.lowest_pitch]
    torch.testing.assert_close(share, expected, atol=5 * 0.5 / count**0.5, rtol=0)


def test_decode_gives_four_four_at_120_unless_told_otherwise(model: MelodyVAE) -> None:
    out = model.decode(latents(1))[0]
    assert (out.metre, out.bars, out.tempo, out.program) == ((4, 4), 2, 120.0, 0)


def test_decode_like_another_melody(model: MelodyVAE) -> None:
    z = latents(3)
    windows = model.decode_windows(z)
    for plain, waltz in zip(windows, model.decode(z, like=WALTZ), strict=True):
        assert (waltz.metre, waltz.bars, waltz.tempo, waltz.program) == ((3, 4), 2, 150.0, 21)
        assert waltz.name == ""
        assert waltz == Melody(np.concatenate([plain[:12], plain[16:28]]), (3, 4), 150.0, 21)


def test_reconstruct_is_decode_of_encode_with_each_melody_s_own_frame(model: MelodyVAE) -> None:
    short = Melody.from_notes([(0, 4, 60)], bars=1)
    tune, waltz, bar = model.reconstruct([TUNE, WALTZ, short])
    assert tune == model.decode(model.encode([TUNE]), like=TUNE)[0]
    assert waltz == model.decode(model.encode([WALTZ]), like=WALTZ)[0]
    assert bar.bars == 1
    assert bar.tokens.tolist() == model.decode(model.encode([short]))[0].tokens[:16].tolist()


@pytest.mark.parametrize(
    ("z", "message"),
    [
        (torch.zeros(32), r"shape \(B, 32\), found \(32,\)"),
        (torch.zeros(2, 31), r"shape \(B, 32\), found \(2, 31\)"),
        (torch.zeros(1, 2, 32), r"shape \(B, 32\), found \(1, 2, 32\)"),
        (torch.full((1, 32), float("nan")), "NaN"),
        (torch.full((1, 32), float("inf")), "infinity"),
    ],
)
def test_decode_refuses_what_is_no_latent(model: MelodyVAE, z: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model.decode(z)


def test_decode_takes_latents_of_other_precision(model: MelodyVAE) -> None:
    z = latents(2)
    assert model.decode(z.double()) == model.decode(z)


def test_encode_refuses_more_than_a_window_and_says_what_to_do(model: MelodyVAE) -> None:
    with pytest.raises(InputError, match=r"air: expected at most 2 bars of 4/4, found 3; .*midi_vae\.interpolation"):
        model.encode([Melody.from_notes([(0, 48, 60)], name="air")])
    with pytest.raises(InputError, match="at most 32 sixteenths, found 9/4"):
        model.encode([Melody.from_notes([(0, 4, 60)], metre=(9, 4))])


def test_sample_repeats_with_its_seed(model: MelodyVAE) -> None:
    assert len(model.sample(5, seed=1)) == 5
    assert model.sample(5, seed=1) == model.sample(5, seed=1)
    assert not torch.equal(model.sample_latents(5, seed=1), model.sample_latents(5, seed=2))
    assert not torch.equal(model.sample_latents(5), model.sample_latents(5))


def test_sample_does_not_touch_torch_s_own_generator(model: MelodyVAE) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    model.sample(2, seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_samples_are_encoded_melodies_of_the_prior(model: MelodyVAE) -> None:
    z = model.sample_latents(3, seed=4)
    symbols = model.prior.sample_middle(3, 1.0, torch.Generator().manual_seed(4))
    tokens = torch.where(symbols >= 2, symbols + model.config.lowest_pitch, symbols)
    assert torch.equal(z, model.invert_windows(tokens.numpy()))


def test_sample_at_temperature_0_is_the_likeliest(model: MelodyVAE) -> None:
    same = model.sample(3, temperature=0.0)
    assert same[0] == same[1] == same[2]


@pytest.mark.parametrize("n", [0, -1])
def test_sample_refuses_less_than_one(model: MelodyVAE, n: int) -> None:
    with pytest.raises(InputError, match=f"at least 1 melody, found {n}"):
        model.sample(n)


def test_interpolate_is_a_line_of_mixing(model: MelodyVAE) -> None:
    line = model.interpolate(TUNE, OTHER, steps=5)
    assert line == interpolation.line(model, TUNE, OTHER, 5, exact_ends=False)
    assert [line[0], line[-1]] == model.decode(model.encode([TUNE, OTHER]))
    exact = model.interpolate(TUNE, OTHER, steps=5, exact_ends=True)
    assert exact[0] == TUNE
    assert exact[-1].notes() == OTHER.notes()
    assert exact[1:-1] == line[1:-1]


def test_reparameterization_draws_from_the_posterior() -> None:
    mean, log_variance = torch.tensor([[-2.0, 0.0, 5.0]]), torch.tensor([[0.0, -4.0, 1.5]])
    many = 40_000
    z = Posterior(mean.expand(many, -1), log_variance.expand(many, -1)).sample(torch.Generator().manual_seed(0))
    sigma = torch.exp(log_variance / 2)[0]
    assert ((z.mean(0) - mean[0]) / sigma).abs().max() < 5 / many**0.5
    torch.testing.assert_close(z.std(0), sigma, rtol=0.02, atol=0)
    assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 5 / many**0.5


def test_reparameterization_passes_the_gradient() -> None:
    mean = torch.zeros(1, 4, requires_grad=True)
    log_variance = torch.zeros(1, 4, requires_grad=True)
    noise = torch.randn(1, 4, generator=torch.Generator().manual_seed(3))
    Posterior(mean, log_variance).sample(torch.Generator().manual_seed(3)).sum().backward()
    assert mean.grad.tolist() == [[1.0] * 4]
    torch.testing.assert_close(log_variance.grad, 0.5 * noise)


def test_posterior_variance_is_bounded(model: MelodyVAE) -> None:
    wild = MelodyVAE(CONFIG)
    with torch.no_grad():
        for parameter in wild.encoder.leave.parameters():
            parameter.mul_(1e4)
    q = wild.posterior(wild.fields(torch.from_numpy(random_windows(4, 1))))
    assert q.log_variance.min() == -8.0
    assert q.log_variance.max() == 4.0


@pytest.mark.parametrize("pitches", [(21, 88), (48, 24)])
def test_a_small_model_learns_sixteen_melodies_by_heart(pitches: tuple[int, int]) -> None:
    torch.manual_seed(0)
    lowest, count = pitches
    model = MelodyVAE(MelodyVAEConfig(32, 32, 64, decoder_blocks=2, lowest_pitch=lowest, pitches=count))
    windows = random_windows(16, seed=0)
    windows[windows >= ONSET] = (windows[windows >= ONSET] - ONSET - 48) % count + 48 + ONSET
    tokens, generator = torch.from_numpy(windows), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for _ in range(200):
        fields = model.fields(tokens)
        posterior = model.posterior(fields)
        loss = losses.reconstruction(model.logits(posterior.sample(generator)), fields)
        loss = (loss + 0.05 * losses.gaussian_kl(posterior)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    melodies = [Melody(row) for row in windows]
    assert model.reconstruct(melodies) == melodies
