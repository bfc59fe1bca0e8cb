"""Train a GrooveVAE on a folder of MIDI files with drums.

    scripts/run python scripts/train_drums.py MIDI_FOLDER --out runs/drums

Where the folder has an info.csv with a split (the Groove MIDI Dataset has), its `train` is trained on and its
`validation` gives the figures; otherwise all of it is trained on, and --dev names another folder for the figures.
MIDI_FOLDER, DEV and what --remember names, of which `validation` counts, may each be a corpus of `midi-vae corpus read
--drums` instead, which is read shard by shard as it is needed; all of it is trained on.
Three phases in one run, none of which needs another: the autoencoder, the feel of given hits, the model of hits that
random grooves are drawn from. State, resuming and what comes out: as of train_melody.py (CONTRIBUTING.md).
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from latentmix.beginning import BeginWith, Remember, own_sizes, size_option, told_apart
from latentmix.cli import grouped, run_script
from latentmix.files import make_folder, replacing
from latentmix.phases import Phase, PhasedRun
from latentmix.read_once import Found, Tell, open_corpus, read_once
from latentmix.run_state import RunState
from latentmix.shares import Accumulate, Shares
from latentmix.training import CONSOLE, LearningRate, Out, RunOptions, SaveEvery, TrainingRun, in_one_line
from midi_vae.drums.config import GrooveVAEConfig
from midi_vae.drums.evaluation import HitModel, coded_figures, middle_figures
from midi_vae.drums.feel import Heard
from midi_vae.drums.groove import MAX_OFFSET
from midi_vae.drums.network import sets_of
from midi_vae.drums.vae import GrooveVAE
from midi_vae.drums.windows import HIT, OFFSET, VELOCITY
from midi_vae.training.corpus import GROOVES
from midi_vae.training.groove_dataset import WINDOW, GrooveBatches, load_grooves, read_info
from midi_vae.training.groove_objective import (
    FeelObjective,
    GrooveObjective,
    GrooveObjectiveConfig,
    GroovePriorObjective,
)
from midi_vae.training.material import Material, material_of, streamed_material
from midi_vae.training.streamed_windows import StreamedGrooves

PHASES = ("model", "feel", "prior")
DEV_WINDOWS = 384


class DevFigures:
    """Figures of held-out windows."""

    def __init__(self, train: np.ndarray, dev: np.ndarray) -> None:
        some = dev[np.linspace(0, len(dev) - 1, min(DEV_WINDOWS, len(dev))).astype(int)]
        self.batch = GrooveBatches(some).all()
        self.cells = self.batch.cells.numpy()
        full = GrooveBatches(train[:: max(1, len(train) // 6000)]).all().cells.numpy()
        self.likelihood = HitModel().fit(full)

    def model(self, model: GrooveVAE) -> dict[str, float]:
        """Of windows encoded and decoded again, and of the middles of straight lines."""
        z = model.encode_cells(self.cells)
        coded = coded_figures(self.cells, model.decode_cells(z))
        middles = model.decode_cells(torch.lerp(z, z.roll(-1, 0), 0.5))
        lines = np.stack([self.cells, middles, np.roll(self.cells, -1, 0)], 1)
        middle = middle_figures(self.likelihood, list(lines))
        return {
            "f1": coded.hits_f1,
            "velocity": coded.velocity_error,
            "offset": coded.offset_error,
            "middle hits": middle.hit_change,
            "gap": middle.likelihood_gap,
        }

    @torch.inference_mode()
    def feel(self, model: GrooveVAE) -> dict[str, float]:
        """Of feel given to the hits, against what was played; mean lags are taken out."""
        batch, hit = self.batch, self.batch.cells[:, :, HIT]
        heard = Heard._make(each.to(model.device) for each in batch.heard)
        model.eval()  # without dropout
        said = model.feel(heard, batch.tempo.to(model.device), batch.style.to(model.device))
        model.train()
        offset = (batch.cells[:, :, OFFSET] - batch.lag[:, None, None]).clamp(-MAX_OFFSET, MAX_OFFSET)
        velocity = (said.velocity.cpu().clamp(0, 1) - batch.cells[:, :, VELOCITY]).abs() * hit
        late = (said.offset.cpu() - offset).abs() * batch.timed
        return {
            "velocity": float(velocity.sum() / hit.sum()),
            "offset": float(late.sum() / batch.timed.sum()),
            "offset of none": float((offset.abs() * batch.timed).sum() / batch.timed.sum()),
        }

    def prior(self, model: GrooveVAE) -> dict[str, float]:
        """Nats a step of random grooves over those of real ones, and their hits."""
        drawn = model.decode_cells(model.sample_latents(256, seed=0))
        nats = [float(np.mean([self.likelihood.nats_a_step(row) for row in rows])) for rows in (drawn, self.cells)]
        return {
            "sample nats": nats[0],
            "data nats": nats[1],
            "sample hits": float(drawn[:, :, HIT].sum() / len(drawn)),
            "data hits": float(self.cells[:, :, HIT].sum() / len(self.cells)),
        }


def read_folder(fabric: Any, folder: Path, kept: Path, split: str | None, styles: tuple[str, ...]) -> np.ndarray:
    """The windows of a folder, kept in the run's folder."""

    def read(tell: Tell) -> Found:
        data = load_grooves(folder, split, styles, tell)
        with replacing(kept) as file:
            np.save(file, data.windows)
        return Found(f"{len(data.windows)} windows from {data.files} files", data.refused)

    read_once(fabric, folder, kept, kept.is_file, read)
    windows: np.ndarray = np.load(kept, allow_pickle=False)
    if windows.dtype != WINDOW:
        raise ValueError(f"{kept}: expected the windows of this release; remove it to read the folder again")
    return windows


