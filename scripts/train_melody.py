"""Train a MelodyVAE on a folder of MIDI files.

    scripts/run python scripts/train_melody.py MIDI_FOLDER --dev DEV_FOLDER --out runs/melody

Three phases in one run: a critic of melodies, the autoencoder, the prior over its codes. The state is written to
OUT/state.safetensors every --save-every steps and when the run is interrupted; the same command goes on from there and
ends at the same weights, on the CPU bit for bit. The finished model is OUT/model; OUT/tensorboard has the curves.
--latent chooses the kind of latent variable (docs/latents.md). MIDI_FOLDER may be a corpus of `midi-vae corpus read`
instead, here or in object storage, which is read shard by shard as it is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from latentmix.beginning import BeginWith, Remember, own_sizes, size_option, told_apart
from latentmix.cli import grouped, run_script
from latentmix.errors import InputError
from latentmix.files import make_folder, replacing
from latentmix.phases import Phase, PhasedRun
from latentmix.read_once import Found, Tell, open_corpus, read_once
from latentmix.run_state import RunState
from latentmix.shares import Accumulate, Shares
from latentmix.training import CONSOLE, LearningRate, Out, RunOptions, SaveEvery, TrainingRun, in_one_line
from midi_vae.evaluation import IntervalModel, middle_figures, path_figures
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.family import LATENTS
from midi_vae.music.melody import ONSET, tidy
from midi_vae.training.attribute_directions import fit_directions
from midi_vae.training.corpus import KIND
from midi_vae.training.dataset import Batches, load_windows
from midi_vae.training.material import KEPT_WINDOWS, Material, material_of, streamed_material
from midi_vae.training.objective import CriticObjective, MelodyObjective, ObjectiveConfig, PriorObjective
from midi_vae.training.streamed_windows import StreamedWindows
from midi_vae.vae import MelodyVAE

PHASES = ("critic", "model", "prior")
DEV_WINDOWS = 192
DRAWN = 256  # melodies for the figures of draws; of a handful of windows fewer say as much


class DevFigures:
    """What is told of a phase: of mixes on held-out windows that start with a note, or of what the prior draws."""

    def __init__(self, train: np.ndarray, dev: np.ndarray) -> None:
        full = dev[(dev[:, 0] >= ONSET) & ((dev >= ONSET).sum(1) >= 6) & (dev[:, [12, 13, 14, 15]] > 0).any(1)]
        full = full if len(full) else dev  # a folder of waltzes, say
        self.windows = full[np.linspace(0, len(full) - 1, min(DEV_WINDOWS, len(full))).astype(int)].astype(np.int64)
        some = np.linspace(0, len(train) - 1, min(3000, len(train))).astype(int)
        self.likelihood = IntervalModel().fit(train[some])
        self.data_nats = self._nats(self.windows)
        self.count = min(DRAWN, 4 * len(self.windows))

    def _nats(self, windows: np.ndarray) -> float:
        return float(np.mean([self.likelihood.nats_a_step(tidy(row)) for row in windows]))

    def _drawn(self, name: str, windows: np.ndarray) -> dict[str, float]:
        onsets = float((windows >= ONSET).sum(1).mean() / (self.windows >= ONSET).sum(1).mean())
        return {f"{name} nats": self._nats(windows) - self.data_nats, f"{name} onsets": onsets}

    def model(self, model: MelodyVAE) -> dict[str, float]:
        means = model.encode_windows(self.windows)
        back = model.decode_windows(means)
        steps = torch.linspace(0.0, 1.0, 9)[None, :, None].to(means.device)
        points = means[:, None] + (means.roll(-1, 0) - means)[:, None] * steps
        decoded = model.decode_windows(points.flatten(0, 1)).reshape(len(means), 9, -1)
        lines = [np.stack([tidy(row) for row in line]) for line in decoded]
        noise = torch.randn(self.count, model.config.latent_size, generator=torch.Generator().manual_seed(0))
        path, middle = path_figures(lines), middle_figures(self.likelihood, lines)
        return {
            "steps": float((back == self.windows).mean()),
            "exact": float((back == self.windows).all(1).mean()),
            "path": path.path,
            "jump": path.max_jump,
            "onset gap": middle.onset_gap,
            "gap": middle.likelihood_gap,
        } | self._drawn("draw", model.decode_windows(noise))

    def prior(self, model: MelodyVAE) -> dict[str, float]:
        """Of what the prior draws; before it is learned that says nothing."""
        return self._drawn("sample", model.decode_windows(model.sample_latents(self.count, seed=0)))


def read_folder(fabric: Any, folder: Path, kept: Path, config: MelodyVAEConfig) -> np.ndarray:
    """The windows of a folder, kept in the run's folder."""

    def read(tell: Tell) -> Found:
        data = load_windows(folder, config.lowest_pitch, config.pitches, tell)
        with replacing(kept) as file:
            np.save(file, data.windows)
        refused = [reason or path for path, reason in data.refused]
        return Found(f"{len(data.windows)} windows from {data.files} files", refused)

    read_once(fabric, folder, kept, kept.is_file, read)
    return np.load(kept, allow_pickle=False)


