"""What `--drums` says: grooves out of files, and what loads their model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .options import PlaybackOptions

if TYPE_CHECKING:
    from midi_vae.drums.network import GrooveNetwork

    from ..engine.drummer import Drums


def read_drum_options(playback: PlaybackOptions, may_come: bool = False) -> Drums | None:
    """Of the files of --drums; None where there are none, unless they may come later.

    The model is loaded when it is needed; whether there is one is seen now.

    Raises:
        InputError: a file without drums, one that cannot be read, no such model.
    """
    if not playback.drums and not may_come:
        return None
    from midi_vae.checkpoint import GROOVE_CHECKPOINT
    from midi_vae.drums.kit import read_kit
    from midi_vae.drums.transcription import read_drums

    from ..engine.drummer import Drums

    def load() -> GrooveNetwork:
        from midi_vae.drums.vae import GrooveVAE  # torch takes seconds to import

        return GrooveVAE.from_pretrained(playback.drums_model, "cpu")

    GROOVE_CHECKPOINT.check(playback.drums_model)
    kit = read_kit(playback.kit)
    return Drums([read_drums(path, None, kit).excerpt() for path in playback.drums or ()], load, kit)
