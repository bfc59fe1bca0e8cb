"""VQVAE: speech to discrete codes and back (van den Oord et al. 2017, arXiv 1711.00937), over spectrogram frames.

    waveform -> STFT, autocorrelation -> encoder -> residual quantizer -> codes (B, Q, N)
    codes -> decoder -> gain of each bin, pitch, periodicity of each band -> magnitudes and phases of pulses and noise,
        filtered -> spectrogram inversion

Everything is causal: `encode_step` and `decode_step` take a piece of any number of code frames and the state before it,
and a whole recording is one piece from a fresh state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor, nn

from latentmix.checkpoint import Pretrained, fingerprint
from latentmix.checkpoint_format import CheckpointFormat
from latentmix.errors import InputError
from latentmix.tracing import OftenCalled

from ..dsp.early_output import EarlyOutput
from ..dsp.excitation import Excitation
from ..dsp.griffin_lim import SpectrogramInversion
from ..dsp.periodicity import band_weights
from ..dsp.pitch import BINS, WINDOW, Autocorrelation, frequency_at
from ..dsp.stft import STFT, OverlapAdded, squared
from .config import VQVAEConfig
from .layers import CausalStack
from .postfilter import roughness, sharpener
from .quantizers import make_quantizer

CHECKPOINT = CheckpointFormat("latentmix.audiovq", 1, Path(__file__).parents[1] / "weights")

FLOOR = 1e-6  # power added before a logarithm; about 60 dB below speech
OFTEN = 16  # steps of a single code frame after which more are expected: a file has one at its end, if any
VOICE_STATES = 4  # the first tensors of a decoder's state; one more where it decodes early
# of the shares of pulses and of noise: at 0 the slope of a square root is infinite, and rounding can go below
MIN_SHARE, MIN_NOISE = 1e-6, 1e-4
EVEN_NOISE = math.pi / 4.0  # squared mean amplitude of white noise of power 1 in a bin


@dataclass(frozen=True)
class Speech:
    """What the decoder says of each spectrogram frame.

    Attributes:
        gain: (B, N, F) log amplitude.
        pitch: (B, N, bins) logits over `pitch.frequencies`.
        periodicity: (B, N, bands) logits of the share of the power that repeats.
    """

    gain: Tensor
    pitch: Tensor
    periodicity: Tensor


@dataclass(frozen=True)
class TargetSpectrum:
    """Frames as they should be, before they are made to fit together; both (B, N, F).

    Attributes:
        magnitude: of the filtered pulses and noise.
        phase: complex, of modulus 1: that of their sum; 0 where there is neither.
    """

    magnitude: Tensor
    phase: Tensor


class VQVAE(OverlapAdded, Pretrained, nn.Module):
    """The model; see the module's docstring.

    `encode_step` and `decode_step` can be exported by `torch.export`, for a fixed number of code frames: their states
    are flat lists of tensors.
    """

    checkpoint = CHECKPOINT
    config_class = VQVAEConfig
    default = "speech_16k"
    cutoff = 40.0  # Hz: below there is no speech, and what there is is taken out before encoding
    carries_codes = True  # what is decoded says in its lowest bits which codes it is of
    band_weights: Tensor
    sharpener: Tensor
    roughness: Tensor
    levels: Tensor

    def __init__(self, config: VQVAEConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or VQVAEConfig()
        self.stft = STFT(config.window, config.frame)
        self.autocorrelation = Autocorrelation(config.pitch_bins)
        self.excitation = Excitation(config.sample_rate, config.frame)
        self.inversion = SpectrogramInversion(self.stft)
        self.early_output = EarlyOutput(self.stft, config.frames_per_code)
        features = config.frames_per_code * (self.stft.bins + config.pitch_bins + 1)
        self.encoder = CausalStack(features, config.latent_size, config.encoder_width, config.encoder_dilations)
        self.quantizer = make_quantizer(config.quantizer_config())
        self.per_frame = self.stft.bins + config.pitch_bins + config.bands
        self.decoder = CausalStack(
            config.latent_size, config.frames_per_code * self.per_frame, config.decoder_width, config.decoder_dilations
        )
        self.band_weights = nn.Buffer(band_weights(self.stft.bins, config.bands), persistent=False)
        self.sharpener = nn.Buffer(sharpener(self.stft.bins, config.sample_rate), persistent=False)
        self.roughness = nn.Buffer(roughness(self.stft.bins, config.sample_rate), persistent=False)
        nats = torch.tensor(config.levels, dtype=torch.float32) * (math.log(10.0) / 20.0)
        self.levels = nn.Buffer(nats, persistent=False)
        self._encoded_often = OftenCalled(VQVAE.encoded, self, OFTEN)
        self._decoded_often = OftenCalled(VQVAE.decoded, self, OFTEN)

    # -- encoder ---------------------------------------------------------------------------------------------------

    def features(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Samples (B, N * hop), the WINDOW - frame samples before -> (B, N, features), samples to keep.

        Of each spectrogram frame: log power of the bins, autocorrelation at the pitches, log power of the whole.
        """
        config = self.config
        whole = torch.cat([past, x], 1)
        spectrum, _ = self.stft.analyse(x, past[:, past.shape[1] - self.stft.delay :])
        power = squared(spectrum)
        level = torch.log(power + FLOOR)
        repeats = self.autocorrelation(whole.unfold(1, WINDOW, config.frame))
        loud = torch.log(power.mean(-1, keepdim=True) + FLOOR)
        frames = torch.cat([0.25 * level + 1.5, 2.0 * repeats, 0.25 * loud + 1.5], -1)
        return frames.unflatten(1, (-1, config.frames_per_code)).flatten(2), whole[:, x.shape[1] :]

    def initial_encoder_state(self, batch: int) -> list[Tensor]:
        """Fresh state: the samples of the past, then what the encoder's blocks keep."""
        past = self.band_weights.new_zeros(batch, WINDOW - self.config.frame)
        return [past, *self.encoder.start(batch)]

    def latents(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, N * hop), state -> latents before quantization (B, N, D), state."""
        features, past = self.features(x, state[0])
        z, after = self.encoder(features, state[1:])
        return z, [past, *after]

    # -- decoder ---------------------------------------------------------------------------------------------------

    def initial_voice_state(self, batch: int, early: bool = False) -> list[Tensor]:
        """Fresh state of `voice`: excitation, past pulses, past noise, inversion, and, if wanted, early output."""
        silent = self.stft.past(batch)
        state = [self.excitation.start(batch), silent, silent.clone(), self.inversion.start(batch)]
        return [*state, self.early_output.start(batch)] if early else state

    def initial_decoder_state(self, batch: int, early: bool = False) -> list[Tensor]:
        """Fresh state: that of the voice, then what the decoder's blocks keep.

        Args:
            early: for live streams: samples come `early_delay` late instead of `delay`, before all frames that cover
                them are there, and a little less like the original. A stream stays what its first state was.
        """
        return [*self.initial_voice_state(batch, early), *self.decoder.start(batch)]

    @property
    def early_delay(self) -> int:
        """`delay` of what is decoded early."""
        return self.early_output.delay

    @property
    def early_latency(self) -> int:
        """`latency` of what is decoded early."""
        return self.config.hop + self.early_delay

    def speech(self, z: Tensor, state: list[Tensor]) -> tuple[Speech, list[Tensor]]:
        """Quantized latents (B, N, D), state of the decoder's stack -> what to say, state."""
        y, after = self.decoder(z, state)
        y = y.unflatten(2, (self.config.frames_per_code, self.per_frame)).flatten(1, 2)
        gain, pitch, periodicity = y.split([self.stft.bins, self.config.pitch_bins, self.config.bands], -1)
        return Speech(4.0 * gain - 3.0, pitch, periodicity), after

    def best_pitch(self, logits: Tensor) -> Tensor:
        """Logits (B, N, bins) -> Hz (B, N) float64: the mean around the likeliest bin.

        float64, because the phase of the pulses adds its errors up.
        """
        best = logits.argmax(-1, keepdim=True)
        near = (best + torch.arange(-3, 4, device=logits.device)).clamp(0, logits.shape[-1] - 1)
        weight = torch.softmax(logits.gather(-1, near).double(), -1)
        return frequency_at((weight * near).sum(-1))

    def filtered(
        self, said: Speech, pitch: Tensor, state: list[Tensor], roughness: Tensor | float
    ) -> tuple[TargetSpectrum, list[Tensor]]:
        """What was said, the pitch (B, N) Hz of its frames, state -> pulses and noise with these gains, state.

        Args:
            state: the first three of `initial_voice_state`.
            roughness: how much noise varies from bin to bin: 1 as noise does, 0 not at all; for all bins, or (F,).
        """
        pulses, noise, source = self.excitation(pitch, state[0])
        pulses, past_pulses = self.stft.analyse(pulses, state[1])
        noise, past_noise = self.stft.analyse(noise, state[2])
        return self._mixed(said, pulses, noise, roughness), [source, past_pulses, past_noise]

    def _mixed(self, said: Speech, pulses: Tensor, noise: Tensor, roughness: Tensor | float) -> TargetSpectrum:
        """What was said, the spectra of pulses and noise (B, N, F) complex -> them with these gains."""
        share = (torch.sigmoid(said.periodicity) @ self.band_weights).clamp(MIN_SHARE, 1.0 - MIN_SHARE)
        # above 1 the faintest bins of noise would have none at all
        noise_power = EVEN_NOISE + roughness * (squared(noise) - EVEN_NOISE)
        noise_power = noise_power.clamp(min=MIN_NOISE)
        power = share * squared(pulses) + (1.0 - share) * noise_power
        magnitude = torch.exp(said.gain.clamp(max=8.0)) * power.sqrt()
        phase = torch.sgn(share.sqrt() * pulses + (1.0 - share).sqrt() * noise).detach()
        return TargetSpectrum(magnitude, phase)

    def _levelled(self, said: Speech, codes: Tensor) -> Speech:
        """Codes that fit less well are decoded quieter; what is lost so depends on how many there are."""
        number = (codes >= 0).sum(1).clamp(1, len(self.levels))
        gain = self.levels[number - 1].repeat_interleave(self.config.frames_per_code, 1)
        return Speech(said.gain + gain[..., None], said.pitch, said.periodicity)

    def voice(self, said: Speech, pitch: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """What was said, the pitch (B, N) Hz of its frames, state -> samples (B, N * frame), state."""
        said = Speech(said.gain @ self.sharpener, said.pitch, said.periodicity)
        wanted, after = self.filtered(said, pitch, state[:3], self.roughness)
        if len(state) == VOICE_STATES:
            y, frames = self.inversion(wanted.magnitude, wanted.phase, state[3])
            return y, [*after, frames]
        rounds: list[Tensor] = []
        _, frames = self.inversion(wanted.magnitude, wanted.phase, state[3], rounds)
        next_one = self._foretold(said, pitch, state)
        y, begun = self.early_output(next_one.magnitude, next_one.phase, state[3], rounds, state[4])
        return y, [*after, frames, begun]

    def _foretold(self, said: Speech, pitch: Tensor, state: list[Tensor]) -> TargetSpectrum:
        """The frame after each code frame, (B, N / frames_per_code, F), if all stays as in its last frame."""
        each = self.config.frames_per_code
        held = Speech(*(part[:, each - 1 :: each] for part in (said.gain, said.pitch, said.periodicity)))
        pulses, noise, states = self.excitation.with_states(pitch, state[0])
        states, groups = states[:, each - 1 :: each].flatten(0, 1), held.gain.shape[:2]
        driven = self.excitation(pitch[:, each - 1 :: each].reshape(-1, 1), states)
        spectra = []
        for source, past, more in zip((pulses, noise), state[1:3], driven[:2], strict=True):
            heard = torch.cat([past, source], 1).unfold(1, self.stft.delay, self.config.hop)[:, 1:].flatten(0, 1)
            spectra.append(self.stft.analyse(more, heard)[0].unflatten(0, groups)[:, :, 0])
        return self._mixed(held, spectra[0], spectra[1], self.roughness)

    # -- what a codec uses -----------------------------------------------------------------------------------------

    @cached_property
    def fingerprint(self) -> bytes:
        """8 bytes that tell these weights from others; of a model that no longer learns, loaded or saved whole.

        It stands for the codes. How loud decoding is, `config.levels`, does not count: the same files are read. Nor
        does a decoder that learned more, where the configuration says whose codes they are.
        """
        if self.config.codes_of:
            return bytes.fromhex(self.config.codes_of)
        added = {"pitch_bins": BINS, "levels": (), "codes_of": ""}
        return fingerprint(self, replace(self.config, levels=()), added=added)

    def codebooks_for(self, kbps: float) -> int:
        """How many codebooks a rate has room for as plain bits, at least 1.

        Raises:
            InputError: not a rate above 0, or more than all of them give.
        """
        one = self.config.bits_a_code * self.config.sample_rate / self.config.hop / 1000
        most = one * self.config.codebooks
        if not 0.0 < kbps <= most * 1.001:
            raise InputError(f"expected a rate above 0 and up to {most:g} kbit/s, found {kbps:g}")
        return max(1, int(kbps * 1.001 / one))

    @property
    def warm_up(self) -> int:
        """Code frames after which a decoder that began in the middle says what the unbroken one says.

        From then on gains, pitch and periodicity are the same, and so are the magnitudes that are asked for, given the
        same place in the noise. Phases are of their own for good, which no ear tells: those of the pulses are the pitch
        of the whole past added up, and each frame's follow from the frame's before.

        The frames are those that the stack looks back on, and those of the samples that the voice does: an overlap, the
        window before it, and the frame through which the pitch goes over from a wrong one.
        """
        return self.decoder.warm_up + -(-(self.stft.delay + self.config.window + self.config.frame) // self.config.hop)

    @torch.inference_mode()
    def encode_step(self, x: Tensor, state: list[Tensor], codebooks: int | None = None) -> tuple[Tensor, list[Tensor]]:
        """Samples (B, N * hop) float32, state -> codes (B, Q, N) int64, state.

        Steps of a single frame are traced on the CPU where they come often, which takes half a second (`OftenCalled`).

        Args:
            codebooks: Q, those that are wanted; None: all.
        """
        if x.shape[1] == self.config.hop:
            codes, *after = self._encoded_often(x, *state, fixed=(codebooks,))
        else:
            codes, *after = self.encoded(codebooks, x, *state)
        return codes, after

    @torch.inference_mode()
    def decode_step(self, codes: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Codes (B, q, N) with 1 <= q <= Q, state -> samples (B, N * hop) float32, state; traced as `encode_step`.

        Codebooks but the first may be left out of any frame: their codes are -1 there.
        """
        y, *after = (self._decoded_often if codes.shape[2] == 1 else self.decoded)(codes, *state)
        return y, after

    def encoded(self, codebooks: int | None, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """`encode_step` in whatever mode of autograd, states flat: what tracers follow."""
        z, after = self.latents(x, list(state))
        return self.quantizer.encode(z.transpose(1, 2), codebooks), *after

    def decoded(self, codes: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """`decode_step`, likewise."""
        z = self.quantizer.decode(codes).transpose(1, 2)
        of_voice = len(state) - len(self.decoder.blocks)
        said, after = self.speech(z, list(state[of_voice:]))
        if len(self.levels):
            said = self._levelled(said, codes)
        y, voice = self.voice(said, self.best_pitch(said.pitch), list(state[:of_voice]))
        return y, *voice, *after
