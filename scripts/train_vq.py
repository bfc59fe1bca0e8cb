"""Train the speech codec on a folder of audio.

    scripts/run python scripts/train_vq.py AUDIO_FOLDER --dev DEV_FOLDER --out runs/speech

Files of any format that libsndfile reads, at any rate. Pitch and periodicity are labelled once, on all cores, and kept
in OUT/data. AUDIO_FOLDER and DEV_FOLDER may each be a corpus of `audiovq corpus label` instead, here or in object
storage, which is read shard by shard as it is needed.

The training has three stretches: first nothing is quantized, then the codebooks come in, at last the discriminators.
The state is written to OUT/state.safetensors every --save-every steps and when the run is interrupted; the same command
goes on from there and ends at the same weights, on the CPU bit for bit. OUT/model is the model as of the last save;
OUT/tensorboard has curves, sound and pictures.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, cast

import torch
import typer
from torch import Tensor

from audiovq.model.config import VQVAEConfig
from audiovq.model.quantizers import KINDS, ResidualQuantizer
from audiovq.model.vqvae import VQVAE
from audiovq.training.augmentation import Augmentation, AugmentationConfig
from audiovq.training.averages import follow
from audiovq.training.dataset import SpeechSource
from audiovq.training.discriminators import Discriminators
from audiovq.training.objective import CodecObjective, CodecObjectiveConfig, DiscriminatorObjective
from audiovq.training.speech_source import open_speech
from audiovq.training.warm_start import grown
from latentmix.beginning import own_sizes, size_option, told_apart
from latentmix.cli import grouped, run_script
from latentmix.errors import InputError
from latentmix.run_state import RunState
from latentmix.shares import Accumulate, Shares
from latentmix.training import LearningRate, Out, RunOptions, SaveEvery, TrainingRun, in_one_line, warm_up_cosine

WARM_UP = 200  # steps
START_BATCHES = 16  # whose latents start the codebooks
SHOWN = 3  # pieces of dev speech in TensorBoard, of 4 s
JUDGES_LR, JUDGES_FLOOR = 1e-3, 0.3  # highest learning rate of the discriminators, and what is left of it at the end
MIN_FRAMES = 11  # code frames of a piece: less the delay, they fill the longest patches of the discriminators


@dataclass(frozen=True)
class Schedule:
    """When what happens, and how fast.

    Attributes:
        steps: in all.
        quantize_from, judge_from: first step with codebooks, and with discriminators.
        settle_from: first step in which encoder and codebooks learn no more.
        batch: pieces in a step, in each process.
        frames: code frames of a piece.
        lr: highest learning rate of the model.
        average: how much of an average of the weights a step keeps; 0: none is made.
    """

    steps: int
    quantize_from: int
    judge_from: int
    settle_from: int
    batch: int
    frames: int
    lr: float
    average: float = 0.0

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
        return self.lr * warm_up_cosine(step - start, self.steps - start, WARM_UP, floor=0.01)


@dataclass(frozen=True)
class Sizes:
    """Options: what a new model is like."""

    quantizer: Annotated[str | None, size_option(", ".join(KINDS), VQVAEConfig.quantizer)] = None
    latent_size: Annotated[int | None, size_option("latent dimensions", VQVAEConfig.latent_size)] = None
    encoder_width: Annotated[int | None, size_option("of its hidden layers", VQVAEConfig.encoder_width)] = None
    decoder_width: Annotated[int | None, size_option("of its hidden layers", VQVAEConfig.decoder_width)] = None


@dataclass(frozen=True)
class Variety:
    """Options: what a run begins with, and what it hears besides recordings as they are."""

    start_from: Annotated[
        str | None, typer.Option(help="bundled name or folder of weights to begin with; its sizes count")
    ] = None
    pitch_bins: Annotated[int, typer.Option(help="128 reach 400 Hz, 175 807 Hz")] = 175
    pitched: Annotated[float, typer.Option(help="share of the pieces whose voice is made higher")] = 0.0
    vowels: Annotated[float, typer.Option(help="share of sung vowels instead of pieces")] = 0.0
    noisy: Annotated[float, typer.Option(help="share of the pieces that noise is added to")] = 0.0
    average: Annotated[float, typer.Option(help="of the weights, what a step keeps of it; 0: none")] = 0.0

    again: Annotated[
        float, typer.Option(help="weight of decoded speech being coded as it was; 0: it is not coded again")
    ] = 0.0
    hold_codebooks: Annotated[
        bool, typer.Option(help="codebooks of --start-from stay, encoder and decoder learn: its files stay readable")
    ] = False
    decoded_from: Annotated[
        list[int] | None,
        typer.Option(help="a number of codebooks that pieces are decoded from, as often as it is given"),
    ] = None

    def augmentation(self) -> AugmentationConfig:
        return AugmentationConfig(self.pitched, self.vowels, self.noisy)

    def begins_with(self) -> str:
        """In words, by which a run knows it again."""
        base = None if self.start_from is None else VQVAE.from_pretrained(self.start_from)
        return told_apart(base, self.start_from)

    def networks(self, config: VQVAEConfig, keeps_codes: bool) -> dict[str, torch.nn.Module]:
        """Those of a run, by the names of its state; `keeps_codes`: codebooks stay."""
        model = VQVAE(config) if self.start_from is None else grown(self.start_from, config.pitch_bins, keeps_codes)
        model.quantizer.draw_only(self.decoded_from or ())
        if self.hold_codebooks:
            if not model.config.codes_of:
                raise InputError(
                    f"--pitch-bins {config.pitch_bins}: expected as many as {self.start_from} has, found more; "
                    "with --hold-codebooks its files are to stay readable"
                )
            model.quantizer.hold()
        made: dict[str, torch.nn.Module] = {"model": model}
        made["discriminators"] = Discriminators()
        if self.average:
            made["average"] = copy.deepcopy(model).requires_grad_(False)
        return made


class SpeechRun:
    """A step of a run, and what it shows."""

    def __init__(
        self,
        run: TrainingRun,
        shares: Shares,
        batches: SpeechSource,
        dev: SpeechSource,
        schedule: Schedule,
        variety: Variety,
        seed: int,
    ) -> None:
        self.fabric, self.run, self.batches, self.dev = shares.fabric, run, batches, dev
        self.shares, self.schedule, self.seed = shares, schedule, seed
        self.augment = Augmentation(variety.augmentation(), batches.config)
        self.networks = run.state.networks
        self.model = cast(VQVAE, self.networks["model"])
        self.is_warm = all(level.started for level in cast(ResidualQuantizer, self.model.quantizer).levels)
        self.model.quantizer.learn_after(shares.accumulate)
        self.discriminators = cast(Discriminators, self.networks["discriminators"])
        self.average = cast(VQVAE, self.networks["average"]) if schedule.average else None
        self.objective = CodecObjectiveConfig(again=variety.again)
        objectives = {
            "model": CodecObjective(self.model, self.discriminators, self.objective),
            "discriminators": DiscriminatorObjective(self.discriminators),
        }
        self.modules, self.optimizers = {}, {}
        for name, objective in objectives.items():
            learned = [p for p in objective.parameters() if p.requires_grad]
            optimizer = torch.optim.AdamW(learned, schedule.lr, betas=(0.8, 0.99), weight_decay=0.01)
            run.state.restore(name, optimizer)
            self.modules[name], self.optimizers[name] = self.fabric.setup(objective, optimizer)

    def train(self) -> None:
        self.run.train("codec", self.schedule.steps, self.optimizers, self._advance, self._keep)

    def _advance(self, step: int) -> dict[str, Tensor]:
        schedule, numbers = self.schedule, (self.seed, step)
        if step == schedule.quantize_from and not self.is_warm:
            self._start_codebooks()
        judged, settled = step >= schedule.judge_from, step >= schedule.settle_from
        heard: list[tuple[Tensor, Tensor]] = []  # of each share

        def made_of(generator: torch.Generator, share: int) -> dict[str, Tensor]:
            batch = self.augment(self.batches.draw(schedule.batch, schedule.frames, generator, share), generator)
            batch = batch.to(self.fabric.device)
            parts = self.modules["model"](batch, generator, step >= schedule.quantize_from, judged, settled)
            heard.append((parts.pop("made").detach(), parts.pop("real")))
            return parts

        parts = self._descend("model", numbers, made_of, schedule.learning_rate(step))
        if self.average is not None:
            follow(self.average, self.model, min(schedule.average, 1.0 - 1.0 / (step + 1)))
        if judged:

            def judged_of(generator: torch.Generator, share: int) -> dict[str, Tensor]:
                return self.modules["discriminators"](*heard[share % self.shares.accumulate])

            since, last = step - schedule.judge_from, schedule.steps - schedule.judge_from
            rate = JUDGES_LR * warm_up_cosine(since, last, WARM_UP, floor=JUDGES_FLOOR)
            parts["discriminators"] = self._descend("discriminators", numbers, judged_of, rate)["loss"]
        return parts

    def _descend(
        self, name: str, numbers: tuple[int, int], make: Callable[[torch.Generator, int], dict[str, Tensor]], lr: float
    ) -> dict[str, Tensor]:
        optimizer = self.optimizers[name]
        for group in optimizer.param_groups:
            group["lr"] = lr
        optimizer.zero_grad(set_to_none=True)
        parts = self.shares.backward(self.modules[name], numbers, make)
        self.fabric.clip_gradients(self.modules[name], optimizer, max_norm=5.0)
        optimizer.step()
        return parts

    @torch.no_grad()
    def _start_codebooks(self) -> None:
        generator = torch.Generator().manual_seed(self.seed)
        found = []
        for number in range(START_BATCHES):
            batch = self.batches.draw(self.schedule.batch, self.schedule.frames, generator, number)
            batch = batch.to(self.fabric.device)
            found.append(self.model.latents(batch.samples, self.model.initial_encoder_state(len(batch.samples)))[0])
        self.model.quantizer.initialise(torch.cat(found).transpose(1, 2), generator)

    def _keep(self, parts: Mapping[str, Tensor]) -> dict[str, float]:
        """Write the model, or the average where there is one; dev figures, and dev speech to hear and to look at."""
        self.model.eval()
        model = self.average or self.model
        model.eval().save_pretrained(self.run.state.path.parent / "model", half=True)
        step = self.run.state.steps["codec"]
        quantize = step > self.schedule.quantize_from
        batch = self.dev.draw(32, self.schedule.frames, torch.Generator().manual_seed(0)).to(self.fabric.device)
        with torch.no_grad():
            objective = CodecObjective(model, self.discriminators, self.objective)
            found = objective(batch, torch.Generator().manual_seed(0), quantize, False)
        self._show_speech(model, quantize, step)
        self.model.train()
        return {name: value.item() for name, value in found.items() if value.ndim == 0}

    @torch.no_grad()
    def _show_speech(self, model: VQVAE, quantize: bool, step: int) -> None:
        rate = model.config.sample_rate
        pieces = self.dev.draw(SHOWN, 4 * rate // model.config.hop, torch.Generator().manual_seed(1))
        x = pieces.samples.to(self.fabric.device)
        z, _ = model.latents(x, model.initial_encoder_state(len(x)))
        if quantize:
            z = model.quantizer.decode(model.quantizer.encode(z.transpose(1, 2))).transpose(1, 2)
        said, _ = model.speech(z, model.decoder.start(len(x)))
        made, _ = model.voice(said, model.best_pitch(said.pitch), model.initial_voice_state(len(x)))
        for kind, waves in (("real", x), ("made", made)):
            for i, wave in enumerate(waves.cpu()):
                self.run.writer.add_audio(f"{kind}/{i}", wave.clamp(-1.0, 1.0), step, rate)
            picture = model.stft.analyse(waves, model.stft.past(len(waves)))[0].abs().clamp(min=1e-4).log()
            picture = ((picture + 9.2) / 12.0).clamp(0.0, 1.0).transpose(1, 2).flip(1).flatten(0, 1)
            self.run.writer.add_image(f"{kind}/spectrograms", picture[None].cpu(), step)


@grouped
def main(
    data: Annotated[str, typer.Argument(help="folder of audio to train on, or a corpus of labelled speech")],
    out: Out,
    dev: Annotated[str | None, typer.Option(help="folder of audio, or a corpus, for figures; DATA if left out")] = None,
    steps: Annotated[int, typer.Option(help="in all")] = 6_000,
    quantize_from: Annotated[float, typer.Option(help="share of the steps before codebooks come in")] = 0.08,
    judge_from: Annotated[float, typer.Option(help="share before the discriminators come in; 1: never")] = 1.0,
    settle_from: Annotated[
        float,
        typer.Option(
            help="share before codes stay and only the decoder learns; 1: never; 0: files of --start-from stay "
            "readable, where it has as many --pitch-bins"
        ),
    ] = 1.0,
    batch: Annotated[int, typer.Option(help="pieces in a step, in each process")] = 16,
    frames: Annotated[int, typer.Option(help="code frames of a piece")] = 64,
    lr: LearningRate = 1e-3,
    save_every: SaveEvery = 250,
    accumulate: Accumulate = 1,
    *,
    sizes: Sizes,
    variety: Variety,
    running: RunOptions,
) -> None:
    """Train a codec on a folder of audio, or go on with a run that was stopped."""
    with in_one_line("train_vq", ValueError):  # a size that cannot be
        quantize, judge, settle = (round(share * steps) for share in (quantize_from, judge_from, settle_from))
        schedule = Schedule(steps, quantize, judge, settle, batch, frames, lr, variety.average)
        asked = own_sizes("--start-from", variety.start_from, **vars(sizes))
        config = VQVAEConfig(**asked, pitch_bins=variety.pitch_bins)
        variety.augmentation()  # refuses shares that cannot be before anything is read, as what comes next does
        if variety.hold_codebooks and variety.start_from is None:
            raise InputError("--hold-codebooks: expected --start-from, whose codebooks they are")
        fabric = running.launch("ddp_find_unused_parameters_true")
        networks = variety.networks(config, settle == 0 or variety.hold_codebooks)
        batches = open_speech(fabric, data, out / "data", config, running.seed)
        dev_batches = open_speech(fabric, dev, out / "dev", config, running.seed) if dev else batches
        state = RunState.in_folder(out, networks, ("codec",), variety.begins_with())
    with in_one_line("train_vq", state=state.path):
        run = TrainingRun(state, save_every, fabric, show_every=20)
        shares = Shares(fabric, accumulate)
        SpeechRun(run, shares, batches, dev_batches, schedule, variety, running.seed).train()


if __name__ == "__main__":
    run_script(main)
