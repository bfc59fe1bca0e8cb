"""Train the speech codec on a folder of audio.

    scripts/run python scripts/train_vq.py AUDIO_FOLDER --dev DEV_FOLDER --out runs/speech

Files of any format that libsndfile reads, at any rate. Pitch and periodicity are labelled once, on all cores, and kept
in OUT/data. The training has three stretches: first nothing is quantized, then the codebooks come in, at last the
discriminators. The state is written to OUT/state.safetensors every --save-every steps and when the run is interrupted;
the same command goes on from there and ends at the same weights, on the CPU bit for bit. OUT/model is the model as of
the last save; OUT/tensorboard has curves, sound and pictures.
"""

from __future__ import annotations

import math
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from lightning_fabric import Fabric
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from audiovq.model.config import VQVAEConfig
from audiovq.model.vqvae import VQVAE
from audiovq.training.dataset import SpeechBatches, prepare
from audiovq.training.discriminators import Discriminators
from audiovq.training.losses import SpectralLoss
from audiovq.training.objective import CodecObjective, CodecObjectiveConfig, DiscriminatorObjective
from latentmix.errors import InputError

CONSOLE = Console()
WARM_UP = 200  # steps
START_BATCHES = 16  # whose latents start the codebooks
SHOWN = 3  # pieces of dev speech in TensorBoard, of 4 s
JUDGES_RATE = 0.5  # learning rate of the discriminators, of the model's
MIN_FRAMES = 5  # code frames of a piece: less the delay, they fill the longest window of the losses


@dataclass(frozen=True)
class Plan:
    """When what happens, and how fast.

    Attributes:
        steps: in all.
        quantize_from, judge_from: first step with codebooks, and with discriminators.
        settle_from: first step in which encoder and codebooks learn no more.
        batch: pieces in a step, in each process.
        frames: code frames of a piece.
        lr: highest learning rate of the model.
    """

    steps: int
    quantize_from: int
    judge_from: int
    settle_from: int
    batch: int
    frames: int
    lr: float

    def __post_init__(self) -> None:
        if self.frames < MIN_FRAMES:
            raise InputError(f"--frames {self.frames}: expected at least {MIN_FRAMES}")
        if min(self.steps, self.batch) < 1:
            raise InputError(f"--steps {self.steps}, --batch {self.batch}: expected at least 1 of each")
        if self.settle_from < self.quantize_from:  # codebooks that are not there yet cannot stay as they are
            raise InputError(
                f"--settle-from: expected a share not below --quantize-from, found step {self.settle_from} "
                f"before step {self.quantize_from}"
            )

    def learning_rate(self, step: int, start: int = 0) -> float:
        """Linear warm-up, then half a cosine down to a hundredth at the end."""
        share = (step - start) / max(1, self.steps - start)
        return self.lr * min(1.0, (step - start + 1) / WARM_UP) * (0.505 + 0.495 * math.cos(math.pi * share))


