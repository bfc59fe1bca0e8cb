"""Functions of a module without the Python in them: at the size of a melody that is what takes much of their time."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

OFTEN = 4  # calls at one size, from which on tracing, about a second, pays
MOST_SIZES = 4  # that are kept traced: each has a copy of the weights


def trace(function: Callable[..., Tensor], model: torch.nn.Module, examples: Sequence[Tensor]) -> Callable[..., Tensor]:
    """A function of a model and tensors, for tensors of these sizes and the weights as they are now.

    It stays as it is where it cannot be traced, or does not give the same afterwards.
    """

    class Step(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *inputs: Tensor) -> Tensor:
            return function(*inputs)

    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # it is to be replaced in some later torch; this one is pinned
        try:
            traced = torch.jit.optimize_for_inference(torch.jit.trace(Step().eval(), tuple(examples)))
            same = all(
                torch.equal(traced(*others), function(*others))
                for others in (examples, [torch.randn_like(example) for example in examples])
            )
        except RuntimeError:
            return function
    return traced if same else function


class OftenCalled:
    """A function of a module and a batch (B, ...), traced on the CPU for each B that it is often called with.

    Weights may be changed in between: they are traced anew then. Anything else that the function looks at, such as a
    configuration, may not.

    Args:
        function: of the batch alone; what it gives is compared bit for bit before it is replaced, so better integers.
        module: that it is a function of.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], module: torch.nn.Module) -> None:
        self._function, self._module = function, module
        self._calls: Counter[int] = Counter()
        self._traced: dict[int, Callable[[Tensor], Tensor]] = {}
        self._weights: tuple = ()

    def __reduce__(self) -> tuple:
        return OftenCalled, (self._function, self._module)  # copies of a model trace for themselves

    def __call__(self, batch: Tensor) -> Tensor:
        if batch.device.type != "cpu" or self._module.training:
            return self._function(batch)
        weights = tuple((id(p), p._version) for p in self._module.parameters())
        if weights != self._weights:
            self._weights = weights
            self._calls.clear()
            self._traced.clear()
        size = len(batch)
        self._calls[size] += 1
        if self._calls[size] == OFTEN and len(self._traced) < MOST_SIZES:
            self._traced[size] = trace(self._function, self._module, [batch])
        return self._traced.get(size, self._function)(batch)
