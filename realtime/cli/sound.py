"""What `livemix sound` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import typer

from audiovq.audio_io.writer import check_suffix
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import read_recording
from latentmix.errors import InputError

from ..audio.sound_mix import SoundMix
from ..music.automation import Automation, read_automation
from ..music.sound_parameters import SOUND_PARAMETERS
from ..offline.sounds import render_mix
from .options import parameter_values
from .recording import check_new_file


@dataclass(frozen=True)
class SoundRequest:
    """What was asked for; see `app.sound`."""

    files: Sequence[Path]
    render: Path
    plan: Path | None
    settings: Sequence[str]
    seconds: float
    tempo: float
    model: str
    force: bool


def write_mix(asked: SoundRequest) -> None:
    """Render the mix.

    Raises:
        InputError: anything that was asked for cannot be had.
    """
    torch.set_num_threads(1)
    check_suffix(asked.render)
    check_new_file(asked.render, asked.files, asked.force)
    settings = parameter_values(asked.settings, SOUND_PARAMETERS)
    if asked.plan is None:
        plan = Automation("seconds", {"position": ((0.0, asked.seconds), (0.0, 1.0))}, asked.seconds)
    else:
        plan = read_automation(asked.plan, SOUND_PARAMETERS)
    if not plan.end:
        raise InputError(f"{asked.plan}: expected a last row after 0, found a plan without length")
    model = SoundModel.from_pretrained(asked.model)
    mix = SoundMix(model, [read_recording(model, path) for path in asked.files])
    seconds = render_mix(asked.render, mix, plan, settings, asked.tempo)
    typer.echo(f"{asked.render}: {seconds:.2f} s")
