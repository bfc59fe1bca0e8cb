"""The same codebook in every process of a run."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor


def several() -> bool:
    """Whether this run has more than one process."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def sum_over_processes(tensor: Tensor) -> Tensor:
    """The sum of every process's tensor, in place."""
    if several():
        dist.all_reduce(tensor)
    return tensor


def of_first_process(tensor: Tensor) -> Tensor:
    """The first process's tensor, in place."""
    if several():
        dist.broadcast(tensor, 0)
    return tensor
