"""Drums beside the melodies: when the mix of grooves is another one, the player is told; live and in a rendering."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, Kit

from ..music.drum_layer import NO_DRUMS, DrumPattern
from ..music.drum_mixer import CodedGrooves, DrumMixer
from ..music.mixer import Mixer
from .explorer import all_asides

if TYPE_CHECKING:
    from midi_vae.drums.network import GrooveNetwork


@dataclass(frozen=True)
class Drums:
    """What is drummed.

    Attributes:
        grooves: at most 8, mixed as the melodies are; none, where they may come later.
        load: the model, which may take seconds.
        kit: the notes that are played.
    """

    grooves: Sequence[Groove]
    load: Callable[[], GrooveNetwork]
    kit: Kit = GENERAL_MIDI


class Drummer:
    """Mixes grooves, and tells of each mix that is another one. Not thread-safe, for the engine's worker.

    Args:
        mixer: of the melodies.
        tell: called with each new pattern.

    Attributes:
        mixer: of the grooves.
        pattern: told last.
        kit: the notes that are played.

    Raises:
        InputError: as `DrumMixer`.
    """

    def __init__(self, drums: Drums, mixer: Mixer, tell: Callable[[DrumPattern], object]) -> None:
        self.mixer = DrumMixer(mixer, drums.grooves, drums.kit)
        self.pattern, self.kit = NO_DRUMS, drums.kit
        self._drums, self._tell, self._is_loading = drums, tell, False

    def renew(self) -> None:
        """Look whether the mix is another one, and tell it."""
        pattern = self.mixer.renewed(self.pattern)
        if pattern is not None:
            self.pattern = pattern
            self._tell(pattern)

    def needs_model(self) -> bool:
        """Whether the model is to be loaded now, for there are grooves; only once."""
        if self._is_loading or not self.mixer.grooves:
            return False
        self._is_loading = True
        return True

    def prepare(self) -> Callable[[], None]:
        """Load the model, in any thread; what comes back makes the mixer go on with it.

        Raises:
            InputError: it cannot be loaded.
        """
        from .drum_coder import DrumCoder  # torch takes seconds to import

        coder, cells = DrumCoder(self._drums.load()), self.mixer.cells
        coded = None if cells is None else CodedGrooves(cells, coder.encode(cells))
        if coded is not None:
            coder.decode(coded.latents[0])  # the first time takes longer
        return lambda: self.mixer.adopt(coder, coded)

    def prepare_at_once(self) -> None:
        """Load the model and find all ways, for those who have time.

        Raises:
            InputError: as `prepare`.
        """
        from .drum_coder import DrumCoder

        self.prepare()()
        coder, coded = self.mixer.coder, self.mixer.coded
        assert isinstance(coder, DrumCoder)
        if coded is not None:
            self.mixer.asides = all_asides(coder, coded)
