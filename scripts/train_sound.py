"""Train a model of sounds on a folder of recordings.

    scripts/run python scripts/train_sound.py FOLDER --out runs/sound --minutes 60

As `audiovq train-sound`, and with what a training on large machines needs: devices, nodes, precision and curves in
TensorBoard (OUT/tensorboard). Every few minutes OUT has the model as of now (OUT/model), how good it is (quality.csv,
quality.png) and something to hear and to see (example.wav, example.png). The same command goes on where it was stopped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import torch
import typer

from audiovq.sound.config import SoundConfig
from audiovq.sound.model import SoundModel
from audiovq.training.sound_dataset import SoundBatches, prepare
from audiovq.training.sound_run import Plan, SoundRun
from latentmix.files import make_folder
from latentmix.training import CONSOLE, in_one_line, make_fabric, on_first_process


def main(
    data: Annotated[Path, typer.Argument(help="folder of recordings to train on")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    minutes: Annotated[float, typer.Option(help="that it is to take here, if --steps is not given")] = 60.0,
    steps: Annotated[int, typer.Option(help="in all; 0: as many as the minutes have room for")] = 0,
    batch: Annotated[int, typer.Option(help="pieces in a step, in each process")] = 8,
    frames: Annotated[int, typer.Option(help="of a piece, each of 10 ms")] = 100,
    lr: Annotated[float, typer.Option(help="highest learning rate")] = 2e-3,
    start_from: Annotated[str, typer.Option("--from", help="a model to begin with, by name or folder")] = "",
    quantizer: Annotated[str, typer.Option(help="ema, straight_through or nsvq")] = SoundConfig.quantizer,
    rate: Annotated[int, typer.Option(help="sample rate of the model, 44100 or 48000 Hz")] = SoundConfig.sample_rate,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
    save_every: Annotated[int, typer.Option(help="steps between two looks; 0: a twentieth")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    devices: Annotated[int, typer.Option(help="processes on this machine")] = 1,
    nodes: Annotated[int, typer.Option(help="machines")] = 1,
    precision: Annotated[str, typer.Option(help="as Fabric names it: 32-true, bf16-mixed, ...")] = "32-true",
    threads: Annotated[int, typer.Option(help="CPU threads of each process; 0: as torch likes")] = 0,
) -> None:
    """Train a model of sounds on a folder of recordings, or go on with a run that was stopped."""
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    with in_one_line("train_sound", ValueError):
        config = SoundConfig.at_rate(rate, quantizer)
        fabric = make_fabric(device, devices, nodes, precision, "ddp_find_unused_parameters_true")
        torch.manual_seed(seed)
        model = SoundModel.from_pretrained(start_from).train() if start_from else SoundModel(config)
        kept = out / "data"

        def read() -> None:
            make_folder(kept)
            if not SoundBatches.is_complete(kept):
                found = prepare(data, kept, model.config)
                for reason in found.refused:
                    CONSOLE.print(f"left out: {reason}", highlight=False, soft_wrap=True, markup=False)
                CONSOLE.print(f"{data}: {found.seconds / 60:.1f} minutes from {found.files} files", highlight=False)

        on_first_process(fabric, read)
        run = SoundRun(out, model, SoundBatches(kept, model.config), fabric, lambda line: CONSOLE.print(line))
        wanted = Plan(steps, steps // 4, batch, frames, lr, seed) if steps else None
        plan = run.plan(wanted, minutes, batch=batch, frames=frames, lr=lr, seed=seed)
    with in_one_line("train_sound", state=run.state.path):
        run.train(plan, save_every or max(1, plan.steps // 20))


if __name__ == "__main__":
    typer.run(main)
