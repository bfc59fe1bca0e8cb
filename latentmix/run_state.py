"""Where a training run stands, in one safetensors file, so that it goes on as if it had never stopped.

Imports torch: for training scripts alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from safetensors.torch import save as make_safetensors
from torch import Tensor, nn

from .errors import InputError
from .files import read_bounded, replace_file

VERSION = "2"
MAX_BYTES = 1 << 34


class RunState:
    """The networks, what their optimizers remember, and how many steps each phase has made.

    Args:
        path: of the file.
        networks: by the name that their tensors are kept under.
        phases: of the run, in order.
        base: what the run begins with (`beginning.told_apart`); None where it cannot begin with anything.

    Attributes:
        steps: made so far, by phase.
    """

    def __init__(
        self, path: Path, networks: Mapping[str, nn.Module], phases: Sequence[str], base: str | None = None
    ) -> None:
        self.path, self.networks, self._base = path, dict(networks), base
        self.steps = dict.fromkeys(phases, 0)
        self._slots: dict[str, dict[str, Tensor]] = {}  # by optimizer

    @classmethod
    def in_folder(
        cls, folder: Path, networks: Mapping[str, nn.Module], phases: Sequence[str], base: str | None = None
    ) -> RunState:
        """The state of the run in a folder: loaded where there is one already, else its file is still to be written.

        Raises:
            InputError: as of `load`.
        """
        state = cls(folder / "state.safetensors", networks, phases, base)
        if state.path.is_file():
            state.load()
        return state

    def load(self) -> None:
        """Take weights and steps from the file, and keep what the optimizers remember for `restore`.

        Raises:
            InputError: missing, damaged, of an older release, the state of another run, or one that began otherwise.
        """
        found, tensors = self._read(self.path)
        if found.get("version") != VERSION:
            raise InputError(
                f"{self.path}: expected the state of a run of version {VERSION}, found version "
                f"{found.get('version', 1)}; finish it with the release that wrote it, or remove it to start anew"
            )
        try:
            self.steps = {name: int(found[name]) for name in self.steps}
        except (KeyError, ValueError):
            raise InputError(
                f"{self.path}: expected the state of a run with the phases {', '.join(self.steps)}, found {found}"
            ) from None
        began = found.get("base")  # None in states of before it was written down
        if None not in (began, self._base) and _weights(began) != _weights(self._base):
            raise InputError(
                f"{self.path}: expected what the run began with, {began}, found {self._base}; give that, or another "
                "folder for the run"
            )
        self._fill(self.path, tensors)
        for name, value in _under("optimizer", tensors).items():
            optimizer, slot = name.split(".", 1)
            self._slots.setdefault(optimizer, {})[slot] = value

    def begin_with(self, path: Path) -> None:
        """Take the weights of another run of the same sizes, and nothing else.

        Raises:
            InputError: as of `load`.
        """
        self._fill(path, self._read(path)[1])

    def save(self, optimizers: Mapping[str, torch.optim.Optimizer]) -> None:
        """Write the file, whole or not at all; optimizers that are not given keep what was last known of them.

        Raises:
            InputError: it cannot be written.
        """
        for name, optimizer in optimizers.items():
            slots = optimizer.state_dict()["state"]
            self._slots[name] = {f"{i}.{slot}": value for i, each in slots.items() for slot, value in each.items()}
        tensors = {f"{name}.{key}": v for name, net in self.networks.items() for key, v in net.state_dict().items()}
        for name, kept in self._slots.items():
            tensors |= {f"optimizer.{name}.{key}": value for key, value in kept.items()}
        described = {"version": VERSION, **{name: str(steps) for name, steps in self.steps.items()}}
        if self._base is not None:
            described["base"] = self._base.encode(errors="backslashreplace").decode()  # a folder of any name
        replace_file(self.path, make_safetensors({k: v.contiguous() for k, v in tensors.items()}, described))

    def restore(self, name: str, optimizer: torch.optim.Optimizer) -> None:
        """Give an optimizer what it remembered; nothing to one that is new.

        Raises:
            InputError: what the file has does not belong to its parameters.
        """
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        slots: dict[int, dict[str, Tensor]] = {}
        try:
            for key, value in self._slots.get(name, {}).items():
                index, slot = key.split(".", 1)
                if value.ndim and value.shape != parameters[int(index)].shape:
                    raise ValueError(f"{tuple(value.shape)} for {key}")
                slots.setdefault(int(index), {})[slot] = value
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{self.path}: expected what the optimizer {name} remembers, found {error}; remove it to start anew"
            ) from None
        if slots:
            optimizer.load_state_dict({**optimizer.state_dict(), "state": slots})

    def begin_anew(self, *phases: str) -> None:
        """Let phases begin at their first step again, with the weights as they are."""
        for phase in phases:
            self.steps[phase] = 0
            self._slots.pop(phase, None)

    def _read(self, path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
        data = read_bounded(path, MAX_BYTES)
        try:
            tensors = parse_safetensors(data)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        except (SafetensorError, ValueError, KeyError) as error:
            raise InputError(
                f"{path}: expected the state of a run, found a damaged file ({error}); remove it to start anew"
            ) from None
        return header.get("__metadata__", {}), tensors

    def _fill(self, path: Path, tensors: dict[str, Tensor]) -> None:
        for name, network in self.networks.items():
            try:
                network.load_state_dict(_under(name, tensors))
            except RuntimeError:
                raise InputError(
                    f"{path}: expected the state of a run with these sizes, found another's; "
                    "give the options it was started with, or another folder for the run"
                ) from None


def _weights(base: str | None) -> str:
    """Of what a run begins with, what tells it apart: it may have been moved."""
    return str(base).split(" (", 1)[0]


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(prefix + ".")}
