"""Recordings that loop, mixed in the latent space of a model of sounds as a puck moves -> samples, block by block.

One object, one thread; not safe for a device's callback, since it runs the model: what it makes goes through a ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from audiovq.sound.analysis import Controls
from audiovq.sound.model import Colour, Sound, SoundModel
from audiovq.sound.morph import Recording, blend, joined, part, sung_share
from latentmix.errors import InputError
from midi_vae.audio.synthesizer import round_off

from ..music.parameters import MAX_MELODIES, Value, find
from ..music.shares import MODES, Mode, shares, spread
from ..music.sound_parameters import SOUND_PARAMETERS

SEAM = 12  # frames over which the end of a loop goes over into its beginning
GLIDE = 0.35  # of the way to where the puck is, in each frame: 90 % of it in 50 ms
LOUDEST = 0.0  # dB, A-weighted, of a frame


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


class SoundMix:
    """Two to eight recordings that loop, one sound of them.

    Args:
        model: whose rate is that of the samples.
        recordings: 1 to 8.

    Raises:
        InputError: none, or more.
    """

    def __init__(self, model: SoundModel, recordings: Sequence[Recording]) -> None:
        if not 1 <= len(recordings) <= MAX_MELODIES:
            raise InputError(f"expected 1 to {MAX_MELODIES} recordings, found {len(recordings)}")
        self.model, self.loops = model, [loop_of(each.sound) for each in recordings]
        self._sung = [sung_share(each) for each in self.loops]
        self.values: dict[str, Value] = {name: each.default for name, each in SOUND_PARAMETERS.items()}
        self.mode: Mode = "position"
        self._places = spread(len(recordings))
        self._at, self._state = 0, model.initial_decoder_state(1)
        self._heard = self.shares()
        self._rest = np.zeros(0, np.float32)

    def move(self, values: Mapping[str, object]) -> None:
        """Move parameters of `SOUND_PARAMETERS`; what was moved last says where the puck is.

        Raises:
            InputError: no such parameter, or a value that cannot be.
        """
        for name, value in values.items():
            self.values[name] = find(name, SOUND_PARAMETERS).check(value)
            self.mode = MODES.get(name, self.mode)

    def shares(self) -> np.ndarray:
        """Of each recording (M,), where the puck is."""
        return shares(self.values, self.mode, self._places)

    def render(self, samples: int) -> np.ndarray:
        """The next samples (samples,) float32 within ±1, `SoundModel.delay` after what was moved."""
        made = [self._rest]
        while sum(map(len, made)) < samples:
            made.append(self._step())
        whole = np.concatenate(made)
        self._rest = whole[samples:]
        return whole[:samples]

    def _step(self) -> np.ndarray:
        """The samples of one frame."""
        self._heard = self._heard + GLIDE * (self.shares() - self._heard)
        frames = []
        for loop in self.loops:
            at = self._at % loop.timbre.shape[1]
            frames.append(part(loop, at, at + 1))
        self._at += 1
        mixed = blend(frames, self._heard.clip(0.0, 1.0).tolist(), sung=self._sung)
        values = self.values
        colour = Colour(float(values["harmonicity"]), float(values["brightness"]))
        y, self._state = self.model.decode_step(self._played(mixed), self._state, colour)
        return round_off(y[0].numpy())

    def _played(self, mixed: Sound) -> Sound:
        played = mixed.controls
        pitch = played.pitch * 2.0 ** (float(self.values["pitch"]) / 12.0)
        loudness = (played.loudness + float(self.values["loudness"])).clamp(max=LOUDEST)
        return Sound(Controls(pitch, loudness, played.harmonicity), mixed.timbre)
