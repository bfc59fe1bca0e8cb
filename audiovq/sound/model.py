"""SoundModel: sounds of music to a timbre latent, pitch and loudness, and back, with a delay of one window.

    samples -> pitch, loudness, harmonicity; log power and periodicity of bands -> encoder -> latent (B, N, D)
    latent (or, through the quantizer, its codes), pitch, loudness, harmonicity -> decoder -> gains of harmonics and
        noise, corrected by what the encoder heard to be lacking -> pulses and noise, filtered -> samples

Everything is causal: `encode_step` and `decode_step` take a piece of any number of frames and the state before it, and
a whole recording is one piece from a fresh state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from latentmix.checkpoint import Pretrained
from latentmix.checkpoint_format import CheckpointFormat
from latentmix.tracing import OftenCalled

from ..dsp.bands import band_centres
from ..dsp.stft import STFT, OverlapAdded
from ..model.layers import CausalStack
from ..model.quantizers import make_quantizer
from .analysis import CONTROL_FEATURES, Controls, SoundAnalysis
from .config import SoundConfig
from .correction import Correction
from .synthesis import Synthesis

CHECKPOINT = CheckpointFormat("latentmix.sound", 1, Path(__file__).parents[1] / "weights")
VOICE_STATES = 6  # the first tensors of a decoder's state
PLAYED = 5  # tensors of a frame: its controls and its timbre
DECIBELS = 8.685889638  # of a neper
MAX_GAIN = 12.0  # nats of amplitude, of the network, before it is corrected and the loudness has its say
MIDDLE, LOWEST = 1000.0, 50.0  # Hz: where a tilt changes nothing, and below which it goes no further


@dataclass(frozen=True)
class Sound:
    """Frames of a sound as the model knows them.

    Attributes:
        controls: what is played, of (B, N).
        timbre: (B, N, D + bands): the latent, and what the decoder's gains lack (`correction`). (B, N, D), such as
            codes are turned into, lacks nothing.
    """

    controls: Controls
    timbre: Tensor


@dataclass(frozen=True)
class Colour:
    """What is done to a sound on its way out of the decoder.

    Attributes:
        harmonicity: dB by which harmonics are stronger and noise weaker.
        brightness: dB by which each octave is stronger than the one below it.
    """

    harmonicity: float = 0.0
    brightness: float = 0.0


class SoundModel(OverlapAdded, Pretrained, nn.Module):
    """The model; see the module's docstring. Its methods may be called from any thread, one at a time for a state."""

    checkpoint = CHECKPOINT
    config_class = SoundConfig
    default = "sound_48k"
    octaves: Tensor

    def __init__(self, config: SoundConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or SoundConfig()
        self.stft = STFT(config.window, config.hop)
        self.analysis = SoundAnalysis(config, self.stft)
        inputs = 3 * config.bands + CONTROL_FEATURES
        self.encoder = CausalStack(inputs, config.latent_size, config.encoder_width, config.encoder_dilations)
        self.quantizer = make_quantizer(config.quantizer_config())
        inputs = config.latent_size + CONTROL_FEATURES
        self.decoder = CausalStack(inputs, 2 * config.bands, config.decoder_width, config.decoder_dilations)
        self.synthesis = Synthesis(config, self.stft)
        self.correction = Correction(config, self.stft.bins)
        hertz = band_centres(config.bands, config.sample_rate).clamp(min=LOWEST)
        self.octaves = nn.Buffer(torch.log2(hertz / MIDDLE), persistent=False)
        self._encoded_often = OftenCalled(SoundModel._encoded, self, often=1, graphed=True)
        self._decoded_often = OftenCalled(SoundModel._decoded, self, often=1, graphed=True)

    # -- parts, with gradients -------------------------------------------------------------------------------------

    def timbre(self, features: Tensor, controls: Controls, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Features (B, N, 3 * bands) and controls of N frames, state of the encoder -> latents (B, N, D), state."""
        return self.encoder(torch.cat([features, controls.for_network()], -1), state)

    def gains(self, sound: Sound, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Frames, state of the decoder -> log gains (B, N, 2 * bands) of harmonics and noise, state."""
        latent, lacking = sound.timbre.tensor_split([self.config.latent_size], -1)
        y, after = self.decoder(torch.cat([latent, sound.controls.for_network()], -1), state)
        gains = MAX_GAIN * torch.tanh(4.0 / MAX_GAIN * y)
        return (gains + self.correction.of_gains(lacking, sound.controls) if lacking.shape[-1] else gains), after

    # -- what is used ----------------------------------------------------------------------------------------------

    def initial_encoder_state(self, batch: int) -> list[Tensor]:
        """Fresh state, tensors (batch, ...): of analysis, encoder, and the decoder, which is asked what it says."""
        return [*self.analysis.start(batch), *self.encoder.start(batch), *self.decoder.start(batch)]

    def initial_decoder_state(self, batch: int) -> list[Tensor]:
        """Fresh state, tensors (batch, ...): of the synthesis, then of the decoder."""
        return [*self.synthesis.start(batch), *self.decoder.start(batch)]

    @torch.inference_mode()
    def encode_step(self, x: Tensor, state: list[Tensor]) -> tuple[Sound, list[Tensor]]:
        """Samples (B, N * hop) float32, state -> N frames, state.

        Steps of a single frame are traced on the CPU, the first of which takes half a second, and replayed as a CUDA
        graph on a GPU, of as many streams as there are in the batch (`OftenCalled`).
        """
        is_short = x.shape[1] == self.config.hop
        found = (self._encoded_often if is_short else self._encoded)(x, *state)
        *played, timbre = found[:PLAYED]
        return Sound(Controls(*played), timbre), list(found[PLAYED:])

    @torch.inference_mode()
    def decode_step(
        self, sound: Sound, state: list[Tensor], colour: Colour | Sequence[Colour] = Colour()
    ) -> tuple[Tensor, list[Tensor]]:
        """N frames, state -> samples (B, N * hop) float32, state; a colour leaves the loudness as it is.

        Args:
            colour: of all sounds, or of each of the B.

        Traced as `encode_step`.
        """
        each = [colour] if isinstance(colour, Colour) else colour
        colours = torch.tensor([[c.harmonicity, c.brightness] for c in each], device=sound.timbre.device)
        step = self._decoded_often if sound.timbre.shape[1] == 1 else self._decoded
        y, *after = step(sound.timbre, *sound.controls.tensors(), colours, *state)
        return y, after

    def _encoded(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        parts = self.analysis.states
        asked = parts + len(self.encoder.blocks)
        found, kept = self.analysis(x, list(state[:parts]))
        of = found.controls
        latent, after = self.timbre(found.features, of, list(state[parts:asked]))
        gains, said = self.gains(Sound(of, latent), list(state[asked:]))
        timbre = torch.cat([latent, self.correction(found.power, gains, of, self.synthesis)], -1)
        return *of.tensors(), timbre, *kept, *after, *said

    def _decoded(
        self,
        timbre: Tensor,
        pitch: Tensor,
        loudness: Tensor,
        harmonicity: Tensor,
        onsets: Tensor,
        colours: Tensor,
        *state: Tensor,
    ) -> tuple[Tensor, ...]:
        controls = Controls(pitch, loudness, harmonicity, onsets)
        gains, after = self.gains(Sound(controls, timbre), list(state[VOICE_STATES:]))
        more, tilt = colours[:, :1, None], colours[:, 1:, None] * self.octaves
        gains = gains + torch.cat([tilt + more, tilt - more], -1) / DECIBELS
        y, voice = self.synthesis(gains, controls, list(state[:VOICE_STATES]))
        return y, *voice, *after

    @torch.inference_mode()
    def codes(self, timbre: Tensor) -> Tensor:
        """Timbre (B, N, D or more), of which the latent counts -> codes (B, Q, N) int64."""
        return self.quantizer.encode(timbre[..., : self.config.latent_size].transpose(1, 2))

    @torch.inference_mode()
    def from_codes(self, codes: Tensor) -> Tensor:
        """Codes (B, q, N), 1 <= q <= Q -> latents (B, N, D)."""
        return self.quantizer.decode(codes).transpose(1, 2)
