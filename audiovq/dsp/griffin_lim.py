"""Magnitudes and first phases of spectrogram frames -> samples whose spectrogram has these magnitudes.

A choice of phases is seldom the spectrogram of any signal: overlap-add blurs the magnitudes that do not fit together.
Taking phases from the spectrogram of the result, again and again, mends that (Griffin & Lim 1984).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .stft import STFT, squared

ROUNDS = 16  # each makes magnitudes fit a little better, and looks back on an overlap more
ACCELERATION = 0.5  # of the rounds, by what the last one changed
MIN_POWER = 1e-30  # where there is none, a root would be divided by


class SpectrogramInversion(nn.Module):
    """Griffin & Lim's rounds without a look ahead, so that no delay is added to that of overlap-add.

    In every round a frame takes its phases from its own overlap with the frames before it, as they were in the round
    before: the frames of a piece go through a round together. (Real-time iterative spectrogram inversion, Beauregard,
    Zhu & Wyse 2005, goes frame by frame instead, all rounds at once: slower and, at equal time, worse.) The rounds
    are those of Perraudin, Balazs & Søndergaard 2013, algorithm 2, with `ACCELERATION` as α.
    """

    analysis: Tensor
    dual: Tensor

    def __init__(self, stft: STFT) -> None:
        super().__init__()
        self.window, self.hop = stft.window, stft.hop
        self.before = -(-stft.delay // stft.hop)  # frames that overlap with a later one
        self.analysis = nn.Buffer(stft.hann * stft.scale, persistent=False)
        self.dual = nn.Buffer(stft.dual.clone(), persistent=False)

    def start(self, batch: int) -> Tensor:
        """Fresh state (B, ROUNDS + 1, frames, window): what the latest frames were in every round; silence."""
        return self.dual.new_zeros(batch, ROUNDS + 1, self.before, self.window)

    def forward(
        self, magnitude: Tensor, phase: Tensor, state: Tensor, rounds: list[Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Any number of frames.

        Args:
            magnitude: (B, N, F).
            phase: (B, N, F) complex, of modulus 1.
            state: of `start`, or what the call before gave.
            rounds: is given what the frames were in every round, ROUNDS + 1 times (B, N, window).

        Returns:
            Samples (B, N * hop), `window - hop` late as those of `STFT.synthesise`, and the state.
        """
        sounding = self._sounding(state, magnitude.shape[1]).unbind(1)
        kept: list[Tensor] = []
        spectrum = last = magnitude * phase
        for i in range(ROUNDS):
            overlap, frames = self._overlap(spectrum, sounding[i])
            kept.append(self._kept(frames, rounds))
            found = torch.fft.rfft(overlap.mul_(self.analysis))
            spectrum, last = next_spectrum(magnitude, found, last if i else None), found
        overlap, frames = self._overlap(spectrum, sounding[ROUNDS])
        kept.append(self._kept(frames, rounds))
        state = torch.cat([state, torch.stack(kept, 1)], 2)[:, :, -self.before :]
        return overlap[..., : self.hop].flatten(1), state

    def _sounding(self, state: Tensor, count: int) -> Tensor:
        """What the frames of the state sound into the first of `count` to come: (B, ROUNDS + 1, frames, window).

        Of all rounds at once: in a step of few frames, what takes the time is the number of operations.
        """
        reached = min(self.before, count)
        sounding = state.new_zeros(len(state), ROUNDS + 1, reached, self.window)
        for late in range(self.before, 0, -1):
            number, shift = min(late, reached), late * self.hop
            there = state.narrow(2, self.before - late, number).narrow(3, shift, self.window - shift)
            sounding.narrow(2, 0, number).narrow(3, 0, self.window - shift).add_(there)
        return sounding

    def _overlap(self, spectrum: Tensor, sounding: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra (B, N, F), what sounds into the first -> the frames with their overlap, and without; (B, N, window).

        Each sum begins with the earliest frame, whether that is in this piece or in the one before: so it is the same
        to the last bit however a recording is cut.
        """
        frames = torch.fft.irfft(spectrum, self.window).mul_(self.dual)
        count, reached = frames.shape[1], sounding.shape[1]
        overlap = sounding
        if count > reached:
            overlap = torch.zeros_like(frames)
            overlap[:, :reached] = sounding
        for late in range(min(self.before, count - 1), 0, -1):
            number, shift = count - late, late * self.hop
            there = frames.narrow(1, 0, number).narrow(2, shift, self.window - shift)
            overlap.narrow(1, late, number).narrow(2, 0, self.window - shift).add_(there)
        return overlap.add_(frames), frames

    def _kept(self, frames: Tensor, rounds: list[Tensor] | None) -> Tensor:
        """The latest frames of a round; a copy, so that the rest need not be kept for them."""
        if rounds is not None:
            rounds.append(frames)
        return frames if frames.shape[1] <= self.before else frames[:, -self.before :].clone()


def next_spectrum(magnitude: Tensor, found: Tensor, before: Tensor | None) -> Tensor:
    """The magnitudes at the phases that an accelerated round gives them; all (B, N, F).

    Args:
        found, before: spectra of what this round made, and the round before; None: this is the first.
    """
    ahead = found
    if before is not None:
        parts = torch.lerp(torch.view_as_real(before), torch.view_as_real(found), 1.0 + ACCELERATION)
        ahead = torch.view_as_complex(parts)
    # the magnitude at the phase of `ahead`, nothing where that has none: as `sgn` has it, but quicker
    scale = magnitude * squared(ahead).add_(MIN_POWER).rsqrt_()
    return ahead * scale.to(ahead.dtype)


def invert_at_once(magnitude: Tensor, phase: Tensor, stft: STFT) -> Tensor:
    """A round of Griffin & Lim over whole pieces: what training hears, quick and with a gradient to the magnitudes.

    Args:
        magnitude, phase: as of `SpectrogramInversion`; the pieces begin and end in silence.

    Returns:
        (B, N * hop) samples, `window - hop` late.
    """
    with torch.no_grad():
        y, tail = stft.synthesise(magnitude * phase, stft.tail(len(magnitude)))
        aligned = torch.cat([y, tail], 1)[:, stft.delay :]
        phase = torch.sgn(stft.analyse(aligned, stft.past(len(aligned)))[0])
    return stft.synthesise(magnitude * phase, stft.tail(len(magnitude)))[0]
