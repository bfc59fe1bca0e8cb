"""DrumMixer: grooves and what was moved -> one latent -> one pattern of drums, as `mixer` does it for melodies.

Drums are mixed by the shares of the melodies, or along a position of their own (`drums.follow`, `drums.position`); no
torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, Kit
from midi_vae.drums.windows import MAX_GROOVES, from_cells, partners, rebar, to_cells

from . import blend
from .drum_layer import NO_DRUMS, DrumHit, DrumPattern
from .mixer import Mixer
from .shaping import steps_a_beat
from .shares import following_shares


class DrumCoder(Protocol):
    """What the mixer needs of a model of drums (`engine.drum_coder`)."""

    def encode(self, cells: np.ndarray) -> np.ndarray: ...

    def decode(self, latents: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class CodedGrooves:
    """Grooves of one metre and length as cells (M, W, 32, 3, 9), and their latents (M, W, D) float32."""

    ends: np.ndarray
    latents: np.ndarray


class DrumMixer:
    """See the module's docstring. Between two grooves it goes by even ways as far as there are `asides`.

    Args:
        mixer: of the melodies, whose parameters, shares and metre hold.
        grooves: at most 8, not as many as melodies either: then the way from the first to the last is shared.
        kit: the notes that are played.

    Attributes:
        coder, coded: None until the model is there; the groove that has most is played meanwhile.
        asides: as of `Mixer`.

    Raises:
        InputError: too many grooves, bars longer than a window.
    """

    spherical, is_uncharted = False, False

    def __init__(self, mixer: Mixer, grooves: Sequence[Groove], kit: Kit = GENERAL_MIDI) -> None:
        self._mixer, self._kit = mixer, kit
        self.coder: DrumCoder | None = None
        self.coded: CodedGrooves | None = None
        self.asides: dict[tuple[int, int], np.ndarray] = {}
        self._said: tuple[Any, ...] = ()
        self._changes = 0  # of coder and grooves
        self.lay(grooves)

    def lay(self, grooves: Sequence[Groove]) -> None:
        """Mix these from now on, in the bars of the melodies.

        Raises:
            InputError: as the constructor; then all stays as it was.
        """
        if len(grooves) > MAX_GROOVES:
            raise InputError(f"expected at most {MAX_GROOVES} files of drums, found {len(grooves)}")
        metre = self._mixer.metre
        laid = [rebar(groove, metre) for groove in grooves[:1]]
        if len(grooves) > 1:
            laid = partners([*laid, *grooves[1:]])
        self._given, self._grooves, self._metre = list(grooves), laid, metre
        self.coded, self.asides = None, {}
        self._changes += 1
        if self.coder is not None:
            self.adopt(self.coder, None)

    def adopt(self, coder: DrumCoder, coded: CodedGrooves | None) -> None:
        """Go on with a coder, and what it made of `cells`, anew where they are others by now."""
        cells = self.cells
        if cells is None:
            coded = None
        elif coded is None or not np.array_equal(coded.ends, cells):
            coded = CodedGrooves(cells, coder.encode(cells))
        self.coder, self.coded, self.asides = coder, coded, {}
        self._changes += 1

    def fit(self) -> None:
        """Lay the grooves in the bars of the melodies, which may be others now."""
        if self._mixer.metre != self._metre:
            self.lay(self._given)

    @property
    def grooves(self) -> tuple[Groove, ...]:
        """As they were given."""
        return tuple(self._given)

    @property
    def cells(self) -> np.ndarray | None:
        """The grooves as they are mixed, (M, W, 32, 3, 9); None where there are none."""
        return np.stack([to_cells(groove) for groove in self._grooves]) if self._grooves else None

    def weights(self, melodies: np.ndarray | None = None) -> np.ndarray:
        """Share of each groove (M,), with the sum 1; where they follow, of the melodies' shares, theirs now if None."""
        mixer, count = self._mixer, len(self._given)
        of_melodies = mixer.weights() if melodies is None else melodies
        return following_shares("drums", mixer.values, of_melodies, mixer.places, count)

    def groove(self, melodies: np.ndarray | None = None) -> Groove:
        """The mix, of which there has to be a groove; where one alone is heard it is that one."""
        weights = self.weights(melodies)
        if self.coder is None or self.coded is None or weights.max() >= 1.0:
            return self._grooves[int(weights.argmax())]
        latents = blend.weighted(self.coded.latents, weights) + blend.aside(self.asides, weights)
        like = self._grooves[0]
        return from_cells(self.coder.decode(latents.astype(np.float32)), like, like.bars)

    def pattern(self, version: int, melodies: np.ndarray | None = None) -> DrumPattern:
        """The mix as the player takes it, now or where the melodies have other shares."""
        if not self._grooves:
            return replace(NO_DRUMS, version=version)
        groove, level = self.groove(melodies), float(self._mixer.values["drums.level"])
        steps: list[tuple[DrumHit, ...]] = []
        for velocities, offsets in zip(groove.velocities.tolist(), groove.lateness.tolist(), strict=True):
            struck = [at for at, velocity in enumerate(velocities) if velocity and level > 0.0]
            steps.append(tuple(self._hit(at, velocities[at] * level, offsets[at]) for at in struck))
        return DrumPattern(version, tuple(steps), groove.steps_per_bar, steps_a_beat(groove.metre))

    def renewed(self, before: DrumPattern) -> DrumPattern | None:
        """The pattern after another one; None where nothing is different, or the mix is held."""
        if self._mixer.values["hold"]:
            return None
        level = self._mixer.values["drums.level"]
        said = (*self.weights().tolist(), level, self._metre, self._changes, len(self.asides))
        if said == self._said:
            return None
        self._said = said
        pattern = self.pattern(before.version + 1)
        return None if replace(pattern, version=before.version) == before else pattern

    def _hit(self, instrument: int, velocity: float, offset: float) -> DrumHit:
        return DrumHit(self._kit.note_of(instrument), max(1, round(velocity)), offset)