def open_grooves(
    fabric: Any, address: str, kept: Path, split: str | None, styles: tuple[str, ...], seed: int
) -> Material[GrooveBatches] | Material[StreamedGrooves]:
    """A folder, or its split, that is read and kept, or a corpus that is streamed."""
    corpus, is_full = open_corpus(fabric, address, GROOVES, kept), operator.itemgetter("full")
    if corpus is None:
        return material_of(read_folder(fabric, Path(address), kept, split, styles), GrooveBatches, is_full)
    return streamed_material(partial(StreamedGrooves, corpus, styles, seed), is_full)


def tell_change(base: GrooveVAE, model: GrooveVAE, held_out: dict[str, np.ndarray]) -> None:
    """What a model says of held-out windows of its new folder, and of what it knew, before and after."""
    for name, windows in held_out.items():
        figures = DevFigures(windows, windows)
        sets = sets_of(figures.batch.cells[:, :, HIT])
        for when, each in (("before", base), ("after", model)):
            with torch.inference_mode():
                nats = float(each.cpu().prior.loss(sets))
            feel = figures.feel(each)
            played = f"velocity {feel['velocity']:.4f}  offset {feel['offset']:.4f}"
            CONSOLE.print(f"{name}, {when}: hits {nats:.3f} nats a step  {played}", highlight=False)


def known_styles(fabric: Any, address: str, kept: Path) -> tuple[str, ...]:
    """Styles that the folder's info.csv names, or that the corpus has."""
    corpus = open_corpus(fabric, address, GROOVES, kept)
    if corpus:
        return tuple(corpus.manifest.description.settings["styles"])
    return tuple(sorted({each.style for each in read_info(address).values() if each.style}))


@dataclass(frozen=True)
class Sizes:
    """Options: what a new model is like."""

    latent_size: Annotated[int | None, size_option("latent dimensions", GrooveVAEConfig.latent_size)] = None
    width: Annotated[int | None, size_option("of the hidden layers", GrooveVAEConfig.width)] = None


def main(
    data: Annotated[str, typer.Argument(help="folder of MIDI files to train on, or a corpus of their drums")],
    out: Out,
    dev: Annotated[
        str | None, typer.Option(help="folder, or a corpus, for the figures; what info.csv says if left out")
    ] = None,
    begin_with: BeginWith = None,
    remember: Remember = None,
    steps: Annotated[int, typer.Option(help="of the autoencoder")] = 2200,
    feel_steps: Annotated[int, typer.Option(help="of the feel")] = 1500,
    prior_steps: Annotated[int, typer.Option(help="of the model of hits")] = 700,
    batch: Annotated[int, typer.Option(help="windows in a step, in each process")] = 256,
    lr: LearningRate = 1.5e-3,
    beta: Annotated[float, typer.Option(help="weight of the KL term")] = GrooveObjectiveConfig.beta,
    save_every: SaveEvery = 500,
    accumulate: Accumulate = 1,
    *,
    sizes: Sizes,
    running: RunOptions,
) -> None:
    """Train a GrooveVAE on a folder of MIDI files with drums, or go on with a run that was stopped."""
    with in_one_line("train_drums", ValueError):  # a size that cannot be
        asked = own_sizes("--begin-with", begin_with, **vars(sizes))
        base = GrooveVAE.from_pretrained(begin_with) if begin_with else None
        fabric = running.launch("ddp")
        make_folder(out)
        kept = out / "train.npy"
        styles = base.config.styles if base else known_styles(fabric, data, kept)
        config = base.config if base else GrooveVAEConfig(**asked, styles=styles)
        grooves = open_grooves(fabric, data, kept, None if dev else "train", styles, running.seed)
        held_out = {
            name: open_grooves(fabric, address, out / file, split, styles, running.seed).some
            for name, address, file, split in (
                ("own", dev or data, "dev.npy", None if dev else "validation"),
                ("known", remember, "known.npy", "validation"),
            )
            if address
        }
        model = GrooveVAE(config)
        if base:
            model.load_state_dict(base.state_dict())
        state = RunState.in_folder(out, {"model": model}, PHASES, told_apart(base, begin_with))
    figures, weights = DevFigures(grooves.some, held_out["own"]), GrooveObjectiveConfig(beta=beta)
    draw, draw_full = grooves.batches.draw, grooves.full_batches.draw
    with in_one_line("train_drums", state=state.path):
        run = PhasedRun(TrainingRun(state, save_every, fabric), Shares(fabric, accumulate), PHASES, running.seed)
        autoencoder = Phase("model", GrooveObjective(model, weights), steps, batch, lr)
        run.do(autoencoder, draw, lambda: figures.model(model), ())
        feel = Phase("feel", FeelObjective(model, weights), feel_steps, batch, lr)
        run.do(feel, draw, lambda: figures.feel(model), ())
        prior = Phase("prior", GroovePriorObjective(model), prior_steps, batch // 2, 2 * lr)
        run.do(prior, draw_full, lambda: figures.prior(model), ())
        if fabric.is_global_zero:
            model.save_pretrained(out / "model", half=True)
        if base and fabric.is_global_zero:
            tell_change(base, model, held_out)


if __name__ == "__main__":
    run_script(grouped(main))
