"""A checkpoint is a folder of safetensors and JSON that describes itself; no pickle.

torch is imported where tensors are touched, so that this module can be imported without waiting for it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .checkpoint_format import CheckpointFormat, parse_config
from .errors import InputError
from .files import make_folder, read_bounded, replace_file

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self

    _Module = torch.nn.Module
else:
    _Module = object

MAX_WEIGHT_BYTES = 1 << 30


@dataclass(frozen=True)
class Checkpoint:
    """What a folder held.

    Attributes:
        config_path, tensor_path: where.
        config: the configuration.
        tensors: by name, as they are stored.
    """

    config_path: Path
    tensor_path: Path
    config: Any
    tensors: dict[str, torch.Tensor]


def load(kind: CheckpointFormat, name_or_folder: str | os.PathLike[str], config_class: type) -> Checkpoint:
    """Read a checkpoint, checking format, version and configuration.

    Raises:
        InputError: missing, damaged, or of another format or version.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load as parse_safetensors

    folder = kind.resolve(name_or_folder)
    described_in, stored_in = folder / kind.config_file, folder / kind.tensor_file
    described = kind.read_description(described_in)
    config = parse_config(described_in, described.get("config"), config_class)
    try:
        tensors = parse_safetensors(read_bounded(stored_in, MAX_WEIGHT_BYTES))
    except (SafetensorError, KeyError) as error:
        raise InputError(f"{stored_in}: expected safetensors, found a damaged file: {error}") from None
    return Checkpoint(described_in, stored_in, config, tensors)


def save(
    kind: CheckpointFormat,
    module: torch.nn.Module,
    config: Any,
    folder: str | os.PathLike[str],
    half: bool = False,
    **more: Any,
) -> None:
    """Write a checkpoint; each file whole or not at all.

    Args:
        config: a dataclass, kept as JSON.
        half: store floating-point tensors as float16.
        more: further entries of the JSON, for people.

    Raises:
        InputError: the folder cannot be written.
    """
    from safetensors.torch import save as make_safetensors

    make_folder(folder)
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in module.state_dict().items()
    }
    described = {"format": kind.name, "version": kind.version, "config": dataclasses.asdict(config), **more}
    replace_file(Path(folder) / kind.tensor_file, make_safetensors(tensors))
    replace_file(Path(folder) / kind.config_file, json.dumps(described, indent=2).encode() + b"\n")


def fill(module: torch.nn.Module, stored: Checkpoint) -> None:
    """Copy the tensors into a module.

    Raises:
        InputError: a tensor is missing, unknown or of another shape.
    """
    wanted = module.state_dict()
    for name in sorted(wanted.keys() | stored.tensors.keys()):
        shapes = [tuple(t[name].shape) if name in t else "nothing" for t in (wanted, stored.tensors)]
        if shapes[0] != shapes[1]:
            raise InputError(
                f"{stored.tensor_path}: expected {shapes[0]} for {name}, found {shapes[1]}; "
                f"the weights do not belong to {stored.config_path.name}"
            )
    module.load_state_dict(stored.tensors)


def fingerprint(module: torch.nn.Module, config: Any, added: Mapping[str, Any] | None = None) -> bytes:
    """8 bytes that tell weights apart, from the configuration and every tensor.

    Args:
        added: entries that configurations did not always have, with what was meant without them: those that still say
            so are left out, so that old weights keep their fingerprint.
    """
    added = added or {}
    described = {k: v for k, v in dataclasses.asdict(config).items() if k not in added or v != added[k]}
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.digest()[:8]


class Pretrained(_Module):
    """What a `torch.nn.Module` that is kept as a checkpoint can do; to be named before it among the bases.

    Attributes:
        checkpoint: its format.
        config_class: dataclass that alone makes the module; an instance keeps its own as `config`.
        default: the bundled model that is loaded where none is named.
        folder: that it was loaded from, None where it was not.
    """

    folder: Path | None = None
    checkpoint: ClassVar[CheckpointFormat]
    config_class: ClassVar[type]
    default: ClassVar[str]
    config: Any

    @classmethod
    def from_pretrained(
        cls, name_or_folder: str | os.PathLike[str] | None = None, device: str | torch.device = "cpu"
    ) -> Self:
        """Load a model that comes with the package, by name, or from a folder of safetensors and JSON; ready to use.

        Args:
            name_or_folder: None: the model of that kind that comes with the package.

        Raises:
            InputError: missing, damaged, of another kind, version or shape.
        """
        stored = load(cls.checkpoint, cls.default if name_or_folder is None else name_or_folder, cls.config_class)
        model = cls(stored.config)
        fill(model, dataclasses.replace(stored, tensors=model.renewed(stored.tensors)))
        model.folder = stored.config_path.parent
        return model.to(device).eval()

    def renewed(self, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Tensors as the module has them now, of those that an earlier release may have written; they mean the same."""
        return tensors

    def save_pretrained(self, folder: str | os.PathLike[str], half: bool = False, **more: object) -> None:
        """Write safetensors and JSON into a folder, which is made if missing; each file whole or not at all.

        Args:
            half: store floating-point tensors as float16.
            more: further entries of the JSON, for people.

        Raises:
            InputError: the folder cannot be written.
        """
        save(self.checkpoint, self, self.config, folder, half, **more)
