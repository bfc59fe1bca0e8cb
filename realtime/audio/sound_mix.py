"""Recordings that loop and live inputs, mixed in the latent space of a model of sounds as a puck moves -> samples.

One object, one thread; not safe for a device's callback, since it runs the model: what it makes goes through a ring.
Played live and rendered, it is the same object, frame by frame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from audiovq.sound.analysis import Controls
from audiovq.sound.model import PLAYED, Colour, Sound, SoundModel
from audiovq.sound.morph import SINGS, UNVOICED, Recording, blend, joined, part, sung_share
from latentmix.errors import check_count
from latentmix.tracing import OftenCalled
from midi_vae.audio.synthesizer import round_off

from ..music.parameters import MAX_MELODIES
from ..music.shares import spread
from ..music.sound_parameters import GLIDE, Dials, check_mode
from .framewise import Framewise

SEAM = 12  # frames over which the end of a loop goes over into its beginning
LOUDEST = 0.0  # dB, A-weighted, of a frame
SING_MEMORY = 0.02  # of a frame in what is known of how often a live input has a pitch


def loop_of(sound: Sound) -> Sound:
    """Frames (1, N) that can follow themselves: the last ones go over into the first, which are left out."""
    frames = sound.timbre.shape[1]
    seam = min(SEAM, frames // 4)
    if not seam:
        return sound
    share = torch.linspace(0.0, 1.0, seam + 2)[1:-1]
    tail, head = part(sound, frames - seam, frames), part(sound, 0, seam)
    seams = [blend([part(tail, i, i + 1), part(head, i, i + 1)], (1.0 - s, s)) for i, s in enumerate(share.tolist())]
    return joined([part(sound, seam, frames - seam), *seams])


class Loop:
    """A recording that goes round."""

    def __init__(self, recording: Recording) -> None:
        self.sound = loop_of(recording.sound)
        self.sung = sung_share(self.sound)

    def frame(self, at: int) -> Sound:
        """Its frame (1, 1) at a time in frames."""
        at %= self.sound.timbre.shape[1]
        return part(self.sound, at, at + 1)


class LiveInput:
    """What comes in, encoded as it comes.

    Args:
        model: whose frames they are.

    Attributes:
        samples: of the newest frame, (hop,), as they were heard.
    """

    def __init__(self, model: SoundModel) -> None:
        self._model, self._state, self._often = model, model.initial_encoder_state(1), 0.0
        self.hear(np.zeros(model.config.hop, np.float32))

    @property
    def sung(self) -> float:
        """What its pitch counts for; as `sung_share`, of the last seconds."""
        return UNVOICED + (1.0 - UNVOICED) * min(1.0, self._often / SINGS)

    def hear(self, samples: np.ndarray) -> None:
        """One frame of samples (hop,); what is no number is silence, what is above full scale is cut."""
        clean = np.clip(np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0), -1.0, 1.0)
        self.samples = clean.astype(np.float32)
        self._sound, self._state = self._model.encode_step(torch.from_numpy(self.samples)[None], self._state)
        self._often += SING_MEMORY * (float(self._sound.controls.harmonicity > 0.0) - self._often)

    def frame(self, at: int) -> Sound:
        """The newest frame (1, 1), whatever the time."""
        return self._sound


def _mixed(_: nn.Module, lead: int, shares: Tensor, sung: Tensor, moved: Tensor, *frames: Tensor) -> tuple[Tensor, ...]:
    """What is played of frames (1, 1) of M sounds, as tensors of one.

    Args:
        lead: the sound whose pitch and loudness are taken where only timbre is mixed.
        shares: (M,) of each.
        sung: (M,) of each, as of `blend`.
        moved: (3,) how much it is only timbre that is mixed, 0 to 1; semitones; dB.
        frames: of each sound its controls and its timbre.
    """
    sounds = [
        Sound(Controls(*frames[at : at + PLAYED - 1]), frames[at + PLAYED - 1]) for at in range(0, len(frames), PLAYED)
    ]
    mixed, led = blend(sounds, shares, sung=sung), sounds[lead].controls
    played, (transferred, pitch, loudness) = mixed.controls, moved.unbind()
    octaves = torch.lerp(played.pitch.log2(), led.pitch.log2(), transferred) + pitch / 12.0
    louder = (torch.lerp(played.loudness, led.loudness, transferred) + loudness).clamp(max=LOUDEST)
    onsets = torch.lerp(played.onsets, led.onsets, transferred)
    return octaves.exp2(), louder, played.harmonicity, onsets, mixed.timbre


class SoundMix(Framewise):
    """Two to eight recordings that loop or live inputs, one sound of them.

    Args:
        model: whose rate is that of the samples.
        sources: 1 to 8; None is a live input, given by `hear`.

    Attributes:
        dials: what was moved.
        inputs: those that are live.

    Raises:
        InputError: none, or more.
    """

    def __init__(self, model: SoundModel, sources: Sequence[Recording | None]) -> None:
        check_count(len(sources), 1, MAX_MELODIES, "recordings")
        super().__init__()
        self.model, self.dials = model, Dials()
        self._sources = [LiveInput(model) if each is None else Loop(each) for each in sources]
        self.inputs = [each for each in self._sources if isinstance(each, LiveInput)]
        self._is_loop = np.array([isinstance(each, Loop) for each in self._sources])
        self._places, self._loop_places = spread(len(sources)), spread(max(1, int(self._is_loop.sum())))
        self._at, self._state = 0, model.initial_decoder_state(1)
        self._mixed_often = OftenCalled(_mixed, nn.Identity().eval(), often=1)
        self._heard: np.ndarray | None = None
        self._transferred = 0.0
        self._frames, self._is_held = [each.frame(0) for each in self._sources], False

    def move(self, values: Mapping[str, object]) -> None:
        """Move parameters of `SOUND_PARAMETERS`; what was moved last says where the puck is.

        Raises:
            InputError: no such parameter, a value that cannot be, transfer without a live input or a recording.
        """
        check_mode(values, len(self.inputs), int(self._is_loop.sum()))
        self.dials.move(values)

    def hear(self, block: np.ndarray) -> None:
        """What came in for the next frame: samples (inputs, hop). Nothing is heard of it while all stands still."""
        for each, samples in zip(self.inputs, block, strict=True):
            each.hear(samples)

    def shares(self) -> np.ndarray:
        """Of each source (M,), where the puck is; of recordings alone where only timbre is mixed."""
        if self.dials.values["mode"] == "morph":
            return self.dials.shares(self._places)
        out = np.zeros(len(self._sources))
        out[self._is_loop] = self.dials.shares(self._loop_places)
        return out

    def render(self, samples: int) -> np.ndarray:
        """The next samples (samples,) float32 within ±1, `SoundModel.delay` after what was moved."""
        return self._next(samples)

    def _step(self) -> np.ndarray:
        """The samples of one frame."""
        wanted, is_transfer = self.shares(), float(self.dials.values["mode"] == "transfer")
        if self._heard is None:
            self._heard, self._transferred = wanted, is_transfer
        self._heard = self._heard + GLIDE * (wanted - self._heard)
        self._transferred += GLIDE * (is_transfer - self._transferred)
        if not self.dials.values["hold"]:
            self._frames = [each.frame(self._at) for each in self._sources]
            self._at += 1
        elif not self._is_held:
            self._frames = [replace(each, controls=each.controls.held()) for each in self._frames]
        self._is_held = bool(self.dials.values["hold"])
        amounts = self.dials.step()
        colour = Colour(amounts["harmonicity"], amounts["brightness"])
        y, state = self.model.decode_step(self._played(amounts), self._state, colour)
        if not bool(torch.isfinite(y).all()):  # never again sound, were it kept
            y, state = torch.zeros_like(y), self.model.initial_decoder_state(1)
        self._state = state
        return round_off(y[0].numpy())

    @torch.inference_mode()
    def _played(self, amounts: Mapping[str, float]) -> Sound:
        assert self._heard is not None
        moved = [self._transferred, amounts["pitch"], amounts["loudness"]]
        shares, sung = torch.tensor(self._heard.clip(0.0, 1.0).tolist()), [each.sung for each in self._sources]
        frames = [part for each in self._frames for part in (*each.controls.tensors(), each.timbre)]
        lead = int(np.argmin(self._is_loop))
        found = self._mixed_often(shares, torch.tensor(sung), torch.tensor(moved), *frames, fixed=(lead,))
        return Sound(Controls(*found[:-1]), found[-1])
