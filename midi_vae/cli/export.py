"""The commands `midi-vae export ...`: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Force, Verbose, grouped, make_group, may_replace
from latentmix.errors import InputError, check_count
from latentmix.files import check_target, make_folder, replace_file

from ..checkpoint import GROOVE_CHECKPOINT
from ..plugin_limits import PLUGIN_PIECES
from .options import PassageOptions

app = make_group("midi-vae", "Write a model for other programs.")
ModelArgument = Annotated[str, typer.Argument(metavar="MODEL", help="One that comes with the package, or a folder.")]
MAX_MELODIES = 8
MIN_BETWEEN = 2
RUN_FOLDER = "model"  # of a training run, in a folder that somebody named


@app.command()
@grouped
def plugin(
    model: ModelArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    source: PassageOptions,
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What hosts show. Default: the name of the model's or the run's folder."),
    ] = None,
    plugin_id: Annotated[
        str | None,
        typer.Option("--id", metavar="ID", help="What projects name it by, org.example.tunes. Default: of the name."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option(
            "--melody",
            "--groove",
            metavar="FILE",
            help="A MIDI file that the plugin starts with, up to 4 times. Default: four drawn from the model.",
        ),
    ] = None,
    half: Annotated[
        bool, typer.Option("--half", help="Half the size; a note here and there may be another one.")
    ] = False,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Write the weights file from which `livemix plugin` makes LV2, CLAP and VST3 plugins.

    \b
    Examples:
    midi-vae export plugin runs/melody/model --name "My tunes" -o my-tunes
    midi-vae export plugin melody_2bar --melody A.mid --melody B.mid --bars 1:4 -o two
    midi-vae export plugin drums_2bar --groove A.mid --groove B.mid -o drums
    """

    files = file or []
    path = output / "weights.lmw"
    may_replace("midi-vae", [path], force)
    if len(files) > PLUGIN_PIECES:
        raise InputError(f"expected at most {PLUGIN_PIECES} files, as many as a plugin mixes, found {len(files)}")
    folder = Path(model).resolve()
    folder = folder.parent if folder.name == RUN_FOLDER else folder
    named = name or folder.name.replace("_", " ")
    slug = "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in named.lower()).split()) or "model"
    data = _weights(model, named, plugin_id or f"org.latentmix.{slug}", files, source, half)
    make_folder(output)
    check_target(path)
    replace_file(path, data)
    typer.echo(f"{path}: {named}, {len(data) / 1e6:.1f} MB")


def _weights(model: str, name: str, plugin_id: str, files: list[Path], source: PassageOptions, half: bool) -> bytes:
    """The file's bytes, with the melodies or the drums of the files, by what the model is of.

    Raises:
        InputError: no model, or files without what it takes.
    """
    if GROOVE_CHECKPOINT.is_of(model):
        from ..drums.kit import GENERAL_MIDI
        from ..drums.vae import GrooveVAE
        from ..plugin_grooves import groove_weights
        from .drum_report import read_passages

        drums = GrooveVAE.from_pretrained(model)
        grooves = [passage.groove for passage in read_passages(files, source, GENERAL_MIDI)]
        return groove_weights(drums, name, plugin_id, grooves or drums.sample(PLUGIN_PIECES, seed=0), half=half)
    from ..plugin_weights import check_held, plugin_weights
    from ..vae import MelodyVAE

    melodies = [passage.melody for passage in source.read(files)] if files else []
    check_held(melodies)
    loaded = MelodyVAE.from_pretrained(model)
    return plugin_weights(loaded, name, plugin_id, melodies or loaded.sample(PLUGIN_PIECES, seed=0), half=half)


@app.command()
def onnx(
    model: ModelArgument,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Write encoder.onnx (tokens to latents), decoder.onnx (latents to tokens) and model.json, which explains them.

    Needs the packages of the extra "onnx".

    \b
    Example:
    midi-vae export onnx melody_2bar -o onnx
    """
    from ..onnx_export import onnx_files
    from ..vae import MelodyVAE

    files = onnx_files(MelodyVAE.from_pretrained(model))
    may_replace("midi-vae", (output / name for name in files), force)
    make_folder(output)
    for name, data in files.items():
        check_target(output / name)
        replace_file(output / name, data)
    typer.echo(f"{output}: {', '.join(files)}, {sum(map(len, files.values())) / 1e6:.1f} MB")


@app.command()
@grouped
def torchscript(
    model: ModelArgument,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="2 to 8 MIDI files to go between.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.ts", help="Where to.")],
    source: PassageOptions,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Write a TorchScript file as nn~ for Max and Pure Data takes it: position and phase in; pitch, gate and onset out.

    \b
    Example:
    midi-vae export torchscript melody_2bar A.mid B.mid -o mix.ts
    """
    check_count(len(files), MIN_BETWEEN, MAX_MELODIES, "melodies to go between")
    check_target(output)
    may_replace("midi-vae", [output], force)
    from ..torchscript_export import torchscript_file
    from ..vae import MelodyVAE

    melodies = [passage.melody for passage in source.read(files)]
    data = torchscript_file(MelodyVAE.from_pretrained(model), melodies)
    replace_file(output, data)
    typer.echo(f"{output}: {len(data) / 1e6:.1f} MB")
