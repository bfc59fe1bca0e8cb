"""A device that is not the CPU, for machines that have no other: its tensors say so and don't mix with the CPU's.

It stands for a GPU: what mixes the two, or reads a value in passing, is an error there, which no test on a CPU sees.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = torch.device("meta")  # has no contents of its own, so that these are held on the CPU
INDEXED = {"index", "index_put", "index_put_", "_index_put_impl_"}  # by indices on the CPU too
MOVED = {"_to_copy", "to"}


class Remote(Tensor):
    """A tensor that is elsewhere; `held` is what it holds."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Remote:
        with torch.inference_mode(False):
            out = torch.Tensor._make_wrapper_subclass(cls, held.shape, held.stride(), dtype=held.dtype, device=DEVICE)
        out.held = held
        return out

    @classmethod
    def __torch_dispatch__(cls, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(operation, args, kwargs or {})


class Elsewhere(TorchDispatchMode):
    """Within it `DEVICE` can be told as a device."""

    def __torch_dispatch__(self, operation: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(operation, args, kwargs or {})


def run(operation: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """An operation on what tensors hold, its result where the tensors are or where it is told to be."""
    name = operation.overloadpacket.__name__
    given = tree_flatten((args, kwargs))[0]
    tensors = [each for each in given if isinstance(each, Tensor)]
    far = [isinstance(each, Remote) for each in tensors]
    near = any(not is_far and each.ndim for each, is_far in zip(tensors, far, strict=True))
    if any(far) and near and name not in MOVED and not (name in INDEXED and far[0]):
        raise RuntimeError(f"{name}: expected tensors on one device, found some on the CPU and some elsewhere")
    wanted = [each for each in given if isinstance(each, torch.device)]
    is_far = wanted[0] == DEVICE if wanted else any(far)
    args, kwargs = tree_map_only(Remote, lambda each: each.held, (args, kwargs))
    args, kwargs = tree_map_only(torch.device, lambda each: torch.device("cpu"), (args, kwargs))
    out = operation(*args, **kwargs)
    return tree_map_only(Tensor, Remote, out) if is_far else out
