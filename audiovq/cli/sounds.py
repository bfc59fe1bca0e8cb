"""What the commands of `audiovq` do with models of sounds: learn one, and mix two recordings by one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentmix.errors import InputError
from latentmix.training import CONSOLE, in_one_line

from ..audio_io.writer import open_sink
from ..sound.config import RATES, SoundConfig
from ..sound.fitting import read_recording
from ..sound.model import SoundModel
from ..sound.morph import steps_between
from ..training.sound_run import Schedule, SoundRun, read_recordings
from .batches import complain
from .options import NOTHING

MINUTES, MINUTES_FROM_NOTHING = 15.0, 60.0
LOOKS = 20  # that are taken at a run on its way
RATE_FROM_MODEL = 1e-3  # learning rate of a model that knows something already


def mix(model: str, first: str, second: str, steps: int, paths: Sequence[str]) -> list[tuple[str, float]]:
    """Write the steps from one recording to another into one file, or one into each; names and seconds.

    Raises:
        InputError: a recording cannot be read, or a file not be written.
    """
    sounds = SoundModel.from_pretrained(model)
    rate = sounds.config.sample_rate
    a, b = (read_recording(sounds, path, complain) for path in (first, second))
    found = steps_between(sounds, a, b, steps)
    pieces = [[each] for each in found] if len(paths) > 1 else [list(found)]
    made = []
    for path, each in zip(paths, pieces, strict=True):
        with open_sink(path, rate, 1, sum(map(len, each))) as sink:
            for samples in each:
                sink.write(np.clip(samples, -1.0, 1.0)[None])
        made.append((path, sink.samples / rate))
    return made


@dataclass(frozen=True)
class Training:
    """What `audiovq train-sound` was asked for; see there."""

    recordings: str
    output: str
    judge: str | None
    minutes: float | None
    steps: int | None
    start_from: str
    rate: int | None
    threads: int
    seed: int


def train(asked: Training) -> None:
    """Learn a model of sounds, or go on with one.

    Raises:
        InputError: something that was asked for cannot be.
    """
    is_new = asked.start_from == NOTHING
    if asked.rate is not None and not (is_new and asked.rate in RATES):
        raise InputError(f"--rate {asked.rate}: expected {RATES[0]} or {RATES[1]}, and --from none beside it")
    torch.set_num_threads(asked.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(asked.seed)
    config = SoundConfig.at_rate(asked.rate or RATES[-1])
    model = SoundModel(config) if is_new else SoundModel.from_pretrained(asked.start_from)
    folder = Path(asked.output)
    batches = read_recordings(Path(asked.recordings), folder / "data", model.config)
    judge = read_recordings(Path(asked.judge), folder / "judge", model.config, to_learn=False) if asked.judge else None
    run = SoundRun(folder, model.train(), batches, tell=lambda line: CONSOLE.print(line, highlight=False), judge=judge)
    lr = Schedule.lr if is_new else RATE_FROM_MODEL
    wanted = Schedule(asked.steps, asked.steps // 4, lr=lr, seed=asked.seed) if asked.steps else None
    minutes = asked.minutes or (MINUTES_FROM_NOTHING if is_new else MINUTES)
    plan = run.plan(wanted, minutes, lr=lr, seed=asked.seed)
    with in_one_line("audiovq", state=run.state.path):
        if not run.train(plan, max(1, plan.steps // LOOKS)):
            CONSOLE.print(f"{folder}: has made its {plan.steps} steps; --steps with more goes on", highlight=False)
