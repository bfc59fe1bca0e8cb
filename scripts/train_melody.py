"""Train a MelodyVAE on a folder of MIDI files.

    scripts/run python scripts/train_melody.py MIDI_FOLDER --dev DEV_FOLDER --out runs/melody

Three phases in one run: a critic of melodies, the autoencoder, the prior over its codes. The state is written to
OUT/state.safetensors every --save-every steps and when the run is interrupted; the same command goes on from there and
ends at the same weights, on the CPU bit for bit. The finished model is OUT/model; OUT/tensorboard has the curves.
--latent chooses the kind of latent variable (docs/latents.md).
"""

from __future__ import annotations

import math
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from lightning_fabric import Fabric
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from latentmix.errors import InputError
from midi_vae.evaluation import IntervalModel, middle_figures, path_figures
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.family import LATENTS
from midi_vae.music.melody import ONSET, tidy
from midi_vae.training.attribute_directions import fit_directions
from midi_vae.training.dataset import Batches, load_windows
from midi_vae.training.objective import CriticObjective, MelodyObjective, ObjectiveConfig, PriorObjective
from midi_vae.vae import MelodyVAE

CONSOLE = Console()
PHASES = ("critic", "model", "prior")
WARM_UP = 200  # steps
DEV_WINDOWS = 192


@dataclass(frozen=True)
class Phase:
    """One optimisation: its module, how many steps and how fast."""

    name: str
    objective: nn.Module
    steps: int
    batch: int
    learning_rate: float


def learning_rate(phase: Phase, step: int) -> float:
    """Linear warm-up, then half a cosine down to 0 (Loshchilov & Hutter 2017, without restarts)."""
    return phase.learning_rate * min(1.0, (step + 1) / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * step / phase.steps))


class State:
    """Where a run stands, in one safetensors file: the model, the optimizer of the phase, phase and step."""

    def __init__(self, path: Path, model: nn.Module) -> None:
        self.path, self.model = path, model
        self.phase, self.step = 0, 0
        self.optimizer_tensors: dict[str, torch.Tensor] = {}

    def load(self) -> None:
        with safe_open(self.path, "pt") as file:
            place = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        self.phase, self.step = int(place["phase"]), int(place["step"])
        try:
            self.model.load_state_dict(_under("model", tensors))
        except RuntimeError:
            raise InputError(
                f"{self.path}: expected the state of a run with these sizes, found another's; "
                "give the options it was started with, or another --out"
            ) from None
        self.optimizer_tensors = _under("optimizer", tensors)

    def save(self, optimizer: torch.optim.Optimizer | None) -> None:
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, slots in optimizer.state_dict()["state"].items() if optimizer else ():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in slots.items()}
        beside = self.path.with_suffix(".tmp")
        save_file(
            {k: v.contiguous() for k, v in tensors.items()},
            beside,
            {"phase": str(self.phase), "step": str(self.step)},
        )
        beside.replace(self.path)

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        if self.optimizer_tensors:
            slots: dict[int, dict[str, torch.Tensor]] = {}
            for name, value in self.optimizer_tensors.items():
                index, slot = name.split(".", 1)
                slots.setdefault(int(index), {})[slot] = value
            optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})
            self.optimizer_tensors = {}


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(prefix + ".")}


class Stop:
    """Set by Ctrl-C or SIGTERM; the run ends after the step under way."""

    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, *_: object) -> None:
        self.wanted = True


class DevFigures:
    """The measures of a mix on held-out windows that start with a note, as a dict of figures."""

    def __init__(self, train: np.ndarray, dev: np.ndarray) -> None:
        full = dev[(dev[:, 0] >= ONSET) & ((dev >= ONSET).sum(1) >= 6) & (dev[:, [12, 13, 14, 15]] > 0).any(1)]
        full = full if len(full) else dev  # a folder of waltzes, say
        self.windows = full[np.linspace(0, len(full) - 1, min(DEV_WINDOWS, len(full))).astype(int)].astype(np.int64)
        some = np.linspace(0, len(train) - 1, min(3000, len(train))).astype(int)
        self.likelihood = IntervalModel().fit(train[some])
        self.data_nats = self._nats(self.windows)

    def _nats(self, windows: np.ndarray) -> float:
        return float(np.mean([self.likelihood.nats_a_step(tidy(row)) for row in windows]))

    def __call__(self, model: MelodyVAE) -> dict[str, float]:
        means = model.encode_windows(self.windows)
        back = model.decode_windows(means)
        steps = torch.linspace(0.0, 1.0, 9)[None, :, None].to(means.device)
        points = means[:, None] + (means.roll(-1, 0) - means)[:, None] * steps
        lines = model.decode_windows(points.flatten(0, 1)).reshape(len(means), 9, -1)
        lines = [np.stack([tidy(row) for row in line]) for line in lines]
        noise = torch.randn(256, model.config.latent_size, generator=torch.Generator().manual_seed(0))
        drawn, sampled = (model.decode_windows(z) for z in (noise, model.sample_latents(256, seed=0)))
        path, middle = path_figures(lines), middle_figures(self.likelihood, lines)
        figures = {
            "steps": float((back == self.windows).mean()),
            "exact": float((back == self.windows).all(1).mean()),
            "path": path.path,
            "jump": path.max_jump,
            "onset gap": middle.onset_gap,
            "gap": middle.likelihood_gap,
            "draw nats": self._nats(drawn) - self.data_nats,
            "draw onsets": float((drawn >= ONSET).sum(1).mean() / (self.windows >= ONSET).sum(1).mean()),
            "sample nats": self._nats(sampled) - self.data_nats,
            "sample onsets": float((sampled >= ONSET).sum(1).mean() / (self.windows >= ONSET).sum(1).mean()),
        }
        return figures


