"""What the files of a trained model are called and where they are; needs no torch, so that a name is soon checked."""

from __future__ import annotations

from pathlib import Path

from latentmix.checkpoint_format import CheckpointFormat

CHECKPOINT = CheckpointFormat("latentmix.midi_vae", 2, Path(__file__).parent / "weights")
GROOVE_CHECKPOINT = CheckpointFormat("latentmix.midi_vae.groove", 1, CHECKPOINT.bundled)
CONDUCTOR_CHECKPOINT = CheckpointFormat("latentmix.midi_vae.conductor", 1, CHECKPOINT.bundled, "conductor")
