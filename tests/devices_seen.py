"""Which devices an operation reads from and writes to, as it is called on tensors without contents."""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Seen(TorchDispatchMode):
    """Operations, and the devices of what they read and write."""

    def __init__(self) -> None:
        super().__init__()
        self.devices: dict[str, set[str]] = {}

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        out = operation(*args, **(kwargs or {}))
        tensors = [each for each in (out, *args) if isinstance(each, torch.Tensor)]
        self.devices.setdefault(str(operation), set()).update(each.device.type for each in tensors)
        return out


def put_on_cuda(module: torch.nn.Module) -> None:
    """Within a FakeTensorMode: parameters and buffers become tensors without contents, on a GPU that is not there."""
    for each in module.modules():
        for name, value in each._parameters.items():
            if value is not None:
                each._parameters[name] = torch.nn.Parameter(_like(value), requires_grad=False)
        for name, value in each._buffers.items():
            if value is not None:
                each._buffers[name] = _like(value)


def _like(value: torch.Tensor) -> torch.Tensor:
    return torch.empty(value.shape, dtype=value.dtype, device="cuda")
