"""Train a conductor: what two bars follow those before, for melodies of any length.

    scripts/run python scripts/train_conductor.py MIDI_FOLDER --dev DEV_FOLDER --out runs/conductor

The codes of the bars are those of a model of melodies (--model), which is left as it is. The state is written to
OUT/state.safetensors every --save-every steps and when the run is interrupted; the same command goes on from there. The
finished conductor is OUT/conductor; OUT/tensorboard has the curves. MIDI_FOLDER and DEV_FOLDER may each be a corpus of
`midi-vae corpus read --whole` instead, here or in object storage, which is read shard by shard as it is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from latentmix.cli import grouped, run_script
from latentmix.files import make_folder
from latentmix.phases import Phase, PhasedRun
from latentmix.read_once import Found, Tell, open_corpus, read_once
from latentmix.run_state import RunState
from latentmix.shares import Accumulate, Shares
from latentmix.training import LearningRate, Out, RunOptions, SaveEvery, TrainingRun, in_one_line
from midi_vae.model.conductor import Conductor, ConductorConfig
from midi_vae.training.conductor_objective import ConductorObjective
from midi_vae.training.corpus import TUNES
from midi_vae.training.streamed_windows import StreamedTunes
from midi_vae.training.tune_dataset import TuneBatches, Tunes, load_tunes
from midi_vae.vae import MelodyVAE

PHASE = "conductor"
DEV_WINDOWS = 1024


def open_tunes(
    fabric: Any, address: str, kept: Path, config: ConductorConfig, seed: int
) -> TuneBatches | StreamedTunes:
    """A corpus as it is, or the tunes of a folder."""
    corpus, size = open_corpus(fabric, address, TUNES, kept), (config.lags, config.lowest_pitch, config.pitches)
    if corpus:
        return StreamedTunes(corpus, *size, seed)
    return TuneBatches(read_folder(fabric, Path(address), kept, config), *size)


def read_folder(fabric: Any, folder: Path, kept: Path, config: ConductorConfig) -> Tunes:
    """The tunes of a folder, kept in the run's folder."""

    def read(tell: Tell) -> Found:
        tunes = load_tunes(folder, config.lowest_pitch, config.pitches, tell)
        tunes.save(kept)
        summary = f"{len(tunes.windows)} windows of {len(tunes.bars)} tunes"
        return Found(summary, [reason for _, reason in tunes.refused])

    read_once(fabric, folder, kept, kept.is_file, read)
    return Tunes.load(kept)


@grouped
def main(
    data: Annotated[str, typer.Argument(help="folder of MIDI files to train on, or a corpus of whole tunes")],
    out: Out,
    dev: Annotated[str, typer.Option(help="folder of MIDI files, or a corpus, for the figures")],
    model: Annotated[str, typer.Option(help="of melodies, a bundled name or folder")] = MelodyVAE.default,
    steps: Annotated[int, typer.Option(help="in all")] = 3_000,
    batch: Annotated[int, typer.Option(help="windows in a step, in each process")] = 128,
    lr: LearningRate = 2e-3,
    nearest: Annotated[bool, typer.Option("--nearest", help="look at the window before alone, for comparison")] = False,
    save_every: SaveEvery = 200,
    accumulate: Accumulate = 1,
    *,
    running: RunOptions,
) -> None:
    """Train a conductor on a folder of MIDI files, or go on with a run that was stopped."""
    with in_one_line("train_conductor", ValueError):
        vae = MelodyVAE.from_pretrained(model)
        config = ConductorConfig(vae.config.latent_size, vae.config.lowest_pitch, vae.config.pitches, nearest=nearest)
        fabric = running.launch("ddp")
        make_folder(out)
        batches, shown = (
            open_tunes(fabric, each, out / f"{name}.npz", config, running.seed)
            for name, each in (("train", data), ("dev", dev))
        )
        conductor = Conductor(config)
        state = RunState.in_folder(out, {"conductor": conductor}, (PHASE,))
    objective = ConductorObjective(vae.to(fabric.device), conductor)

    @torch.no_grad()
    def figures() -> dict[str, float]:
        generator = torch.Generator().manual_seed(0)
        found = objective(fabric.to_device(shown.draw(DEV_WINDOWS, generator)), generator, 1.0)
        return {"dev nats": float(found["loss"])}

    with in_one_line("train_conductor", state=state.path):
        run = PhasedRun(TrainingRun(state, save_every, fabric), Shares(fabric, accumulate), (PHASE,), running.seed)
        run.do(Phase(PHASE, objective, steps, batch, lr), batches.draw, figures)
        if fabric.is_global_zero:
            conductor.save_pretrained(out / "conductor", half=True)


if __name__ == "__main__":
    run_script(main)
