"""Train a model of sounds on a folder of recordings.

    scripts/run python scripts/train_sound.py FOLDER --out runs/sound --minutes 60

As `audiovq train-sound`, and with what a training on large machines needs: devices, nodes, precision and curves in
TensorBoard (OUT/tensorboard). Every few minutes OUT has the model as of now (OUT itself), how good it is (quality.csv,
quality.png) and something to hear and to see (example.wav, example.png). The same command goes on where it was stopped.
FOLDER may be a corpus of `audiovq corpus analyse` instead, here or in object storage, which is read shard by shard as
it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiovq.model.quantizers import KINDS
from audiovq.sound.config import SoundConfig
from audiovq.sound.model import SoundModel
from audiovq.training.corpora import SOUNDS
from audiovq.training.sound_run import Schedule, SoundRun, read_recordings
from audiovq.training.streamed import StreamedSounds
from latentmix.beginning import own_sizes, size_option
from latentmix.cli import grouped, run_script
from latentmix.files import make_folder
from latentmix.read_once import open_corpus
from latentmix.shares import Accumulate
from latentmix.training import CONSOLE, LearningRate, Out, RunOptions, in_one_line, on_first_process


def main(
    data: Annotated[str, typer.Argument(help="folder of recordings to train on, or a corpus of analysed sounds")],
    out: Out,
    minutes: Annotated[float, typer.Option(help="that it is to take here, if --steps is not given")] = 60.0,
    steps: Annotated[int, typer.Option(help="in all; 0: as many as the minutes have room for")] = 0,
    batch: Annotated[int, typer.Option(help="pieces in a step, in each process")] = 8,
    frames: Annotated[int, typer.Option(help="of a piece, each of 10 ms")] = 100,
    lr: LearningRate = 2e-3,
    start_from: Annotated[str, typer.Option("--from", help="a model to begin with, by name or folder")] = "",
    quantizer: Annotated[str | None, size_option(", ".join(KINDS), SoundConfig.quantizer)] = None,
    rate: Annotated[int | None, size_option("of the model, 44100 or 48000 Hz", SoundConfig.sample_rate)] = None,
    save_every: Annotated[int, typer.Option(help="steps between two looks; 0: a twentieth")] = 0,
    accumulate: Accumulate = 1,
    *,
    running: RunOptions,
) -> None:
    """Train a model of sounds on a folder of recordings, or go on with a run that was stopped."""
    with in_one_line("train_sound", ValueError):
        own_sizes("--from", start_from, rate=rate, quantizer=quantizer)
        config = SoundConfig.at_rate(rate or SoundConfig.sample_rate, quantizer or SoundConfig.quantizer)
        fabric = running.launch("ddp_find_unused_parameters_true")
        model = SoundModel.from_pretrained(start_from).train() if start_from else SoundModel(config)

        def make_plan() -> None:
            run.plan(wanted, minutes, batch=batch, frames=frames, lr=lr, seed=running.seed)

        make_folder(out)
        corpus = open_corpus(fabric, data, SOUNDS, out / "data")
        batches = (
            StreamedSounds(corpus, model.config, running.seed)
            if corpus
            else read_recordings(Path(data), out / "data", model.config, fabric)
        )
        run = SoundRun(
            out, model, batches, fabric, lambda line: CONSOLE.print(line, highlight=False), accumulate=accumulate
        )
        wanted = Schedule(steps, steps // 4, batch, frames, lr, running.seed) if steps else None
        on_first_process(fabric, make_plan)
        plan = run.plan(None, minutes)  # what the first process wrote
    with in_one_line("train_sound", state=run.state.path):
        run.train(plan, save_every or max(1, plan.steps // 20))


if __name__ == "__main__":
    run_script(grouped(main))
