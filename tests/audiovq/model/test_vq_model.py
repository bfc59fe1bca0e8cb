"""The speech codec's network: in pieces as in one, delays, warm-up, export, configuration."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
import torch
from synthetic_speech import RATE, vowel

from audiovq.dsp.pitch import BINS, frequency_at
from audiovq.model.quantizers import KINDS
from audiovq.model.vqvae import EVEN_NOISE, VOICE_STATES, VQVAE, Speech, VQVAEConfig
from latentmix.errors import InputError

CONFIG = VQVAEConfig(
    encoder_width=24,
    decoder_width=24,
    encoder_dilations=(1, 2),
    decoder_dilations=(1, 2, 1),
    latent_size=8,
    codebooks=3,
    codes=16,
)
HOP = CONFIG.hop


def make(config: VQVAEConfig = CONFIG) -> VQVAE:
    """An untrained model whose codebooks lie among its latents."""
    torch.manual_seed(0)
    model = VQVAE(config).eval()
    with torch.no_grad():
        x = speech(60, config)
        z, _ = model.latents(x, model.initial_encoder_state(len(x)))
        model.quantizer.initialise(z.transpose(1, 2), torch.Generator().manual_seed(0))
    return model


def speech(frames: int, config: VQVAEConfig = CONFIG) -> torch.Tensor:
    """Two different glides (2, frames * hop)."""
    length = frames * config.hop
    glide = torch.linspace(90.0, 250.0, length).numpy()
    return torch.stack([torch.from_numpy(vowel(p, length / RATE, k)) for p, k in ((glide, "a"), (glide[::-1], "i"))])


@pytest.fixture(scope="module")
def model() -> VQVAE:
    return make()


# In pieces as in one


@pytest.mark.parametrize("sizes", [[1] * 20, [7, 1, 12], [19, 1]])
def test_encoding_in_pieces(model: VQVAE, sizes: list[int]) -> None:
    x = speech(sum(sizes))
    whole, last = model.encode_step(x, model.initial_encoder_state(2))
    assert whole.shape == (2, CONFIG.codebooks, 20)
    assert whole.dtype == torch.int64
    assert len(whole.unique()) > 8
    state, parts = model.initial_encoder_state(2), []
    for piece in x.split([HOP * n for n in sizes], 1):
        codes, state = model.encode_step(piece, state)
        parts.append(codes)
    assert torch.equal(torch.cat(parts, 2), whole)
    for a, b in zip(state, last, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("early", [False, True])
@pytest.mark.parametrize("books", [1, 3])
@pytest.mark.parametrize("sizes", [[1] * 20, [7, 1, 12], [19, 1]])
def test_decoding_in_pieces(model: VQVAE, sizes: list[int], books: int, early: bool) -> None:
    codes, _ = model.encode_step(speech(20), model.initial_encoder_state(2))
    codes = codes[:, :books]
    whole, _ = model.decode_step(codes, model.initial_decoder_state(2, early))
    assert whole.shape == (2, 20 * HOP)
    assert whole.abs().max() > 1e-3
    state, parts = model.initial_decoder_state(2, early), []
    for piece in codes.split(sizes, 2):
        y, state = model.decode_step(piece, state)
        parts.append(y)
    # matrix products of other shapes round differently, by processor too, and the phase of the pulses adds that up
    assert (torch.cat(parts, 1) - whole).abs().max() < 1e-4 * whole.abs().max()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lookup_dim", [0, 4])
def test_every_quantizer_encodes_and_decodes(kind: str, lookup_dim: int) -> None:
    model = make(replace(CONFIG, quantizer=kind, lookup_dim=lookup_dim))
    codes, _ = model.encode_step(speech(4), model.initial_encoder_state(2))
    y, _ = model.decode_step(codes, model.initial_decoder_state(2))
    assert codes.shape == (2, 3, 4)
    assert y.shape == (2, 4 * HOP)
    assert y.isfinite().all()


def test_rows_of_a_batch_do_not_meet(model: VQVAE) -> None:
    x = speech(6)
    together, _ = model.encode_step(x, model.initial_encoder_state(2))
    apart = torch.cat([model.encode_step(row[None], model.initial_encoder_state(1))[0] for row in x])
    assert torch.equal(together, apart)


# Time


def test_a_code_frame_hears_its_own_samples_and_none_later(model: VQVAE) -> None:
    x = speech(12)
    z, _ = model.latents(x, model.initial_encoder_state(2))
    for place in (5 * HOP, 6 * HOP - 2):  # the last sample of a frame is where its window is 0
        other = x.clone()
        other[:, place] += 0.1
        changed = (model.latents(other, model.initial_encoder_state(2))[0] != z).any(-1)[0].nonzero()[:, 0]
        assert changed[0] == 5


def test_a_code_frame_is_heard_from_where_it_stands_on_and_not_before(model: VQVAE) -> None:
    codes, _ = model.encode_step(speech(12), model.initial_encoder_state(2))
    other = codes.clone()
    other[:, :, 5] = (codes[:, :, 5] + 1) % CONFIG.codes
    y, made = (model.decode_step(c, model.initial_decoder_state(2))[0] for c in (codes, other))
    first = (y != made).any(0).nonzero()[0, 0]
    assert 5 * HOP <= first < 5 * HOP + 8  # the first samples of a window are near 0


def test_a_voice_of_flat_gains_is_its_excitation_late_by_the_delay(model: VQVAE) -> None:
    """So `delay` is what an impulse takes from a code frame's first sample to the output."""
    frames = 24
    flat = torch.zeros(1, frames, model.stft.bins), torch.zeros(1, frames, BINS)
    pitch = torch.full((1, frames), 100.0)
    for logit, which, share in ((40.0, 0, 0.7), (-40.0, 1, 0.6)):  # decoded noise is evener than the source's
        said = Speech(*flat, torch.full((1, frames, CONFIG.bands), logit))
        y, _ = model.voice(said, pitch, model.initial_voice_state(1))
        source = model.excitation(pitch, model.excitation.start(1))[which]
        lags = torch.arange(model.delay - 40, model.delay + 41)
        alike = torch.stack([(y[0, lag:] * source[0, : y.shape[1] - lag]).sum() for lag in lags.tolist()])
        assert lags[alike.argmax()] == model.delay
        assert alike.max() > share * (y.norm() * source.norm())
    assert model.delay == CONFIG.window - CONFIG.frame == 352


