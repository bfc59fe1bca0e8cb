"""The network as modules that exporters can follow: no Python in between, any number of windows, tensors in and out.

    tokens (B, 32) -> `PortableEncoder` -> latents (B, D) -> `PortableDecoder` -> tokens (B, 32), what is said of each

They share the model's weights and give what it gives; `MelodyNetwork` is the quicker one in PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .model.network import MelodyNetwork
from .model.steps import StepFields
from .music.melody import ONSET
from .music.windows import WINDOW_STEPS

OCTAVE = 12


class PortableEncoder(nn.Module):
    """Tokens (B, 32) int64, of any MIDI pitches, -> latents (B, D): `MelodyNetwork.encode_windows`."""

    steps: Tensor

    def __init__(self, model: MelodyNetwork) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("steps", torch.arange(WINDOW_STEPS), persistent=False)

    def forward(self, tokens: Tensor) -> Tensor:
        config = self.model.config
        onset, pitch = tokens >= ONSET, tokens - ONSET - config.lowest_pitch
        # by octaves into the range; what is divided is never negative, for programs round that differently
        up = ((-pitch).clamp(min=0) + OCTAVE - 1) // OCTAVE
        down = ((pitch - (config.pitches - 1)).clamp(min=0) + OCTAVE - 1) // OCTAVE
        pitch = torch.where(onset, pitch + OCTAVE * (up - down), 0)
        # the step of the latest onset, where there is none that of the first; ONNX has no `cummax`: a masked maximum
        before = onset[:, None, :] & (self.steps <= self.steps[:, None])
        latest = torch.where(before, self.steps, -1).amax(-1)
        first = torch.where(onset, self.steps, WINDOW_STEPS).amin(1, keepdim=True).remainder(WINDOW_STEPS)
        heard = pitch.gather(1, torch.where(latest < 0, first, latest)).clamp(0, config.pitches - 1)
        return self.model.posterior(StepFields(tokens.clamp(max=ONSET), heard)).mean


class PortableDecoder(nn.Module):
    """Latents (B, D) -> the likeliest tokens (B, 32) int64, and what they are chosen by, the critic's say included:

    log p up to a constant of each step, of the rhythm (B, 32, 3) and of the pitch of an onset (B, 32, P).
    """

    def __init__(self, model: MelodyNetwork) -> None:
        super().__init__()
        self.lowest = model.config.lowest_pitch + ONSET
        self.model = model

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        said = self.model.logits(z)
        rhythm = said.rhythm.argmax(-1)
        tokens = torch.where(rhythm == ONSET, said.pitch.argmax(-1) + self.lowest, rhythm)
        return tokens, said.rhythm, said.pitch
