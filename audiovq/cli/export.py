"""The commands `audiovq export ...`: a model for other programs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Force, Verbose, make_group, may_replace
from latentmix.errors import InputError
from latentmix.files import check_target, make_folder, replace_file

from .options import DEFAULT_MODEL

app = make_group("audiovq", "Write a model for other programs.")
MAX_NAME = 29  # Neutone's


@app.command()
def neutone(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One for speech, or a folder.")] = DEFAULT_MODEL,
    name: Annotated[str, typer.Option(metavar="NAME", help="What the plugin shows.")] = "latentmix speech",
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Write a speech model for Neutone's plugins: model.nm, metadata.json and what it makes of Neutone's samples.

    Neutone's own checks for submission must pass, else nothing is written. Needs the package neutone_sdk, which takes
    an older NumPy, so an environment of its own (docs/plugins.md).

    \b
    Example:
    audiovq export neutone speech_16k -o neutone
    """
    if not 0 < len(name) <= MAX_NAME:
        raise InputError(f"expected a name of 1 to {MAX_NAME} characters, found {name!r}")
    may_replace("audiovq", [output / "model.nm"], force)
    from ..model.vqvae import VQVAE

    try:
        from ..codec.neutone import write_neutone
    except ModuleNotFoundError as error:
        raise InputError(
            f"expected the package {(error.name or 'neutone_sdk').partition('.')[0]}, found none; it takes an older "
            "NumPy, so it is installed in an environment of its own: pip install neutone_sdk==1.5.2 and this package"
        ) from None
    loaded = VQVAE.from_pretrained(model)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "made"
        write_neutone(loaded, name, made)
        files = [path for path in sorted(made.rglob("*")) if path.is_file()]
        for path in files:
            target = output / path.relative_to(made)
            make_folder(target.parent)
            check_target(target)
            replace_file(target, path.read_bytes())
    typer.echo(f"{output}: model.nm, {(output / 'model.nm').stat().st_size / 1e6:.1f} MB")
