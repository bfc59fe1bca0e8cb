"""How the batch of a training step is divided, and drawn by seed; imports torch: for training scripts alone."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch import Tensor

Accumulate = Annotated[
    int, typer.Option(min=1, help="batches in a step that each process works through; N learn as N processes do")
]


def seeded(*numbers: int) -> torch.Generator:
    """A fresh generator for each step, so that a resumed run draws what the unbroken one would have drawn."""
    return torch.Generator().manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


@dataclass(frozen=True)
class Shares:
    """How the batch of a step is divided: among processes, and in each of them among shares, one after another.

    Each share draws by a seed of its own, and so does its dropout, so one process with N shares learns what N processes
    learn, and a run that goes on what the unbroken one would have.

    Attributes:
        fabric: None for one process.
        accumulate: shares of each process.
    """

    fabric: Any
    accumulate: int = 1

    def backward(
        self, module: Any, numbers: Sequence[int], make: Callable[[torch.Generator, int], Mapping[str, Tensor]]
    ) -> dict[str, Tensor]:
        """Gradients of a step, the mean over all shares; the mean of the scalars over those of this process.

        Args:
            numbers: that seed the step, the step's own last.
            make: given the generator of a share and its number, counted through the run, gives "loss" and others; what
                is not a scalar is given back of the last share alone.
        """
        rank, world = (self.fabric.global_rank, self.fabric.world_size) if self.fabric else (0, 1)
        found: dict[str, Tensor] = {}
        for own in range(self.accumulate):
            share = rank * self.accumulate + own
            last = own + 1 == self.accumulate
            alone = self.fabric.no_backward_sync(module, enabled=not last) if self.fabric else contextlib.nullcontext()
            with alone:
                generator = seeded(*numbers, share)
                torch.manual_seed(generator.initial_seed())  # dropout, which takes no generator
                parts = make(generator, numbers[-1] * world * self.accumulate + share)
                loss = parts["loss"] / self.accumulate
                if self.fabric:
                    self.fabric.backward(loss)
                else:
                    loss.backward()
            for name, value in parts.items():
                before = found.get(name)
                one = value.detach() / self.accumulate if value.ndim == 0 else value
                found[name] = before + one if before is not None and value.ndim == 0 else one
        return found
