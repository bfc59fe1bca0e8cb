"""What a training run begins with: a model that is there, whose sizes stay, or nothing; imports no torch."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .checkpoint import Pretrained, fingerprint
from .errors import InputError

BeginWith = Annotated[
    str | None, typer.Option(help="bundled name or folder to go on from, for a folder of your own; its sizes stay")
]
Remember = Annotated[
    str | None, typer.Option(help="with --begin-with: a folder, or a corpus, that tells what is forgotten")
]


def own_sizes(option: str, base: str | None, **given: Any) -> dict[str, Any]:
    """The sizes of a new model that were asked for, by the names of its configuration.

    Args:
        option: that names the model to begin with, such as --begin-with.
        base: what was given for it; None or empty: nothing.
        given: by the names of the options, None where one was left out.

    Raises:
        InputError: sizes beside a model that has its own.

    >>> own_sizes("--begin-with", None, latent_size=16, width=None)
    {'latent_size': 16}
    """
    asked = {name: value for name, value in given.items() if value is not None}
    if base and asked:
        options = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in asked.items())
        raise InputError(
            f"{options}: expected nothing of the kind beside {option} {base}, whose sizes stay; "
            "leave out one or the other"
        )
    return asked


def size_option(text: str, default: object) -> Any:
    """An option of a script for `own_sizes`, to annotate a value that may be None with."""
    return typer.Option(help=f"{text}; {default} if left out")


def told_apart(model: Pretrained | None, name: object) -> str:
    """A model to begin with in words, by which a run knows it again wherever it lies; "nothing" if there is none."""
    return "nothing" if model is None else f"weights {fingerprint(model, model.config).hex()} ({name})"
