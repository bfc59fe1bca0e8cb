"""A training run: its loop over phases and steps, saved, shown, stopped in all processes and gone on with.

What runs on which device in how many processes is Lightning Fabric's; what is learned is the script's. Imports torch:
for training scripts alone. Fabric and TensorBoard come with the extra `train`.
"""

from __future__ import annotations

import atexit
import contextlib
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from .cli import complain
from .errors import InputError
from .extras import load_extra
from .run_state import RunState

CONSOLE = Console()
LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Gloo", "gloo", "Timed out waiting")
Figures = dict[str, float]


class OwnError(InputError):
    """What one process of a run met in a step, and the others perhaps not."""


Out = Annotated[Path, typer.Option(help="folder of the run")]
LearningRate = Annotated[float, typer.Option(help="highest learning rate")]
SaveEvery = Annotated[int, typer.Option(help="steps between saved states and dev figures")]


@dataclass(frozen=True)
class RunOptions:
    """Options of a training script that say where and how it runs, for `latentmix.cli.grouped`."""

    seed: Annotated[int, typer.Option(help="of everything random")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto"
    devices: Annotated[int, typer.Option(help="processes on this machine")] = 1
    nodes: Annotated[int, typer.Option(help="machines")] = 1
    precision: Annotated[str, typer.Option(help="as Fabric names it: 32-true, bf16-mixed, ...")] = "32-true"
    threads: Annotated[int, typer.Option(help="CPU threads of each process; 0: as torch likes")] = 0

    @property
    def processes(self) -> int:
        """How many train together."""
        return self.devices * self.nodes

    def launch(self, strategy: str) -> Any:
        """Fabric, its processes launched, everything random seeded; `strategy` is for more than one process.

        Raises:
            InputError: it is not installed, or the device or the precision is not to be had.
        """
        if self.threads:
            torch.set_num_threads(self.threads)
        torch.set_flush_denormal(True)
        fabric = make_fabric(self.device, self.devices, self.nodes, self.precision, strategy)
        torch.manual_seed(self.seed)
        return fabric


def make_fabric(device: str, devices: int, nodes: int, precision: str, strategy: str) -> Any:
    """Fabric, its processes launched; `strategy` is for more than one process.

    Raises:
        InputError: it is not installed, or the device or the precision is not to be had.
    """
    Fabric = load_extra("lightning_fabric", "train").Fabric
    load_extra("torch.utils.tensorboard", "train")
    try:
        fabric = Fabric(
            accelerator=device,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy if devices * nodes > 1 else "auto",
            precision=precision,
        )
    except (
        ValueError,
        RuntimeError,
    ) as error:  # MisconfigurationException is a RuntimeError or an Exception by version
        raise InputError(f"--device {device}, --devices {devices}, --precision {precision}: {error}") from None
    fabric.launch()
    atexit.register(_leave_group)
    return fabric


def _leave_group() -> None:
    """End gloo's threads before the interpreter does: one that comes for its lock then ends the process by a signal."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def on_first_process(fabric: Any, work: Callable[[], None]) -> None:
    """Do something once, while the other processes wait; what goes wrong goes wrong in all of them.

    Raises:
        InputError: what `work` raised.
    """
    problem = None
    if fabric.is_global_zero:
        try:
            work()
        except (InputError, OSError) as error:
            problem = str(error)
    problem = fabric.broadcast(problem)
    if problem is not None:
        raise InputError(problem)


@contextlib.contextmanager
def in_one_line(program: str, *errors: type[Exception], state: Path | None = None) -> Iterator[None]:
    """Errors of input end a script with status 1 and one line, an interrupt with 130 and how to go on.

    So does the loss of another process of the run, or of its whole machine: each machine that is left says so once.

    Args:
        errors: others that input can cause in this part of the script.
        state: the file that the same command goes on from.
    """
    caught: tuple[type[Exception], ...] = (InputError, OSError, *errors)
    try:
        yield
    except caught as error:
        if _is_first() or isinstance(error, OwnError):
            complain(program, str(error))
        _end(1)
    except KeyboardInterrupt:
        # Fabric kills the first process where another one ends with an error, and it may still be writing
        if not _is_first():
            _end(0)
        CONSOLE.print("stopped" + (f"; the same command goes on from {state}" if state else ""), highlight=False)
        _end(130)
    except RuntimeError as error:
        if not _is_loss_of_another(error):
            raise
        if os.environ.get("LOCAL_RANK", "0") == "0":
            how = f"; the same command, given on all of them, goes on from {state}" if state else ""
            complain(program, f"expected all processes of the run to go on, found that another one was lost{how}")
        _end(1)


def _end(status: int) -> NoReturn:
    """Among other processes at once: what ends in order would wait for one that is lost or still in a step."""
    if torch.distributed.is_initialized():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    raise SystemExit(status) from None


def _is_loss_of_another(error: RuntimeError) -> bool:
    if not torch.distributed.is_initialized():
        return False
    said = str(error)
    return isinstance(error, torch.distributed.DistError) or any(word in said for word in LOST)


def _is_first() -> bool:
    return not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0


def warm_up_cosine(step: int, steps: int, warm_up: int, floor: float = 0.0) -> float:
    """Share of the highest learning rate in a step: linear warm-up, then half a cosine (Loshchilov & Hutter 2017).

    Args:
        step: from 0.
        floor: what it comes down to at the end.

    >>> [round(warm_up_cosine(step, 100, 10), 3) for step in (0, 9, 50, 99)]
    [0.1, 0.98, 0.5, 0.0]
    """
    share = math.cos(math.pi * step / max(1, steps))
    return min(1.0, (step + 1) / warm_up) * (0.5 * (1.0 + floor) + 0.5 * (1.0 - floor) * share)


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


class TrainingRun:
    """The loop of a run, the same for all that is trained.

    Args:
        state: saved by the first process.
        save_every: steps between two saved states.
        fabric: None for one process on the CPU, without curves in TensorBoard.
        show_every: steps between two points of the curves.
    """

    def __init__(self, state: RunState, save_every: int, fabric: Any = None, show_every: int = 50) -> None:
        self.state, self.fabric, self.save_every, self.show_every = state, fabric, save_every, show_every
        self.is_first = fabric is None or fabric.is_global_zero
        self.writer: Any = None
        if fabric is not None and self.is_first:
            writer = load_extra("torch.utils.tensorboard", "train").SummaryWriter
            self.writer = writer(state.path.parent / "tensorboard")
        self._told_to_stop = False
        self._check_same_place()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # the last one where there is one: the terminal was closed
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), self._note)

    def _check_same_place(self) -> None:
        """Raises InputError, in all processes, where one is elsewhere in the run: it reads another machine's disk."""
        if self.fabric is None or self.fabric.world_size == 1:
            return
        own = torch.tensor([float(steps) for steps in self.state.steps.values()], device=self.fabric.device)
        first = self.fabric.broadcast(own.clone())
        differs = (own != first.to(own)).any().float()
        if bool(self.fabric.all_reduce(differs, reduce_op="sum") > 0):
            raise InputError(
                f"{self.state.path}: expected the same state in all processes, found other steps in some; "
                "give a folder on a disk that all machines share"
            )

    def _note(self, *_: object) -> None:
        self._told_to_stop = True

    def _is_to_stop(self) -> bool:
        """Whether any process was told to: all stop at the same step, or those left would wait for ever."""
        if self.fabric is None or self.fabric.world_size == 1:
            return self._told_to_stop
        told = torch.tensor(float(self._told_to_stop), device=self.fabric.device)
        return bool(self.fabric.all_reduce(told, reduce_op="sum") > 0)

    def train(
        self,
        phase: str,
        steps: int,
        optimizers: Mapping[str, torch.optim.Optimizer],
        advance: Callable[[int], Mapping[str, Tensor]],
        evaluate: Callable[[Mapping[str, Tensor]], Figures] = lambda parts: {},
    ) -> bool:
        """One phase, from where the state is to its end.

        Args:
            advance: makes a step, given its number, and returns scalars to show, "loss" among them.
            evaluate: figures of what there is by now, asked for by the first process whenever it has saved.

        Returns:
            Whether there was anything to do.

        Raises:
            KeyboardInterrupt: the run was told to stop; the state is saved.
        """
        made = self.state.steps
        if made[phase] >= steps:
            return False
        with progress_bar() if self.is_first else contextlib.nullcontext() as bars:
            bar = bars.add_task(phase, total=steps, completed=made[phase], figures="") if bars else None
            while made[phase] < steps and not self._is_to_stop():
                step = made[phase]
                try:
                    parts = advance(step)
                except InputError as error:  # of a shard, say
                    raise OwnError(str(error)) from None
                made[phase] = step + 1
                is_last = made[phase] == steps
                if step % self.show_every == 0 or is_last:
                    parts = self._mean(parts)
                    if self.is_first:
                        self._show(phase, parts, bars, bar)
                if self.is_first and (made[phase] % self.save_every == 0 or is_last):
                    self.state.save(optimizers)
                    self._tell(phase, evaluate(parts))
        if made[phase] < steps:
            if self.is_first:
                self.state.save(optimizers)
            if self.fabric is not None:
                self.fabric.barrier()  # nobody ends before the state is there
            raise KeyboardInterrupt
        return True

    def _mean(self, parts: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Scalars over all processes, so that the curves are those of the whole batch."""
        shown = {name: value.detach() for name, value in parts.items() if value.ndim == 0}
        if self.fabric is None or self.fabric.world_size == 1:
            return shown
        values = self.fabric.all_reduce(torch.stack([v.float() for v in shown.values()]), reduce_op="mean")
        return dict(zip(shown, values, strict=True))

    def _show(self, phase: str, parts: Mapping[str, Tensor], bars: Progress | None, bar: Any) -> None:
        figures = {name: value.item() for name, value in parts.items()}
        for name, value in figures.items() if self.writer else ():
            self.writer.add_scalar(f"{phase}/{name}", value, self.state.steps[phase])
        text = "  ".join(f"{name} {value:.3g}" for name, value in figures.items())
        if bars:
            bars.update(bar, completed=self.state.steps[phase], figures=text)

    def _tell(self, phase: str, figures: Figures) -> None:
        step = self.state.steps[phase]
        for name, value in figures.items() if self.writer else ():
            self.writer.add_scalar(f"dev/{name}", value, step)
        if self.writer:
            self.writer.flush()  # what it holds back is lost when the process ends
        text = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
        CONSOLE.print(f"{phase} {step}: {text}", soft_wrap=True, highlight=False)
