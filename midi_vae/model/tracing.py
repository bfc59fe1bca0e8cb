"""Functions of a module without the Python in them, and with weights half the size.

At the size of a melody, what takes the time is Python and fetching weights, which do not fit in the caches of every
machine: fetching them was two thirds of a decode on the one where this was measured. They are shipped in float16, and
kept so here; what they are multiplied with, and the sums, stay float32.
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

OFTEN = 4  # calls at one size, from which on tracing, about a second, pays
_ONE_AT_A_TIME = threading.Lock()  # two threads that trace at once would be in each other's way
MAX_SIZES = 4  # that are kept traced: each has a copy of the weights


class _HalfLinear(nn.Module):
    """A linear layer whose weights lie in memory as float16, and are widened as they are used (FBGEMM, x86 only)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weights = torch.ops.quantized.linear_prepack_fp16(linear.weight.detach(), linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.quantized.linear_dynamic_fp16(x, self.weights)


def _halved(module: nn.Module) -> nn.Module:
    """A copy, with the linear layers whose weights lose nothing by it in float16, where the machine has a way to."""
    module = copy.deepcopy(module)
    if torch.backends.quantized.engine not in ("x86", "fbgemm"):
        return module
    for parent in list(module.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear and torch.equal(layer.weight, layer.weight.half().float()):
                setattr(parent, name, _HalfLinear(layer))
    return module


def trace(function: Callable[..., Tensor], module: nn.Module, examples: Sequence[Tensor]) -> Callable[..., Tensor]:
    """A function of a module and tensors, for this module, tensors of these sizes and the weights as they are now.

    It stays as it is where it cannot be traced, or does not give the same afterwards.

    Args:
        function: called with the module and the tensors; gives integers, for they are compared.
        module: in evaluation mode, on the CPU.
        examples: the tensors.
    """

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = _halved(module)

        def forward(self, *inputs: Tensor) -> Tensor:
            return function(self.module, *inputs)

    plain = partial(function, module)
    with _ONE_AT_A_TIME, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # it is to be replaced in some later torch; this one is pinned
        try:
            step = torch.jit.trace(Step().eval(), tuple(examples), check_trace=False)  # it is checked below
            traced = torch.jit.optimize_for_inference(step)
            same = all(
                torch.equal(traced(*others), plain(*others))
                for others in (examples, [torch.randn_like(example) for example in examples])
            )
        except RuntimeError:
            return plain
    return traced if same else plain


class OftenCalled:
    """A function of a module and a batch (B, ...), traced on the CPU for each B that it is often called with.

    Weights may be changed in between: they are traced anew then. Anything else that the function looks at, such as a
    configuration, may not.

    Args:
        function: called with the module and the batch; what it gives is compared before it is replaced, so integers.
        module: that it is a function of.
    """

    def __init__(self, function: Callable[[Any, Tensor], Tensor], module: nn.Module) -> None:
        self._function, self._module = function, module
        self._calls: Counter[int] = Counter()
        self._traced: dict[int, Callable[[Tensor], Tensor]] = {}
        self._weights: tuple[tuple[int, int], ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        return OftenCalled, (self._function, self._module)  # copies of a model trace for themselves

    def __call__(self, batch: Tensor) -> Tensor:
        if batch.device.type != "cpu" or self._module.training:
            return self._function(self._module, batch)
        weights = tuple((id(p), p._version) for p in self._module.parameters())
        if weights != self._weights:
            self._weights = weights
            self._calls.clear()
            self._traced.clear()
        size = len(batch)
        self._calls[size] += 1
        if self._calls[size] == OFTEN and len(self._traced) < MAX_SIZES:
            self._traced[size] = trace(self._function, self._module, [batch])
        traced = self._traced.get(size)
        return traced(batch) if traced else self._function(self._module, batch)
