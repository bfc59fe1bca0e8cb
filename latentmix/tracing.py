"""Functions of a module without the Python in them, and with weights half the size.

At the size of a melody, or of a frame of sound, what takes the time is Python and fetching weights, which do not fit
in the caches of every machine: fetching them was two thirds of a decode on the one where this was measured. They are
shipped in float16, and kept so here; what they are multiplied with, and the sums, stay float32.
"""

from __future__ import annotations

import copy
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter, is_
from typing import Any

import torch
from torch import Tensor, nn

OFTEN = 4  # calls at one size, from which on tracing, about a second, pays
_ONE_AT_A_TIME = threading.Lock()  # two threads that trace at once would be in each other's way
NEAR = 0.1  # by which other examples differ from those that there are
ARITHMETIC = ("aten::mul", "aten::add", "aten::sub", "aten::div", "aten::rsub")
ROUNDING = 1e-3  # relative and absolute: weights as float16 lose nothing, but sums are in another order
_VERSION = attrgetter("_version")  # of a tensor: how often it was written to
MAX_SIZES = 4  # that are kept traced: each has a copy of the weights


class _HalfLinear(nn.Module):
    """A linear layer whose weights lie in memory as float16, and are widened as they are used (FBGEMM, x86 only)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weights = torch.ops.quantized.linear_prepack_fp16(linear.weight.detach(), linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.quantized.linear_dynamic_fp16(x, self.weights)


def _halved(module: nn.Module) -> nn.Module:
    """A copy, with the linear layers whose weights lose nothing by it in float16, where the machine has a way to.

    All other weights and buffers are the same tensors: whoever changes them is traced anew (`OftenCalled`).
    """
    module = copy.deepcopy(module, {id(each): each for each in (*module.parameters(), *module.buffers())})
    if torch.backends.quantized.engine not in ("x86", "fbgemm"):
        return module
    for parent in list(module.modules()):
        for name, layer in parent.named_children():
            if type(layer) is nn.Linear and torch.equal(layer.weight, layer.weight.half().float()):
                setattr(parent, name, _HalfLinear(layer))
    return module


def _flatten_constants(graph: torch._C.Graph) -> None:
    """Numbers that tensors are multiplied with and the like, as tensors of one number and of their type.

    Traced numbers have no dimension and are of double precision, and are converted anew each time they are used, which
    takes longer than all the rest of such a step.
    """
    torch._C._jit_pass_inline(graph)
    for node in list(graph.nodes()):
        if node.kind() not in ARITHMETIC:
            continue
        out = node.output().type()
        if not isinstance(out, torch._C.TensorType) or not out.dim() or out.dtype() is not torch.float32:
            continue
        for place, given in enumerate(list(node.inputs())[:2]):
            value = given.toIValue() if given.node().kind() == "prim::Constant" else None
            if isinstance(value, (int, float)) or (isinstance(value, Tensor) and not value.dim()):
                constant = graph.insertConstant(torch.tensor([float(value)]))
                constant.node().moveBefore(node)
                node.replaceInput(place, constant)


def trace(function: Callable[..., Any], module: nn.Module, examples: Sequence[Tensor]) -> Callable[..., Any]:
    """A function of a module and tensors, for this module, tensors of these sizes and the weights as they are now.

    It stays as it is where it cannot be traced, or does not give the same afterwards: integers equal, other numbers
    but for rounding.

    Args:
        function: called with the module and the tensors; gives a tensor or a tuple of them.
        module: in evaluation mode, on the CPU.
        examples: the tensors.
    """

    class Step(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = _halved(module)

        def forward(self, *inputs: Tensor) -> Any:
            return function(self.module, *inputs)

    plain = partial(function, module)
    with _ONE_AT_A_TIME, warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # it is to be replaced in some later torch; this one is pinned
        examples = [example.clone() for example in examples]  # no tensors of inference mode, which are not traced
        try:
            step = torch.jit.trace(Step().eval(), tuple(examples), check_trace=False)  # it is checked below
            _flatten_constants(step.graph)
            traced = torch.jit.optimize_for_inference(step)
            same = all(_agree(traced(*others), plain(*others)) for others in (examples, _near(examples)))
        except RuntimeError:
            return plain
    return traced if same else plain


def _near(examples: Sequence[Tensor]) -> list[Tensor]:
    """Others of the same sizes that could be examples too."""
    random = torch.Generator().manual_seed(0)
    return [
        each + NEAR * each * torch.randn(each.shape, generator=random) if each.is_floating_point() else each
        for each in examples
    ]


def _agree(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, Tensor):
        if not wanted.is_floating_point():
            return torch.equal(found, wanted)
        return torch.allclose(found, wanted, rtol=ROUNDING, atol=ROUNDING, equal_nan=True)
    return len(found) == len(wanted) and all(map(_agree, found, wanted))


class Graphed:
    """A function of tensors, replayed as a CUDA graph; on the CPU it is called as it is.

    An envelope, not another version of the function: the first call warms it up and captures it with static buffers,
    later ones copy their arguments in and replay it. What comes back, a tensor or several, is overwritten by the next
    call. For one thread at a time.

    >>> double = Graphed(lambda x: 2 * x)
    >>> double(torch.ones(2)).tolist()
    [2.0, 2.0]
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._graph: tuple[torch.cuda.CUDAGraph, Any] | None = None  # and what it writes its result to
        self._inputs: list[Tensor] = []
        self._shapes: list[tuple[torch.Size, torch.dtype, torch.device]] | None = None

    def __call__(self, *inputs: Tensor) -> Any:
        """The function of these.

        Raises:
            ValueError: another number of tensors, another shape, type or device than in the first call.
        """
        shapes = [(each.shape, each.dtype, each.device) for each in inputs]
        if self._shapes is None:
            self._shapes = shapes
        elif shapes != self._shapes:
            raise ValueError(f"expected tensors as in the first call, {self._shapes}, found {shapes}")
        if not inputs or inputs[0].device.type != "cuda":
            return self._function(*inputs)
        with torch.cuda.device(inputs[0].device):  # each thread has a current one, which is the first until it says so
            graph, output = self._graph or self._capture(inputs)
            for static, given in zip(self._inputs, inputs, strict=True):
                static.copy_(given, non_blocking=True)
            graph.replay()
            return output

    def _capture(self, inputs: Sequence[Tensor]) -> tuple[torch.cuda.CUDAGraph, Any]:
        self._inputs = [each.clone() for each in inputs]
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._function(*self._inputs)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may use the GPU meanwhile
            output = self._function(*self._inputs)
        self._graph = graph, output
        return self._graph


