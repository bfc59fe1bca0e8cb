"""Which melodies can be played live together."""

from __future__ import annotations

from collections.abc import Sequence

from latentmix.errors import InputError
from midi_vae.music.melody import Melody
from midi_vae.music.partners import partners
from midi_vae.music.windows import layout_of

MAX_WINDOWS = 64  # of one melody, 128 bars of 4/4: longer ones decode too slowly to follow a hand


def playable_partners(melodies: Sequence[Melody]) -> tuple[Melody, ...]:
    """1 to 8 melodies in the metre of the first and the length of the longest.

    Raises:
        InputError: more melodies, bars that are longer than a window, or more than 64 windows.
    """
    layout = layout_of(melodies[0])
    together = partners(melodies) if len(melodies) > 1 else list(melodies)
    most = MAX_WINDOWS * layout.bars
    if together[0].bars > most:
        raise InputError(f"expected melodies of at most {most} bars to play live, found {together[0].bars} bars")
    return tuple(together)
