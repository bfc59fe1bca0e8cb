"""Runs of several phases, each an optimisation of its own; imports torch: for training scripts alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .shares import Shares
from .training import Figures, TrainingRun, warm_up_cosine

WARM_UP = 200  # steps of a phase


@dataclass(frozen=True)
class Phase:
    """One optimisation: its module, how many steps of how many examples, and how fast.

    The module is called as objective(batch, generator, progress) -> its loss and parts by name; it requires gradients
    of what is learned in this phase and of nothing else.
    """

    name: str
    objective: nn.Module
    steps: int
    batch: int
    learning_rate: float


class PhasedRun:
    """The phases of a run by AdamW, each on examples of its own.

    Args:
        shares: how the batch of a step is divided.
        phases: their names, in order.
        seed: of all that is drawn.
    """

    def __init__(self, run: TrainingRun, shares: Shares, phases: Sequence[str], seed: int) -> None:
        self.fabric, self.run, self.shares = shares.fabric, run, shares
        self.phases, self.seed = tuple(phases), seed

    def do(
        self,
        phase: Phase,
        draw: Callable[[int, torch.Generator, int], Any],
        evaluate: Callable[[], Figures],
        anew: Sequence[str] | None = None,
    ) -> None:
        """One phase; those in `anew` are learned anew where it goes on after it had ended.

        Args:
            draw: so many examples, for that share of the run's batches, counted from the start of the phase.
            anew: all that come after it if None.
        """
        number, state = self.phases.index(phase.name), self.run.state
        learned = [p for p in phase.objective.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(learned, phase.learning_rate, betas=(0.9, 0.98), weight_decay=0.01)
        state.restore(phase.name, optimizer)
        module, optimizer = self.fabric.setup(phase.objective, optimizer)

        def advance(step: int) -> dict[str, Tensor]:
            for group in optimizer.param_groups:
                group["lr"] = phase.learning_rate * warm_up_cosine(step, phase.steps, WARM_UP)
            optimizer.zero_grad(set_to_none=True)

            def make(generator: torch.Generator, share: int) -> dict[str, Tensor]:
                batch = self.fabric.to_device(draw(phase.batch, generator, share))
                return module(batch, generator, step / phase.steps)

            parts = self.shares.backward(module, (self.seed, number, step), make)
            self.fabric.clip_gradients(module, optimizer, max_norm=5.0)
            optimizer.step()
            return parts

        if state.steps[phase.name] < phase.steps:
            state.begin_anew(*(self.phases[number + 1 :] if anew is None else anew))
        self.run.train(phase.name, phase.steps, {phase.name: optimizer}, advance, lambda parts: evaluate())