class OftenCalled:
    """A function of a module and tensors, traced on the CPU for each set of sizes that it is often called with.

    Weights and buffers may be changed in between, or be others: they are traced anew then. Anything else that the
    function looks at, such as a configuration or which modules there are, may not. Thread-safe if the function is.

    Args:
        function: called with the module, what is fixed and the tensors; what it gives is compared before it is
            replaced, as `trace` does.
        module: that it is a function of.
        often: calls with the same sizes, from which on tracing pays; 1: from the first on, so that all are the same to
            the last bit.
        graphed: on a GPU it is replayed as a CUDA graph; there the function reads no value of a tensor, and gives a
            tuple. Else it is called as it is there.
    """

    def __init__(
        self, function: Callable[..., Any], module: nn.Module, often: int = OFTEN, graphed: bool = False
    ) -> None:
        self._function, self._module, self._often, self._graphed = function, module, often, graphed
        self._lock = threading.Lock()  # of the buffers of graphs
        self._noting = threading.Lock()  # of what stands below; nothing is computed while it is held
        self._calls: Counter[Hashable] = Counter()
        self._traced: dict[Hashable, Callable[..., Any]] = {}
        self._weights: list[Tensor] = []  # held, for another at the place of one that is gone would look the same
        self._versions: list[int] = []
        self._held: list[dict[str, Any]] = []

    def __reduce__(self) -> tuple[Any, ...]:
        return OftenCalled, (
            self._function,
            self._module,
            self._often,
            self._graphed,
        )  # copies of a model trace for themselves

    def __call__(self, *tensors: Tensor, fixed: tuple[Hashable, ...] = ()) -> Any:
        """The function's value; `fixed` are arguments that are no tensors, traced as they are."""
        is_cpu = tensors[0].device.type == "cpu"
        if not (is_cpu or self._graphed) or self._module.training or _is_being_made_a_graph():
            return self._function(self._module, *fixed, *tensors)
        sizes = (*fixed, *(each.shape for each in tensors))
        with self._noting:
            if self._have_changed():
                self._calls, self._traced = Counter(), {}  # what another thread still traces goes to those of before
            kept = self._traced
            self._calls[sizes] += 1
            is_due = self._calls[sizes] == self._often and len(kept) < MAX_SIZES
        if is_due:
            function = self._function

            def of_tensors(module: nn.Module, *given: Tensor) -> Any:
                return function(module, *fixed, *given)

            if is_cpu:
                kept[sizes] = trace(of_tensors, self._module, tensors)
            else:
                kept[sizes] = self._locked(Graphed(partial(of_tensors, self._module)))
        traced = kept.get(sizes)
        return traced(*tensors) if traced else self._function(self._module, *fixed, *tensors)

    def _locked(self, graph: Graphed) -> Callable[..., tuple[Tensor, ...]]:
        """A graph whose results are the caller's own, for any thread."""

        def replay(*tensors: Tensor) -> tuple[Tensor, ...]:
            with self._lock:
                return tuple(each.clone() for each in graph(*tensors))

        return replay

    def _have_changed(self) -> bool:
        """Whether the weights are others than at the last call, or were written to.

        It is asked fifty times a second and more: where they hang is looked for once.
        """
        if not self._held:
            modules = list(self._module.modules())
            self._held = [held for module in modules for held in (module._parameters, module._buffers) if held]
        weights = [each for each in chain.from_iterable(map(dict.values, self._held)) if each is not None]
        versions = list(map(_VERSION, weights))
        before, self._weights, self._versions = (self._weights, self._versions), weights, versions
        return versions != before[1] or not all(map(is_, weights, before[0]))


def _is_being_made_a_graph() -> bool:
    """Whether somebody exports, traces or captures what calls this: a graph in a graph is not what they want."""
    if torch.cuda.is_initialized() and torch.cuda.is_current_stream_capturing():
        return True
    return torch._C._get_tracing_state() is not None or torch.compiler.is_compiling()
