"""The commands `midi-vae export ...`: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Verbose, grouped, make_app
from latentmix.errors import InputError
from latentmix.files import check_target, make_folder, replace_file

from .options import PassageOptions

app = make_app("midi-vae")
MAX_MELODIES = 8
DRAWN = 4  # melodies of the model's own, where none are named


@app.callback()
def export() -> None:
    """Write a model for other programs."""


@app.command()
@grouped
def plugin(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="One that comes with the package, or a folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    source: PassageOptions,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What hosts show. Default: the name of the model's folder.")
    ] = None,
    plugin_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="What projects name it by, org.example.tunes. Default: of the name."),
    ] = None,
    melody: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A MIDI file that the plugin starts with, up to 8 times. Default: four drawn from the model.",
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Half the size; a note here and there may be another one.")
    ] = False,
    verbose: Verbose = False,
) -> None:
    """Write the weights file from which `livemix plugin` makes LV2, CLAP and VST3 plugins.

    \b
    Examples:
    midi-vae export plugin runs/melody --name "My tunes" -o my-tunes
    midi-vae export plugin melody_2bar --melody A.mid --melody B.mid --bars 1:4 -o two
    """
    files = melody or []
    if len(files) > MAX_MELODIES:
        raise InputError(f"expected at most {MAX_MELODIES} melodies, found {len(files)}")
    from ..plugin_weights import plugin_weights
    from ..vae import MelodyVAE

    melodies = [passage.melody for passage in source.read(files)] if files else []
    loaded = MelodyVAE.from_pretrained(model)
    named = name or Path(model).resolve().name.replace("_", " ")
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in named.lower()).split()) or "model"
    data = plugin_weights(
        loaded, named, plugin_id or f"org.latentmix.{slug}", melodies or loaded.sample(DRAWN, seed=0), half=half
    )
    make_folder(output)
    path = output / "weights.lmw"
    check_target(path)
    replace_file(path, data)
    typer.echo(f"{path}: {named}, {len(data) / 1e6:.1f} MB")