def reaches_bar_ends(windows: np.ndarray) -> np.ndarray:
    """Which windows (N, 32) have anything in the last quarter of a bar of 4/4; (N,) bool.

    The prior learns these only: random melodies are in 4/4, and bars of 3/4 or 6/8 have nothing there.
    """
    return np.asarray(windows.reshape(len(windows), 2, 16)[:, :, 12:].any((1, 2)))


def open_melodies(
    fabric: Any, address: str, kept: Path, config: MelodyVAEConfig, seed: int
) -> Material[Batches] | Material[StreamedWindows]:
    """A folder that is read and kept, or a corpus that is streamed."""
    corpus, (low, count) = open_corpus(fabric, address, KIND, kept), (config.lowest_pitch, config.pitches)
    if corpus is None:
        windows = read_folder(fabric, Path(address), kept, config)
        return material_of(windows, lambda rows: Batches(rows, low, count), reaches_bar_ends)
    return streamed_material(partial(StreamedWindows, corpus, low, count, seed), reaches_bar_ends)


def tell_change(base: MelodyVAE, model: MelodyVAE, held_out: Mapping[str, np.ndarray]) -> None:
    """What a model says of held-out windows of its new folder, and of what it knew, before and after."""
    for name, windows in held_out.items():
        full = windows[reaches_bar_ends(windows)]  # what the prior is a model of, see there
        shown = full if len(full) else windows
        shown = shown[np.linspace(0, len(shown) - 1, min(KEPT_WINDOWS // 10, len(shown))).astype(int)].astype(np.int64)
        for when, each in (("before", base), ("after", model)):
            each.cpu().eval()
            with torch.inference_mode():
                nats = float(each.prior.loss(each.prior_symbols(torch.from_numpy(shown))))
            exact = float((each.decode_windows(each.invert_windows(shown)) == shown).all(1).mean())
            CONSOLE.print(f"{name}, {when}: {nats:.3f} nats a step  exact windows {exact:.3f}", highlight=False)


def phases_of(
    model: MelodyVAE, weights: ObjectiveConfig, steps: tuple[int, int, int], batch: int, lr: float
) -> Iterator[Phase]:
    """Critic, autoencoder and prior, each made when it begins: it says which weights are learned from then on."""
    yield Phase("critic", CriticObjective(model.critic, model.config.lowest_pitch), steps[0], batch, 2 * lr)
    yield Phase("model", MelodyObjective(model, weights), steps[1], batch, lr)
    yield Phase("prior", PriorObjective(model), steps[2], batch // 3, 2 * lr)


def finish(
    model: MelodyVAE, windows: np.ndarray, folder: Path, base: MelodyVAE | None, held_out: Mapping[str, np.ndarray]
) -> None:
    """Write the model; where it began with another one, tell what has become of that."""
    if base is None:  # of a small folder they would be those of its few melodies
        some = windows[np.linspace(0, len(windows) - 1, min(KEPT_WINDOWS, len(windows))).astype(int)]
        model.attribute_directions.copy_(fit_directions(model, some))
    model.save_pretrained(folder, half=True)
    if base is not None:
        tell_change(base, model, held_out)


def check_latent(latent: str, shares: int) -> None:
    """Raises InputError: codes that are revived by each share on its own would not stay the same in all."""
    if LATENTS[latent].is_of_one_process and shares > 1:
        raise InputError(
            f"--latent {latent}: expected one process, found {shares} shares; leave --devices and --accumulate at 1"
        )


@dataclass(frozen=True)
class Sizes:
    """Options: what a new model is like."""

    latent: Annotated[
        str | None, size_option(f"kind of latent variable: {', '.join(LATENTS)}", MelodyVAEConfig.latent)
    ] = None
    latent_size: Annotated[int | None, size_option("latent dimensions", MelodyVAEConfig.latent_size)] = None
    width: Annotated[int | None, size_option("of the hidden layers", MelodyVAEConfig.width)] = None


@grouped
def main(
    data: Annotated[str, typer.Argument(help="folder of MIDI files to train on, or a corpus of their windows")],
    out: Out,
    dev: Annotated[
        str | None, typer.Option(help="folder of MIDI files, or a corpus, for the figures; part of DATA if left out")
    ] = None,
    begin_with: BeginWith = None,
    remember: Remember = None,
    steps: Annotated[int, typer.Option(help="of the autoencoder")] = 11_000,
    critic_steps: Annotated[int, typer.Option(help="of the critic, trained first")] = 1_200,
    prior_steps: Annotated[int, typer.Option(help="of the prior, trained last")] = 4_000,
    batch: Annotated[int, typer.Option(help="windows in a step, in each process")] = 384,
    lr: LearningRate = 1.5e-3,
    beta: Annotated[
        float | None, typer.Option(help="weight of the KL term, or of what the latent has instead; its own if left out")
    ] = None,
    free_nats: Annotated[float, typer.Option(help="free bits of each latent dimension")] = ObjectiveConfig.free_nats,
    monte_carlo: Annotated[int, typer.Option(help="latents drawn for each melody")] = 1,
    save_every: SaveEvery = 500,
    accumulate: Accumulate = 1,
    *,
    sizes: Sizes,
    running: RunOptions,
) -> None:
    """Train a MelodyVAE on a folder of MIDI files, or go on with a run that was stopped."""
    with in_one_line("train_melody", ValueError):  # a size that cannot be
        asked = own_sizes("--begin-with", begin_with, **vars(sizes))
        base = MelodyVAE.from_pretrained(begin_with) if begin_with else None
        config = base.config if base else MelodyVAEConfig(**asked)
        check_latent(config.latent, running.processes * accumulate)
        fabric = running.launch("ddp")
        make_folder(out)
        melodies = open_melodies(fabric, data, out / "train.npy", config, running.seed)
        held_out = {"own": melodies.some[:: len(melodies.some) // 2000 + 1]} | {
            name: open_melodies(fabric, address, out / file, config, running.seed).some
            for name, address, file in (("own", dev, "dev.npy"), ("known", remember, "known.npy"))
            if address
        }
        model = MelodyVAE(config)
        model.load_state_dict((base or model).state_dict())
        state = RunState.in_folder(out, {"model": model}, PHASES, told_apart(base, begin_with))
    weight = LATENTS[config.latent].weight if beta is None else beta
    weights = ObjectiveConfig(beta=weight, free_nats=free_nats, monte_carlo=monte_carlo)
    figures = DevFigures(melodies.some, held_out["own"])
    with in_one_line("train_melody", state=state.path):
        run = PhasedRun(TrainingRun(state, save_every, fabric), Shares(fabric, accumulate), PHASES, running.seed)
        for phase in phases_of(model, weights, (critic_steps, steps, prior_steps), batch, lr):
            draw = (melodies.full_batches if phase.name == "prior" else melodies.batches).draw
            told = {"model": figures.model, "prior": figures.prior}.get(phase.name)
            run.do(phase, draw, partial(told, model) if told else dict)
        if fabric.is_global_zero:
            finish(model, melodies.some, out / "model", base, held_out)


if __name__ == "__main__":
    run_script(main)