class Run:
    """The loop, and what it shows."""

    def __init__(self, fabric: Fabric, state: State, batches: Batches, seed: int, save_every: int) -> None:
        self.fabric, self.state, self.batches, self.seed, self.save_every = (
            fabric,
            state,
            batches,
            seed,
            save_every,
        )
        self.stop = Stop()
        self.writer = SummaryWriter(state.path.parent / "tensorboard") if fabric.is_global_zero else None

    def do(self, phase: Phase, evaluate: Callable[[], dict[str, float]], progress: Progress | None) -> None:
        number = PHASES.index(phase.name)
        if self.state.phase > number:
            return
        module, optimizer = self._set_up(phase)
        bar = (
            progress.add_task(phase.name, total=phase.steps, completed=self.state.step, figures="")
            if progress
            else None
        )
        while self.state.step < phase.steps and not self.stop.wanted:
            step = self.state.step
            generator = self._generator(number, step)
            for group in optimizer.param_groups:
                group["lr"] = learning_rate(phase, step)
            tokens = self.fabric.to_device(self.batches.draw(phase.batch, generator))
            parts = module(tokens, generator, step / phase.steps)
            optimizer.zero_grad(set_to_none=True)
            self.fabric.backward(parts["loss"])
            self.fabric.clip_gradients(module, optimizer, max_norm=5.0)
            optimizer.step()
            self.state.step += 1
            if self.writer and (step % 50 == 0 or self.state.step == phase.steps):
                self._show(phase, parts, bar, progress)
            if self.state.step % self.save_every == 0 and self.fabric.is_global_zero:
                self.state.save(optimizer)
                self._write(phase, "dev", evaluate())
        if self.stop.wanted:
            if self.fabric.is_global_zero:
                self.state.save(optimizer)
            raise KeyboardInterrupt
        self.state.phase, self.state.step = number + 1, 0
        if self.fabric.is_global_zero:
            self.state.save(None)
            self._write(phase, "dev", evaluate())

    def _generator(self, phase: int, step: int) -> torch.Generator:
        """A fresh one for each step, so that a resumed run draws what the unbroken one would have drawn."""
        place = np.random.SeedSequence((self.seed, phase, step, self.fabric.global_rank))
        return torch.Generator().manual_seed(int(place.generate_state(1)[0]))

    def _set_up(self, phase: Phase) -> tuple[nn.Module, torch.optim.Optimizer]:
        learned = [p for p in phase.objective.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(learned, phase.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.state.restore(optimizer)
        module, optimizer = self.fabric.setup(phase.objective, optimizer)
        return module, optimizer

    def _show(self, phase: Phase, parts: dict, bar: int | None, progress: Progress | None) -> None:
        figures = {name: value.item() for name, value in parts.items()}
        for name, value in figures.items():
            self.writer.add_scalar(f"{phase.name}/{name}", value, self.state.step)
        if progress:
            text = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.update(bar, completed=self.state.step, figures=text)

    def _write(self, phase: Phase, kind: str, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(f"{kind}/{name}", value, self.state.step)
        text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        CONSOLE.print(f"{phase.name} {self.state.step}: {text}", soft_wrap=True, highlight=False)


def read_data(fabric: Fabric, folder: Path, kept: Path, config: MelodyVAEConfig) -> np.ndarray:
    """The windows of a folder, kept in the run's folder so that a resumed run sees the same."""
    if fabric.is_global_zero and not kept.is_file():
        with progress_bar(transient=True) as progress:
            bar = progress.add_task(f"reading {folder}", total=None, figures="")
            data = load_windows(
                folder,
                config.lowest_pitch,
                config.pitches,
                lambda done, total: progress.update(bar, completed=done, total=total),
            )
        for path, reason in data.refused:
            CONSOLE.print(f"left out: {reason or path}", highlight=False)
        CONSOLE.print(f"{folder}: {len(data.windows)} windows from {data.files} files", highlight=False)
        beside = kept.with_suffix(".tmp.npy")
        np.save(beside, data.windows)
        beside.replace(kept)
    fabric.barrier()
    return np.load(kept, allow_pickle=False)


def reaches_bar_ends(windows: np.ndarray) -> np.ndarray:
    """Which windows (N, 32) have anything in the last quarter of a bar of 4/4, or all if none has; (N,) bool.

    The prior learns these only: random melodies are in 4/4, and bars of 3/4 or 6/8 have nothing there.
    """
    full = windows.reshape(len(windows), 2, 16)[:, :, 12:].any((1, 2))
    return full if full.any() else ~full


def progress_bar(transient: bool = False) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[figures]}", markup=False),
        console=CONSOLE,
        transient=transient,
    )


def main(
    data: Annotated[Path, typer.Argument(help="folder of MIDI files to train on")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    dev: Annotated[
        Path | None, typer.Option(help="folder of MIDI files for the figures; part of DATA if left out")
    ] = None,
    steps: Annotated[int, typer.Option(help="of the autoencoder")] = 11_000,
    critic_steps: Annotated[int, typer.Option(help="of the critic, trained first")] = 1_200,
    prior_steps: Annotated[int, typer.Option(help="of the prior, trained last")] = 4_000,
    batch: Annotated[int, typer.Option(help="windows in a step, in each process")] = 384,
    lr: Annotated[float, typer.Option(help="highest learning rate")] = 1.5e-3,
    latent: Annotated[
        str, typer.Option(help=f"kind of latent variable: {', '.join(LATENTS)}")
    ] = MelodyVAEConfig.latent,
    beta: Annotated[
        float | None, typer.Option(help="weight of the KL term, or of what the latent has instead; its own if left out")
    ] = None,
    free_nats: Annotated[float, typer.Option(help="free bits of each latent dimension")] = ObjectiveConfig.free_nats,
    latent_size: Annotated[int, typer.Option(help="latent dimensions")] = MelodyVAEConfig.latent_size,
    width: Annotated[int, typer.Option(help="of the hidden layers")] = MelodyVAEConfig.width,
    monte_carlo: Annotated[int, typer.Option(help="latents drawn for each melody")] = 1,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
    save_every: Annotated[int, typer.Option(help="steps between saved states and dev figures")] = 500,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    devices: Annotated[int, typer.Option(help="processes on this machine")] = 1,
    nodes: Annotated[int, typer.Option(help="machines")] = 1,
    precision: Annotated[str, typer.Option(help="as Fabric names it: 32-true, bf16-mixed, ...")] = "32-true",
    threads: Annotated[int, typer.Option(help="CPU threads of each process; 0: as torch likes")] = 0,
) -> None:
    """Train a MelodyVAE on a folder of MIDI files, or go on with a run that was stopped."""
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    strategy = "ddp" if devices * nodes > 1 else "auto"
    fabric = Fabric(accelerator=device, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
    fabric.launch()
    torch.manual_seed(seed)
    try:
        config = MelodyVAEConfig(latent_size=latent_size, width=width, latent=latent)
        if config.latent in ("vq", "nsvq") and devices * nodes > 1:  # each process would revive other codes
            raise InputError(f"--latent {latent}: expected one process, found {devices * nodes}; leave --devices at 1")
        out.mkdir(parents=True, exist_ok=True)
        windows = read_data(fabric, data, out / "train.npy", config)
        dev_windows = read_data(fabric, dev, out / "dev.npy", config) if dev else windows[:: len(windows) // 2000 + 1]
        model = MelodyVAE(config)
        state = State(out / "state.safetensors", model)
        if state.path.is_file():
            state.load()
    except (ValueError, OSError) as error:  # an InputError, a size that cannot be, a folder that cannot be made
        CONSOLE.print(str(error), highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    beta = LATENTS[latent].weight if beta is None else beta
    weights = ObjectiveConfig(beta=beta, free_nats=free_nats, monte_carlo=monte_carlo)
    figures = DevFigures(windows, dev_windows)
    batches, full_batches = (
        Batches(some, config.lowest_pitch, config.pitches) for some in (windows, windows[reaches_bar_ends(windows)])
    )
    run = Run(fabric, state, batches, seed, save_every)
    try:
        with progress_bar() as progress:
            bar = progress if fabric.is_global_zero else None
            run.do(
                Phase("critic", CriticObjective(model.critic, config.lowest_pitch), critic_steps, batch, 2 * lr),
                dict,
                bar,
            )
            run.do(
                Phase("model", MelodyObjective(model, weights), steps, batch, lr),
                lambda: figures(model),
                bar,
            )
            run.batches = full_batches
            run.do(Phase("prior", PriorObjective(model), prior_steps, batch // 3, 2 * lr), lambda: figures(model), bar)
    except KeyboardInterrupt:
        CONSOLE.print(f"stopped; the same command goes on from {state.path}", highlight=False)
        raise typer.Exit(130) from None
    if fabric.is_global_zero:
        some = windows[np.linspace(0, len(windows) - 1, min(20_000, len(windows))).astype(int)]
        model.attribute_directions.copy_(fit_directions(model, some))
        model.save_pretrained(out / "model", half=True)


if __name__ == "__main__":
    typer.run(main)
