from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_sounds import RATE, SMALL, played, small_model

from audiovq.audio_io.mono import read_mono
from audiovq.dsp.bands import band_centres
from audiovq.dsp.spectral_distance import spectral_distance
from audiovq.sound.analysis import Controls
from audiovq.sound.config import SoundConfig
from audiovq.sound.model import Colour, Sound, SoundModel
from audiovq.sound.morph import decode, encode
from latentmix.errors import InputError

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def heard(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x[: len(x) // 480 * 480])[None]


def test_pieces_give_what_the_whole_gives():
    model = small_model()
    x = heard(np.concatenate([played(220.0, 0.4), np.zeros(4800, np.float32), played(900.0, 0.4)]))
    sound, _ = model.encode_step(x, model.initial_encoder_state(1))
    y, _ = model.decode_step(sound, model.initial_decoder_state(1))
    encoder, decoder, made, timbres, start = model.initial_encoder_state(1), model.initial_decoder_state(1), [], [], 0
    for frames in (1, 2, 30, 57):
        piece, encoder = model.encode_step(x[:, start * 480 : (start + frames) * 480], encoder)
        samples, decoder = model.decode_step(piece, decoder)
        made.append(samples)
        timbres.append(piece.timbre)
        start += frames
    torch.testing.assert_close(torch.cat(timbres, 1), sound.timbre, atol=1e-3, rtol=1e-3)
    assert float((torch.cat(made, 1) - y).abs().max()) < 1e-3 * float(y.abs().max())


def test_frames_one_by_one_are_traced_and_give_what_the_whole_gives():
    model = small_model()
    model.load_state_dict({name: each.half().float() for name, each in model.state_dict().items()})
    x = heard(np.concatenate([played(220.0, 0.1), played(900.0, 0.1)]))
    sound, _ = model.encode_step(x, model.initial_encoder_state(1))
    y, _ = model.decode_step(sound, model.initial_decoder_state(1), Colour(3.0, -2.0))
    encoder, decoder = model.initial_encoder_state(1), model.initial_decoder_state(1)
    for start in range(0, x.shape[1], 480):
        piece, encoder = model.encode_step(x[:, start : start + 480], encoder)
        samples, decoder = model.decode_step(piece, decoder, Colour(3.0, -2.0))
        at = start // 480
        torch.testing.assert_close(piece.timbre, sound.timbre[:, at : at + 1], atol=1e-3, rtol=1e-3)
        assert float((samples - y[:, start : start + 480]).abs().max()) < 1e-3 * float(y.abs().max())
    for often in (model._encoded_often, model._decoded_often):
        assert [type(each).__name__ for each in often._traced.values()] == ["RecursiveScriptModule"]


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_an_impulse_comes_out_after_the_delay_that_is_told(rate: int):
    config = SoundConfig.at_rate(rate)
    model = small_model(config)
    assert model.latency == config.window and model.latency / rate <= 0.025
    for at in (20_000, 20_123, 20_400):
        x = torch.zeros(1, 90 * config.hop)
        x[0, at] = 1.0
        sound, _ = model.encode_step(x, model.initial_encoder_state(1))
        y, _ = model.decode_step(sound, model.initial_decoder_state(1))
        power = y[0].double().square()
        place = float((power * torch.arange(len(power))).sum() / power.sum())
        assert abs(place - (at + model.delay)) < config.hop
        sounding = torch.nonzero(power > 1e-5 * power.max())[:, 0]  # silence has about 5e-9
        assert sounding[0] >= at + model.delay - config.window and sounding[-1] <= at + model.delay + config.window


@pytest.mark.parametrize("hertz", [45.0, 220.0, 1500.0])
def test_it_is_as_loud_as_it_is_told_to_be_whatever_the_timbre(hertz: float):
    model = small_model()
    shape = (1, 150)
    for decibels in (-50.0, -20.0, -6.0):
        controls = Controls.steady(torch.full(shape, hertz), torch.full(shape, decibels), torch.ones(shape))
        timbre = torch.randn(1, 1, SMALL.latent_size, generator=torch.Generator().manual_seed(2)).expand(-1, 150, -1)
        y, _ = model.decode_step(Sound(controls, timbre), model.initial_decoder_state(1))
        found, _ = model.encode_step(y, model.initial_encoder_state(1))
        mean = 10.0 * torch.log10((10.0 ** (0.1 * found.controls.loudness[0, 30:])).mean())
        assert float(mean) == pytest.approx(decibels, abs=1.0)


def white(seconds: float) -> torch.Tensor:
    return 0.1 * torch.randn(1, int(seconds * RATE), generator=torch.Generator().manual_seed(4))


def high(x: torch.Tensor) -> torch.Tensor:
    spectrum = torch.fft.rfft(x)
    return torch.fft.irfft(spectrum * (torch.fft.rfftfreq(x.shape[1], 1 / RATE) > 4000.0))


@pytest.mark.parametrize("of", [lambda x: x, high], ids=["white", "high"])
def test_noise_comes_back_with_its_spectrum(of):
    """No recording that the shipped model learned from is like it; in octaves, from what the network says alone."""
    model, x = SoundModel.from_pretrained(), of(white(1.5))
    sound, _ = model.encode_step(x, model.initial_encoder_state(1))
    alone = Sound(sound.controls, sound.timbre[..., : model.config.latent_size])
    ends = RATE // 4, RATE + RATE // 4
    octaves = [(low, 2 * low) for low in (250, 500, 1000, 2000, 4500, 9000)]

    def levels(y: torch.Tensor) -> np.ndarray:
        power = torch.fft.rfft(y[0, ends[0] : ends[1]]).abs().square()
        return np.array([10.0 * np.log10(float(power[low:high].mean()) + 1e-3) for low, high in octaves])

    wanted = levels(x)
    loud = wanted > wanted.max() - 20.0
    off = []
    for each in (sound, alone):
        y, _ = model.decode_step(each, model.initial_decoder_state(1))
        off.append(np.abs(levels(y[:, model.delay :]) - wanted)[loud].max())
    assert off[0] < 4.0 < 10.0 < off[1]


def test_tones_of_a_few_partials_keep_them():
    """No instrument that the model has learned has so few."""
    model, seconds, off = SoundModel.from_pretrained(), np.arange(RATE + RATE // 5) / RATE, []
    for hertz in (110.0, 220.0, 440.0):
        for count in (2, 3):
            tone = sum(0.2 / k * np.sin(2.0 * np.pi * k * hertz * seconds) for k in range(1, count + 1))
            sound, _ = model.encode_step(heard(tone.astype(np.float32)), model.initial_encoder_state(1))
            y, _ = model.decode_step(sound, model.initial_decoder_state(1))
            spectra = [
                np.abs(np.fft.rfft(each[RATE // 2 : RATE] * np.hanning(RATE // 2))) for each in (tone, y[0].numpy())
            ]
            for place in (round(k * hertz / 2) for k in range(1, count + 1)):  # half a second: bins of 2 Hz
                before, after = (np.linalg.norm(each[place - 6 : place + 7]) for each in spectra)
                off.append(abs(20.0 * np.log10(after / before)))
    assert np.mean(off) < 1.5 and max(off) < 5.0, off


def test_between_harmonics_nothing_is_corrected():
    """What another pitch puts there sounds like its neighbours."""
    model = SoundModel.from_pretrained()
    sound, _ = model.encode_step(heard(played(400.0, 0.6)), model.initial_encoder_state(1))
    lacking = sound.timbre[0, 20:50, model.config.latent_size :].mean(0)
    centres = band_centres(model.config.bands, RATE)
    heard_at = [lacking[int((centres - place).abs().argmin())] for place in (800.0, 1000.0, 1200.0)]
    assert abs(float(heard_at[1] - 0.5 * (heard_at[0] + heard_at[2]))) < 1.0


def test_codes_stand_for_latents():
    model = small_model()
    sound, _ = model.encode_step(heard(played(300.0, 0.5)), model.initial_encoder_state(1))
    latent = sound.timbre[..., : model.config.latent_size]
    model.quantizer.initialise(latent.transpose(1, 2), torch.Generator().manual_seed(0))
    codes = model.codes(sound.timbre)
    assert codes.shape == (1, 2, 50) and int(codes.max()) < 8
    error = (model.from_codes(codes) - latent).square().mean()
    assert float(error) < 0.3 * float((latent - latent.mean(1, keepdim=True)).square().mean())


def test_silence_stays_silent_and_what_is_too_loud_stays_finite():
    model = small_model()
    for x, most in ((torch.zeros(1, RATE), 1e-3), (torch.ones(1, RATE), 10.0), (20.0 * torch.randn(1, RATE), 100.0)):
        sound, _ = model.encode_step(x, model.initial_encoder_state(1))
        y, _ = model.decode_step(sound, model.initial_decoder_state(1))
        assert torch.isfinite(y).all() and float(y.abs().max()) <= most


def test_a_folder_keeps_the_model(tmp_path):
    model = small_model()
    model.save_pretrained(tmp_path / "m")
    again = SoundModel.from_pretrained(tmp_path / "m")
    assert again.config == SMALL
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize(
    "wrong", [{"sample_rate": 8000}, {"window": 4096}, {"hop": 1}, {"bands": 1}, {"codes": 10**6}, {"quantizer": "x"}]
)
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, object]):
    with pytest.raises(ValueError):
        SoundConfig(**wrong)  # type: ignore[arg-type]


def test_a_model_of_speech_is_no_model_of_sounds():
    with pytest.raises(InputError, match=r"expected format latentmix\.sound version 1"):
        SoundModel.from_pretrained("speech_16k")


def test_a_pitch_that_glides_is_told_for_now_and_not_for_the_middle_of_the_window():
    t = np.arange(RATE) / RATE
    phase = 2.0 * np.pi * np.cumsum(200.0 * 2.0 ** (1.5 * t)) / RATE  # 18 cents a frame
    x = np.sum([0.1 / k * np.sin(k * phase) for k in range(1, 10)], 0).astype(np.float32)
    model = small_model()
    sound, _ = model.encode_step(heard(x), model.initial_encoder_state(1))
    now = 200.0 * 2.0 ** (1.5 * 0.01 * np.arange(1, 101))
    off = 1200.0 * np.log2(sound.controls.pitch[0].numpy() / now)
    assert np.abs(off[15:95]).max() < 15.0  # 21 ms late it would be 39 cents


def test_the_general_model_makes_a_sound_again_that_it_was_never_trained_on():
    model = SoundModel.from_pretrained()
    x = read_mono(EXAMPLES / "reed.flac", RATE)
    recording = encode(model, x)
    y = decode(model, recording.sound, recording.samples)
    again = encode(model, y).sound.controls.pitch[0, 20:180]
    assert abs(float((1200.0 * torch.log2(again / recording.sound.controls.pitch[0, 20:180])).median())) < 3.0
    pair = [torch.from_numpy(each)[None] for each in (y, x)]
    assert float(spectral_distance(pair[0], pair[1], RATE, only_heard=True).mean) < 5.0
    silent, _ = model.encode_step(torch.zeros(1, RATE), model.initial_encoder_state(1))
    assert float(model.decode_step(silent, model.initial_decoder_state(1))[0].abs().max()) < 1e-3