class State:
    """Where a run stands, in one safetensors file: both networks, both optimizers, the step."""

    def __init__(self, path: Path, networks: dict[str, nn.Module]) -> None:
        self.path, self.networks, self.step = path, networks, 0
        self.slots: dict[str, dict[str, Tensor]] = {name: {} for name in networks}

    def load(self) -> None:
        """Take the networks' weights, and keep the optimizers' for `restore`.

        Raises:
            InputError: a damaged file, or the state of another run.
        """
        try:
            with safe_open(self.path, "pt") as file:
                self.step = int((file.metadata() or {})["step"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(
                f"{self.path}: expected the state of a run, found {error!r}; remove it to start anew"
            ) from None
        for name, network in self.networks.items():
            try:
                network.load_state_dict(_under(name, tensors))
            except RuntimeError:
                raise InputError(
                    f"{self.path}: expected the state of a run with these sizes, found another's; "
                    "give the options it was started with, or another --out"
                ) from None
            self.slots[name] = _under(f"optimizer.{name}", tensors)

    def save(self, optimizers: dict[str, torch.optim.Optimizer]) -> None:
        tensors = {f"{p}.{k}": v for p, network in self.networks.items() for k, v in network.state_dict().items()}
        for name, optimizer in optimizers.items():
            for index, slots in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{name}.{index}.{slot}": value for slot, value in slots.items()}
        beside = self.path.with_suffix(".tmp")
        save_file({k: v.contiguous() for k, v in tensors.items()}, beside, {"step": str(self.step)})
        beside.replace(self.path)

    def restore(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        slots: dict[int, dict[str, Tensor]] = {}
        for key, value in self.slots[name].items():
            index, slot = key.split(".", 1)
            slots.setdefault(int(index), {})[slot] = value
        if slots:
            optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(prefix + ".")}


class Run:
    """The loop, and what it shows."""

    def __init__(self, fabric: Fabric, state: State, batches: SpeechBatches, dev: SpeechBatches, plan: Plan, seed: int):
        self.fabric, self.state, self.batches, self.dev, self.plan, self.seed = fabric, state, batches, dev, plan, seed
        self.wanted_stop = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)
        self.writer = SummaryWriter(state.path.parent / "tensorboard") if fabric.is_global_zero else None
        self.model: VQVAE = state.networks["model"]
        objectives = {
            "model": CodecObjective(self.model, state.networks["discriminators"], CodecObjectiveConfig()),
            "discriminators": DiscriminatorObjective(state.networks["discriminators"]),
        }
        self.modules, self.optimizers = {}, {}
        for name, objective in objectives.items():
            learned = [p for p in objective.parameters() if p.requires_grad]
            optimizer = torch.optim.AdamW(learned, plan.lr, betas=(0.8, 0.99), weight_decay=0.01)
            state.restore(name, optimizer)
            self.modules[name], self.optimizers[name] = fabric.setup(objective, optimizer)

    def _note(self, *_: object) -> None:
        self.wanted_stop = True

    def train(self, save_every: int, progress: Progress | None) -> None:
        bar = progress.add_task("speech", total=self.plan.steps, figures="") if progress else None
        while self.state.step < self.plan.steps and not self._all_stop():
            parts = self._step(self.state.step)
            self.state.step += 1
            done = self.state.step == self.plan.steps
            if self.writer and (self.state.step % 20 == 0 or done):
                self._show(parts, bar, progress)
            if self.fabric.is_global_zero and (self.state.step % save_every == 0 or done):
                self._keep()
        if self.state.step < self.plan.steps:
            if self.fabric.is_global_zero:
                self.state.save(self.optimizers)
            raise KeyboardInterrupt

    def _all_stop(self) -> bool:
        """Whether any process was told to stop: all stop at the same step, or those left would wait for ever."""
        if self.fabric.world_size == 1:
            return self.wanted_stop
        told = torch.tensor(float(self.wanted_stop), device=self.fabric.device)
        return bool(self.fabric.all_reduce(told, reduce_op="sum") > 0)

    def _step(self, step: int) -> dict[str, Tensor]:
        plan, generator = self.plan, self._generator(step)
        if step == plan.quantize_from:
            self._start_codebooks()
        batch = self.batches.draw(plan.batch, plan.frames, generator).to(self.fabric.device)
        judged = step >= plan.judge_from
        settled = step >= plan.settle_from
        parts = self.modules["model"](batch, generator, step >= plan.quantize_from, judged, settled)
        self._descend("model", parts["loss"], plan.learning_rate(step))
        made, real = parts.pop("made"), parts.pop("real")
        if judged:
            judgement = self.modules["discriminators"](made.detach(), real)
            self._descend("discriminators", judgement["loss"], JUDGES_RATE * plan.learning_rate(step, plan.judge_from))
            parts["discriminators"] = judgement["loss"]
        return parts

    def _descend(self, name: str, loss: Tensor, lr: float) -> None:
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.zero_grad(set_to_none=True)
        self.fabric.backward(loss)
        self.fabric.clip_gradients(self.modules[name], optimizer, max_norm=5.0)
        optimizer.step()

    def _generator(self, step: int) -> torch.Generator:
        """A fresh one for each step, so that a resumed run draws what the unbroken one would have drawn."""
        place = np.random.SeedSequence((self.seed, step, self.fabric.global_rank))
        return torch.Generator().manual_seed(int(place.generate_state(1)[0]))

    @torch.no_grad()
    def _start_codebooks(self) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        found = []
        for _ in range(START_BATCHES):
            batch = self.batches.draw(self.plan.batch, self.plan.frames, generator).to(self.fabric.device)
            found.append(self.model.latents(batch.samples, self.model.initial_encoder_state(len(batch.samples)))[0])
        self.model.quantizer.initialise(torch.cat(found).transpose(1, 2), generator)

    def _show(self, parts: dict[str, Tensor], bar: int | None, progress: Progress | None) -> None:
        figures = {name: value.item() for name, value in parts.items()}
        for name, value in figures.items():
            self.writer.add_scalar(f"train/{name}", value, self.state.step)
        if progress:
            text = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
            progress.update(bar, completed=self.state.step, figures=text)

    def _keep(self) -> None:
        """State, model, dev figures, and dev speech to hear and to look at."""
        self.state.save(self.optimizers)
        self.model.eval()
        self.model.save_pretrained(self.state.path.parent / "model", half=True)
        quantize = self.state.step > self.plan.quantize_from
        batch = self.dev.draw(32, self.plan.frames, torch.Generator().manual_seed(0)).to(self.fabric.device)
        with torch.no_grad():
            objective = CodecObjective(self.model, self.state.networks["discriminators"], CodecObjectiveConfig())
            parts = objective(batch, torch.Generator().manual_seed(0), quantize, False)
        figures = {name: value.item() for name, value in parts.items() if value.ndim == 0}
        for name, value in figures.items():
            self.writer.add_scalar(f"dev/{name}", value, self.state.step)
        text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        CONSOLE.print(f"{self.state.step}: {text}", soft_wrap=True, highlight=False)
        self._show_speech(quantize)
        self.model.train()

    @torch.no_grad()
    def _show_speech(self, quantize: bool) -> None:
        model, rate = self.model, self.model.config.sample_rate
        pieces = self.dev.draw(SHOWN, 4 * rate // model.config.hop, torch.Generator().manual_seed(1))
        x = pieces.samples.to(self.fabric.device)
        z, _ = model.latents(x, model.initial_encoder_state(len(x)))
        if quantize:
            z = model.quantizer.decode(model.quantizer.encode(z.transpose(1, 2))).transpose(1, 2)
        said, _ = model.speech(z, model.decoder.start(len(x)))
        made, _ = model.voice(said, model.best_pitch(said.pitch), model.initial_voice_state(len(x)))
        for kind, waves in (("real", x), ("made", made)):
            for i, wave in enumerate(waves.cpu()):
                self.writer.add_audio(f"{kind}/{i}", wave, self.state.step, rate)
            picture = model.stft.analyse(waves, model.stft.past(len(waves)))[0].abs().clamp(min=1e-4).log()
            picture = ((picture + 9.2) / 12.0).clamp(0.0, 1.0).transpose(1, 2).flip(1).flatten(0, 1)
            self.writer.add_image(f"{kind}/spectrograms", picture[None].cpu(), self.state.step)


def read_data(fabric: Fabric, folder: Path, kept: Path, config: VQVAEConfig) -> SpeechBatches:
    """The labelled speech of a folder, kept in the run's folder so that a resumed run sees the same."""
    if fabric.is_global_zero and not SpeechBatches.is_complete(kept):
        kept.mkdir(parents=True, exist_ok=True)
        with progress_bar(transient=True) as progress:
            bar = progress.add_task(f"labelling {folder}", total=None, figures="")
            data = prepare(folder, kept, config, lambda done, total: progress.update(bar, completed=done, total=total))
        for reason in data.refused:
            CONSOLE.print(f"left out: {reason}", highlight=False, soft_wrap=True, markup=False)
        CONSOLE.print(f"{folder}: {data.hours:.2f} hours from {data.files} files", highlight=False)
    fabric.barrier()
    return SpeechBatches(kept, config)


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
    data: Annotated[Path, typer.Argument(help="folder of audio to train on")],
    out: Annotated[Path, typer.Option(help="folder of the run")],
    dev: Annotated[Path | None, typer.Option(help="folder of audio for the figures; DATA if left out")] = None,
    steps: Annotated[int, typer.Option(help="in all")] = 6_000,
    quantize_from: Annotated[float, typer.Option(help="share of the steps before codebooks come in")] = 0.08,
    judge_from: Annotated[float, typer.Option(help="share before the discriminators come in; 1: never")] = 1.0,
    settle_from: Annotated[
        float, typer.Option(help="share before the codes stay as they are and only the decoder learns; 1: never")
    ] = 1.0,
    batch: Annotated[int, typer.Option(help="pieces in a step, in each process")] = 16,
    frames: Annotated[int, typer.Option(help="code frames of a piece")] = 64,
    lr: Annotated[float, typer.Option(help="highest learning rate")] = 1e-3,
    quantizer: Annotated[str, typer.Option(help="ema, straight_through or nsvq")] = VQVAEConfig.quantizer,
    latent_size: Annotated[int, typer.Option(help="latent dimensions")] = VQVAEConfig.latent_size,
    encoder_width: Annotated[int, typer.Option(help="of its hidden layers")] = VQVAEConfig.encoder_width,
    decoder_width: Annotated[int, typer.Option(help="of its hidden layers")] = VQVAEConfig.decoder_width,
    seed: Annotated[int, typer.Option(help="of everything random")] = 0,
    save_every: Annotated[int, typer.Option(help="steps between saved states and dev figures")] = 250,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    devices: Annotated[int, typer.Option(help="processes on this machine")] = 1,
    nodes: Annotated[int, typer.Option(help="machines")] = 1,
    precision: Annotated[str, typer.Option(help="as Fabric names it: 32-true, bf16-mixed, ...")] = "32-true",
    threads: Annotated[int, typer.Option(help="CPU threads of each process; 0: as torch likes")] = 0,
) -> None:
    """Train a codec on a folder of audio, or go on with a run that was stopped."""
    if threads:
        torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    strategy = "ddp_find_unused_parameters_true" if devices * nodes > 1 else "auto"
    try:
        starts = (round(share * steps) for share in (quantize_from, judge_from, settle_from))
        plan = Plan(steps, *starts, batch, frames, lr)
        config = VQVAEConfig(
            quantizer=quantizer, latent_size=latent_size, encoder_width=encoder_width, decoder_width=decoder_width
        )
        fabric = Fabric(accelerator=device, devices=devices, num_nodes=nodes, strategy=strategy, precision=precision)
        fabric.launch()
        torch.manual_seed(seed)
        batches = read_data(fabric, data, out / "data", config)
        dev_batches = read_data(fabric, dev, out / "dev", config) if dev else batches
        networks = {"model": VQVAE(config), "discriminators": Discriminators(SpectralLoss(config.sample_rate))}
        state = State(out / "state.safetensors", networks)
        if state.path.is_file():
            state.load()
    except (ValueError, OSError) as error:  # an InputError, a size that cannot be, a folder that cannot be made
        CONSOLE.print(str(error), highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    run = Run(fabric, state, batches, dev_batches, plan, seed)
    try:
        with progress_bar() as progress:
            run.train(save_every, progress if fabric.is_global_zero else None)
    except KeyboardInterrupt:
        CONSOLE.print(f"stopped; the same command goes on from {state.path}", highlight=False)
        raise typer.Exit(130) from None


if __name__ == "__main__":
    typer.run(main)
