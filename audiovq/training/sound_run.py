"""A run that trains a model of sounds: its plan, its steps, and every few minutes what has become of it so far.

The folder of a run holds `data/` (recordings and their analysis), `plan.json` and `state.safetensors` (where it
stands), `model.safetensors` and `config.json` (the model as of now), and for people `quality.csv`, `quality.png`,
`example.wav` and `example.png`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentmix.beginning import told_apart
from latentmix.errors import InputError
from latentmix.files import make_folder, read_bounded, replace_file
from latentmix.read_once import Found, Tell, read_once
from latentmix.run_state import RunState
from latentmix.shares import Shares, seeded
from latentmix.training import TrainingRun, warm_up_cosine

from ..audio_io.writer import open_sink
from ..dsp.spectral_distance import spectral_distance
from ..sound.config import SoundConfig
from ..sound.model import Sound, SoundModel
from .sound_dataset import ASIDE, SoundBatches, SoundSource, prepare
from .sound_objective import SoundObjective, heard
from .sound_picture import draw_example, draw_quality
from .sound_quality import Look, outlook, read_quality, write_quality

PHASE = "sound"
WARM_UP = 50  # steps
START_BATCHES = 8  # whose latents start the codebooks
JUDGED, SHOWN = 16, 4  # pieces that are kept aside, and how many of them are heard and seen
JUDGED_FRAMES = 150
TRIED = 6  # steps that are timed to make a plan of minutes
PLAN_BYTES = 1 << 16


@dataclass(frozen=True)
class Schedule:
    """What a run is to do; kept, so that the same command goes on with the same.

    Attributes:
        steps: in all.
        quantize_from: first step with codebooks.
        batch: pieces in a step, in each process.
        frames: of a piece.
        lr: highest learning rate.
        seed: of everything random.
    """

    steps: int
    quantize_from: int
    batch: int = 8
    frames: int = 100
    lr: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch) < 1 or self.frames < 20:
            raise InputError(f"expected at least a step, a piece and 20 frames, found {self}")


def read_recordings(
    source: Path, kept: Path, config: SoundConfig, fabric: Any = None, to_learn: bool = True
) -> SoundBatches:
    """What lies in `kept`, or the recordings of a folder, which are analysed and put there; tells what it does.

    Args:
        to_learn: whether it is to be trained on; else all of it is kept aside.

    Raises:
        InputError: the folder gives too little audio, or too much.
    """

    def read(tell: Tell) -> Found:
        make_folder(kept)
        found = prepare(source, kept, config, tell)
        return Found(f"{found.seconds / 60:.1f} minutes from {found.files} files", found.refused)

    read_once(fabric, source, kept, lambda: SoundBatches.is_complete(kept), read)
    return SoundBatches(kept, config, ASIDE if to_learn else 1)


class SoundRun:
    """Training of a model on recordings that are prepared.

    Args:
        folder: of the run.
        model: to be trained; its weights are what it begins with.
        batches: what to train on.
        fabric: as of `TrainingRun`.
        tell: is given a line to show now and then.
        judged: pieces, of those that are kept aside, by which it is told how good the model is.
        accumulate: batches of a step that each process works through.
        judge: whose pieces that are kept aside it is judged by; None: those of `batches`.
    """

    def __init__(
        self,
        folder: Path,
        model: SoundModel,
        batches: SoundSource,
        fabric: Any = None,
        tell: Callable[[str], None] = lambda line: None,
        judged: int = JUDGED,
        accumulate: int = 1,
        judge: SoundSource | None = None,
    ) -> None:
        self.folder, self.batches, self.tell, self.fabric = folder, batches, tell, fabric
        base = told_apart(None if model.folder is None else model, model.folder)
        self.state = RunState.in_folder(folder, {"model": model}, (PHASE,), base)
        self.model, self.shares = model, Shares(fabric, accumulate)
        model.quantizer.learn_after(accumulate)
        self.judged = judged
        self.judge = judge or batches
        self.quality = read_quality(folder / "quality.csv")
        last = self.quality[-1] if self.quality else None
        self.before = (last.minutes, last.processor) if last else (0.0, 0.0)  # of training until this command
        self.begun = time.monotonic(), time.process_time()

    def plan(self, wanted: Schedule | None, minutes: float | None, **sizes: Any) -> Schedule:
        """The plan that is kept in the folder, or a new one: `wanted`, or what takes so many minutes here.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / "plan.json"
        if path.is_file() and wanted is None:
            try:
                return Schedule(**json.loads(read_bounded(path, PLAN_BYTES)))
            except (ValueError, TypeError) as error:
                raise InputError(f"{path}: expected the plan of a run, found {error}; remove it to make one") from None
        if wanted is None:
            seconds = self._seconds_a_step(Schedule(1, 0, **sizes))
            steps = max(20, round(60.0 * (minutes or 60.0) / seconds))
            wanted = Schedule(steps, steps // 4, **sizes)
        replace_file(path, json.dumps(dataclasses.asdict(wanted), indent=2).encode() + b"\n")
        return wanted

    def _seconds_a_step(self, plan: Schedule) -> float:
        """Of a step like those of a plan, without learning anything from it."""
        objective = SoundObjective(self.model)
        begun = 0.0
        for number in range(TRIED):
            if number == 1:  # the one before has warmed up
                begun = time.monotonic()
            batch = self.batches.draw(plan.batch, plan.frames, seeded(plan.seed, number), number)
            objective(batch, seeded(plan.seed, number), False)["loss"].backward()
        self.model.zero_grad(set_to_none=True)
        return (time.monotonic() - begun) / (TRIED - 1)

    def train(self, plan: Schedule, save_every: int) -> bool:
        """Go on to the end of the plan.

        Returns:
            Whether there was anything to do.

        Raises:
            KeyboardInterrupt: the run was told to stop; its state is saved.
        """
        objective: Any = SoundObjective(self.model)
        optimizer: Any = torch.optim.AdamW(objective.parameters(), plan.lr, betas=(0.9, 0.99), weight_decay=0.01)
        self.state.restore(PHASE, optimizer)
        if self.fabric:
            objective, optimizer = self.fabric.setup(objective, optimizer)

        def advance(step: int) -> Mapping[str, Tensor]:
            if step == plan.quantize_from:
                self._start_codebooks(plan)
            for group in optimizer.param_groups:
                group["lr"] = plan.lr * warm_up_cosine(step, plan.steps, WARM_UP, floor=0.02)
            optimizer.zero_grad(set_to_none=True)

            def make(generator: torch.Generator, share: int) -> Mapping[str, Tensor]:
                batch = self.batches.draw(plan.batch, plan.frames, generator, share)
                parts: Mapping[str, Tensor] = objective(batch.to(self._device()), generator, step >= plan.quantize_from)
                return parts

            parts = self.shares.backward(objective, (plan.seed, step), make)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            optimizer.step()
            return parts

        run = TrainingRun(self.state, save_every, self.fabric, show_every=10)
        return run.train(PHASE, plan.steps, {PHASE: optimizer}, advance, lambda parts: self._keep(plan))

    def _device(self) -> torch.device:
        return next(self.model.parameters()).device

    @torch.no_grad()
    def _start_codebooks(self, plan: Schedule) -> None:
        generator, found = torch.Generator().manual_seed(plan.seed), []
        for number in range(START_BATCHES):
            batch = self.batches.draw(plan.batch, plan.frames, generator, number).to(self._device())
            found.append(self.model.timbre(batch.features, batch.controls, self.model.encoder.start(plan.batch))[0])
        self.model.quantizer.initialise(torch.cat(found).transpose(1, 2), generator)

    @torch.no_grad()
    def _keep(self, plan: Schedule) -> dict[str, float]:
        """Write the model, how good it is on what was kept aside, and something to hear and to look at."""
        self.model.eval()
        self.model.save_pretrained(self.folder, half=True)
        step, rate = self.state.steps[PHASE], self.model.config.sample_rate
        batch = self.judge.aside(self.judged, JUDGED_FRAMES).to(self._device())
        z, _ = self.model.timbre(batch.features, batch.controls, self.model.encoder.start(self.judged))
        made, figures = {}, {}
        for name in ("continuous", "coded") if step > plan.quantize_from else ("continuous",):
            timbre = z if name == "continuous" else self.model.from_codes(self.model.codes(z))
            sound = Sound(batch.controls, timbre)
            gains, _ = self.model.gains(sound, self.model.decoder.start(self.judged))
            made[name] = heard(self.model, gains, sound)
            figures[name] = float(spectral_distance(made[name], batch.samples, rate, only_heard=True).mean)
        now = time.monotonic(), time.process_time()
        clock, processor = (
            before + (at - begun) / 60.0 for before, at, begun in zip(self.before, now, self.begun, strict=True)
        )
        self.quality.append(Look(step, clock, processor, figures["continuous"], figures.get("coded", math.nan)))
        self._show(batch.samples[:SHOWN].cpu(), made["continuous"][:SHOWN].cpu(), rate)
        self.tell(outlook(self.quality, plan.steps))
        self.model.train()
        return {f"{name}_dB": value for name, value in figures.items()}

    def _show(self, real: Tensor, made: Tensor, rate: int) -> None:
        write_quality(self.folder / "quality.csv", self.quality)
        pairs = torch.cat([real, made], 1).flatten()  # each piece as it was, then as it is by now
        with open_sink(self.folder / "example.wav", rate, 1) as sink:
            sink.write(pairs[None].clamp(-1.0, 1.0).numpy())
        draw_example(self.folder / "example.png", real.numpy(), made.numpy(), rate)
        draw_quality(self.folder / "quality.png", self.quality)