def test_latency_is_the_longest_that_a_sample_waits(model: VQVAE) -> None:
    """Sample t comes out at t + delay, with the code frame that holds that place, which must be full."""
    waits = [((t + model.delay) // HOP + 1) * HOP - t for t in range(4 * HOP)]
    assert max(waits) == model.latency == 672
    assert model.latency / CONFIG.sample_rate <= 0.060


def test_early_a_sample_waits_12_ms_less(model: VQVAE) -> None:
    """What comes early is what comes later, as far as a frame can be foretold: nearly all where nothing changes."""
    frames = 48
    steady = torch.linspace(-1.0, 1.0, model.stft.bins).expand(1, frames, -1), torch.zeros(1, frames, BINS)
    said = Speech(*steady, torch.zeros(1, frames, CONFIG.bands))
    pitch = torch.full((1, frames), 120.0)
    late, _ = model.voice(said, pitch, model.initial_voice_state(1))
    early, _ = model.voice(said, pitch, model.initial_voice_state(1, early=True))
    late, early = late[0, model.delay :], early[0, model.early_delay :][: frames * CONFIG.frame - model.delay]
    error = (early - late)[8 * HOP :].norm() / late[8 * HOP :].norm()
    assert error < 0.1
    other = torch.full((1, frames), 121.0)  # as a pitch that is not the same would be noticed
    third, _ = model.voice(said, other, model.initial_voice_state(1, early=True))
    assert (third[0, model.early_delay :][: len(late)] - late)[8 * HOP :].norm() > 0.5 * late[8 * HOP :].norm()
    waits = [((t + model.early_delay) // HOP + 1) * HOP - t for t in range(4 * HOP)]
    assert max(waits) == model.early_latency == 480
    assert model.latency - model.early_latency == 192


def test_early_nothing_is_heard_of_codes_that_are_not_there_yet(model: VQVAE) -> None:
    codes, _ = model.encode_step(speech(12), model.initial_encoder_state(2))
    other = codes.clone()
    other[:, :, 5] = (codes[:, :, 5] + 1) % CONFIG.codes
    y, made = (model.decode_step(c, model.initial_decoder_state(2, early=True))[0] for c in (codes, other))
    assert (y != made).any(0).nonzero()[0, 0] >= 5 * HOP


# Starting in the middle


def test_after_the_warm_up_a_decoder_says_what_the_unbroken_one_says(model: VQVAE) -> None:
    codes, _ = model.encode_step(speech(40), model.initial_encoder_state(2))
    z = model.quantizer.decode(codes).transpose(1, 2)
    start, per_code = 10, CONFIG.frames_per_code
    whole, _ = model.speech(z, model.decoder.start(2))
    later, _ = model.speech(z[:, start:], model.decoder.start(2))
    for name in ("gain", "pitch", "periodicity"):
        a = getattr(whole, name)[:, (start + model.warm_up) * per_code :]
        b = getattr(later, name)[:, model.warm_up * per_code :]
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(whole.gain[:, start * per_code], later.gain[:, 0], atol=1e-3)


def test_with_the_unbroken_excitation_the_magnitudes_are_the_same_after_the_warm_up(model: VQVAE) -> None:
    """The excitation is handed over once the stack has warmed up; the rest of the warm-up is that of its windows."""
    codes, _ = model.encode_step(speech(40), model.initial_encoder_state(2))
    z = model.quantizer.decode(codes).transpose(1, 2)
    said, _ = model.speech(z, model.decoder.start(2))
    pitch, fresh = model.best_pitch(said.pitch), model.initial_voice_state(2)[:3]
    start = 20
    whole, _ = model.filtered(said, pitch, fresh, roughness=1.0)
    _, unbroken = model.filtered(*_cut(said, pitch, slice(start)), fresh, roughness=1.0)
    later, _ = model.filtered(*_cut(said, pitch, slice(start, None)), [unbroken[0], *fresh[1:]], roughness=1.0)
    left = (model.warm_up - model.decoder.warm_up) * CONFIG.frames_per_code
    after = later.magnitude[:, left:]
    torch.testing.assert_close(after, whole.magnitude[:, start + left :], atol=1e-5, rtol=1e-4)
    assert not torch.allclose(later.magnitude[:, 0], whole.magnitude[:, start], atol=1e-4)


def _cut(said: Speech, pitch: torch.Tensor, which: slice) -> tuple[Speech, torch.Tensor]:
    return Speech(*(getattr(said, name)[:, which] for name in ("gain", "pitch", "periodicity"))), pitch[:, which]


def test_after_the_warm_up_pulses_come_as_often(model: VQVAE) -> None:
    """With its own phase: the excitation's pitch is that of the unbroken decoder from then on."""
    codes, _ = model.encode_step(speech(40), model.initial_encoder_state(2))
    a = model.decode_step(codes, model.initial_decoder_state(2))[1][0]
    b = model.decode_step(codes[:, :, 10:], model.initial_decoder_state(2))[1][0]
    torch.testing.assert_close(a[:, 1], b[:, 1])
    assert model.warm_up < 30


# What goes in and out


def test_features_of_silence_and_of_the_loudest_are_finite_and_small(model: VQVAE) -> None:
    for x in (torch.zeros(1, 4 * HOP), torch.ones(1, 4 * HOP), torch.tensor([1.0, -1.0]).repeat(1, 2 * HOP)):
        features, past = model.features(x, model.initial_encoder_state(1)[0])
        assert features.shape == (1, 4, CONFIG.frames_per_code * (model.stft.bins + BINS + 1))
        assert features.abs().max() < 6.0
        assert torch.equal(past, x[:, -past.shape[1] :])


def test_twice_as_loud_is_a_step_up_in_every_level(model: VQVAE) -> None:
    x = speech(6)
    quiet, loud = (
        model.features(gain * x, model.initial_encoder_state(2)[0])[0][:, 4].unflatten(1, (2, -1)) for gain in (1, 2)
    )
    levels = loud[..., -1] - quiet[..., -1]
    torch.testing.assert_close(levels, torch.full_like(levels, 0.25 * torch.tensor(4.0).log()), atol=1e-3, rtol=0)
    repeats = (loud - quiet)[..., model.stft.bins : -1]
    assert repeats.abs().max() < 1e-2  # autocorrelation does not know of level


def test_gains_are_amplitudes(model: VQVAE) -> None:
    said = Speech(torch.zeros(1, 50, 257), torch.zeros(1, 50, BINS), torch.full((1, 50, 16), -9.0))
    louder = replace(said, gain=said.gain + torch.tensor(2.0).log())
    pitch = torch.full((1, 50), 100.0)
    y, twice = (model.voice(s, pitch, model.initial_voice_state(1))[0] for s in (said, louder))
    torch.testing.assert_close(twice, 2.0 * y, atol=2e-3, rtol=1e-4)  # the rounds make rounding grow
    power = y[:, 1000:].square().mean()  # of noise made even it is EVEN_NOISE, of noise as it is 1
    assert EVEN_NOISE - 0.05 < power < 1.05


@pytest.mark.parametrize("logit", [-1e4, -100.0, 17.0, 100.0, 1e4])
def test_certain_periodicity_leaves_samples_and_gradients_finite(model: VQVAE, logit: float) -> None:
    periodicity = torch.full((1, 6, 16), logit, requires_grad=True)
    said = Speech(torch.full((1, 6, 257), 20.0), torch.zeros(1, 6, BINS), periodicity)
    y, _ = model.voice(said, torch.full((1, 6), 100.0), model.initial_voice_state(1))
    y.square().sum().backward()
    assert y.isfinite().all()
    assert periodicity.grad.isfinite().all()


@pytest.mark.parametrize("bins", [0.0, 20.0, 63.5, 100.25, 127.0])
def test_the_best_pitch_is_where_the_logits_peak(model: VQVAE, bins: float) -> None:
    logits = -0.5 * ((torch.arange(BINS) - bins) / 0.8).square()
    found = model.best_pitch(logits[None, None])
    real = frequency_at(torch.tensor(bins))
    assert abs(1200 * torch.log2(found / real)) < 20
    two = torch.maximum(logits, -0.5 * ((torch.arange(BINS) - (bins + 64) % 128) / 0.8).square() - 0.5)
    torch.testing.assert_close(model.best_pitch(two[None, None]), found, rtol=1e-3, atol=0)


def test_rates(model: VQVAE) -> None:
    full = VQVAE(VQVAEConfig(encoder_width=8, decoder_width=8))
    assert [full.codebooks_for(kbps) for kbps in (0.1, 0.5, 0.7, 1.0, 1.4, 1.5, 2.0, 3.0, 3.5)] == [
        1,
        1,
        1,
        2,
        2,
        3,
        4,
        6,
        7,
    ]
    assert full.config.bits_a_code == 10
    assert full.config.hop == 320
    for kbps in (0.0, -1.0, 3.6, float("nan"), float("inf")):
        with pytest.raises(InputError, match=r"expected a rate above 0 and up to 3\.5 kbit/s, found"):
            full.codebooks_for(kbps)


# For plugins


class Encoder(torch.nn.Module):
    def __init__(self, model: VQVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return self.model.encode_step(x, state)


class Decoder(Encoder):
    def forward(self, codes: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return self.model.decode_step(codes, state)


@pytest.mark.parametrize(("which", "early"), [("encode_step", False), ("decode_step", False), ("decode_step", True)])
def test_an_exported_step_does_the_same(which: str, early: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """For single code frames, as live."""
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "disabled", True)  # pytest would keep all it says
    model = make(replace(CONFIG, encoder_dilations=(2,), decoder_dilations=(2,), codebooks=2))
    x = speech(12)[:1]
    if which == "encode_step":
        wrapped, pieces, state = Encoder(model), x.split(HOP, 1), model.initial_encoder_state(1)
    else:
        codes, _ = model.encode_step(x, model.initial_encoder_state(1))
        wrapped, pieces, state = Decoder(model), codes.split(1, 2), model.initial_decoder_state(1, early)
    pieces = [piece.contiguous() for piece in pieces]
    with torch.no_grad():
        program = torch.export.export(wrapped, (pieces[0], state), strict=False)
        exported, theirs = program.module(), state
        for piece in pieces:
            y, state = getattr(model, which)(piece, state)
            z, theirs = exported(piece, theirs)
            torch.testing.assert_close(z, y, atol=1e-3, rtol=1e-3)  # ours is traced meanwhile, sums in another order
        for a, b in zip(theirs, state, strict=True):
            torch.testing.assert_close(a, b, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("early", [False, True])
def test_short_steps_are_traced_and_give_what_long_ones_give(early: bool) -> None:
    """Each number of codebooks for itself; whole codes are left out of some frames."""
    model = make(CONFIG)
    model.load_state_dict({name: each.half().float() for name, each in model.state_dict().items()})
    x = speech(24)[:1]
    for q in (1, CONFIG.codebooks):
        codes, _ = model.encode_step(x, model.initial_encoder_state(1), q)
        samples, _ = model.decode_step(codes, model.initial_decoder_state(1, early))
        encoder, decoder = model.initial_encoder_state(1), model.initial_decoder_state(1, early)
        for i in range(24):
            found, encoder = model.encode_step(x[:, i * HOP : (i + 1) * HOP], encoder, q)
            assert torch.equal(found, codes[:, :, i : i + 1])
            y, decoder = model.decode_step(found, decoder)
            error = (y - samples[:, i * HOP : (i + 1) * HOP]).abs().max()
            assert error < 1e-2 * samples.abs().max()  # phases of random weights: what rounding does is handed on
    assert len(model._encoded_often._traced) == len(model._decoded_often._traced) == 2
    kinds = [type(each).__name__ for each in model._decoded_often._traced.values()]
    assert kinds == ["RecursiveScriptModule"] * 2  # none stayed as it was


def test_states_are_flat_lists_of_tensors(model: VQVAE) -> None:
    encoder, decoder = model.initial_encoder_state(2), model.initial_decoder_state(2)
    assert len(encoder) == 1 + len(CONFIG.encoder_dilations)
    assert len(decoder) == VOICE_STATES + len(CONFIG.decoder_dilations)
    assert len(model.initial_decoder_state(2, early=True)) == len(decoder) + 1
    assert all(type(s) is torch.Tensor and s.shape[0] == 2 for s in encoder + decoder)


@pytest.mark.parametrize("early", [False, True])
def test_a_step_leaves_the_state_it_was_given(model: VQVAE, early: bool) -> None:
    codes, _ = model.encode_step(speech(3), model.initial_encoder_state(2))
    state = model.initial_decoder_state(2, early)
    before = [s.clone() for s in state]
    first, _ = model.decode_step(codes, state)
    assert all(torch.equal(a, b) for a, b in zip(state, before, strict=True))
    assert torch.equal(model.decode_step(codes, state)[0], first)


# Configuration


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame", 0),
        ("frame", 401),
        ("frames_per_code", 9),
        ("window", 160),
        ("window", 801),
        ("encoder_width", 0),
        ("decoder_width", 10**9),
        ("latent_size", -1),
        ("codebooks", 33),
        ("codes", 1 << 20),
        ("bands", 0),
        ("lookup_dim", -1),
        ("lookup_dim", 65),
        ("encoder_dilations", (0,)),
        ("decoder_dilations", (1, 2.0)),
        ("decoder_dilations", (65,)),
        ("encoder_dilations", (1,) * 17),
        ("sample_rate", 8000),
        ("quantizer", "best"),
    ],
)
def test_sizes_that_cannot_be(name: str, value: object) -> None:
    with pytest.raises(ValueError, match="kind" if name == "quantizer" else name):
        VQVAEConfig(**{name: value})


def test_other_sizes_work() -> None:
    model = make(replace(CONFIG, frame=80, frames_per_code=3, window=401, encoder_dilations=(), bands=1))
    x = speech(9, model.config)
    codes, _ = model.encode_step(x, model.initial_encoder_state(2))
    y, _ = model.decode_step(codes, model.initial_decoder_state(2))
    assert codes.shape == (2, 3, 9)
    assert y.shape == x.shape
    assert (model.delay, model.latency) == (321, 321 + 240)
    early, _ = model.decode_step(codes, model.initial_decoder_state(2, early=True))
    assert early.shape == x.shape
    assert early.isfinite().all()
    assert (model.early_delay, model.early_latency) == (80, 80 + 240)
