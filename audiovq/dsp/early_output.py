"""Samples of spectrogram inversion before all frames that cover them are there: one frame is foretold for the rest.

Overlap-add waits for the last frame that covers a sample. Speech hardly changes in 10 ms, so a frame that goes on as
the latest one sounds can stand for the next: in its phases, which it takes from its overlap with the frames before it
in the very rounds that they went through, lies most of what the next one would have said of the samples they share.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .griffin_lim import ROUNDS, next_spectrum
from .stft import STFT

FADE = 32  # samples in which what a frame was foretold to be becomes what it is
MIN_WEIGHT = 0.05  # of the windows that cover a sample


class EarlyOutput(nn.Module):
    """The output of `SpectrogramInversion` for pieces of whole groups of frames, early.

    Each group is given out with one more frame behind it, foretold, and what no frame is foretold for is divided by the
    windows that are there.

    Args:
        stft: of the inversion.
        group: frames in a group.
    """

    analysis: Tensor
    dual: Tensor
    weight: Tensor
    ramp: Tensor

    def __init__(self, stft: STFT, group: int) -> None:
        super().__init__()
        self.window, self.hop, self.group = stft.window, stft.hop, group
        self.delay = min(stft.hop, stft.delay)  # samples
        self.length = group * stft.hop
        self.first = stft.window - self.length - self.delay  # of the output, from where the latest frame begins
        self.analysis = nn.Buffer(stft.hann * stft.scale, persistent=False)
        self.dual = nn.Buffer(stft.dual.clone(), persistent=False)
        covered = self._added([(self.analysis * self.dual)[None, None]] * (group + 2))
        self.weight = nn.Buffer(1.0 / covered[0, 0].clamp(min=MIN_WEIGHT), persistent=False)
        ramp = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(FADE) + 0.5) / FADE)
        self.ramp = nn.Buffer(ramp, persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state (B, FADE): what was foretold to come next; silence."""
        return self.dual.new_zeros(batch, FADE)

    def forward(
        self, magnitude: Tensor, phase: Tensor, past: Tensor, rounds: list[Tensor], state: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the inversion made of G groups, and the foretold frames.

        Args:
            magnitude, phase: of the frame after each group, (B, G, F); phases complex, of modulus 1.
            past: the inversion's state before these frames.
            rounds: the frames of these groups, as `SpectrogramInversion` gives them.
            state: of `start`, or what the call before gave.

        Returns:
            Samples (B, G * group * hop), `delay` late, and the state.
        """
        frames = torch.cat([past, torch.stack(rounds, 1)], 2)  # (B, ROUNDS + 1, before + N, window)
        before, groups = past.shape[2], magnitude.shape[1]
        latest = before + self.group - 1  # of the first group
        sounding = frames.new_zeros(len(frames), ROUNDS, groups, self.window)
        for late in range(before, 0, -1):
            there = frames[:, :ROUNDS, latest + 1 - late :: self.group]
            sounding[..., : self.window - late * self.hop].add_(there[:, :, :groups, late * self.hop :])
        spectrum, last = magnitude * phase, None
        for overlap in sounding.unbind(1):
            found = torch.fft.rfft((overlap + torch.fft.irfft(spectrum, self.window) * self.dual) * self.analysis)
            spectrum, last = next_spectrum(magnitude, found, last), found
        foretold = torch.fft.irfft(spectrum, self.window) * self.dual
        last_round = frames[:, ROUNDS]
        covering = [last_round[:, latest - late :: self.group][:, :groups] for late in range(self.group + 1)]
        y = self._added([foretold, *covering]) * self.weight
        before_it = torch.cat([state[:, None], y[:, :-1, self.length :]], 1)
        begun = torch.lerp(before_it, y[..., :FADE], self.ramp)
        return torch.cat([begun, y[..., FADE : self.length]], 2).flatten(1), y[:, -1, self.length :]

    def _added(self, frames: list[Tensor]) -> Tensor:
        """The foretold frame of each group, its latest, the one before and so on -> the output and FADE more."""
        y = frames[0].new_zeros(*frames[0].shape[:2], self.length + FADE)
        for late, frame in enumerate(frames, start=-1):
            place = self.first + late * self.hop  # in the frame, of the first sample of the output
            begin, end = max(0, -place), min(y.shape[2], self.window - place)
            if begin < end:
                y[..., begin:end].add_(frame[..., begin + place : end + place])
        return y
