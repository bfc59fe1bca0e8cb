"""The commands `livemix plugin ...`: the models inside a DAW."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Verbose, make_group
from latentmix.errors import InputError

app = make_group("livemix", "LV2, CLAP and VST3 plugins that mix melodies and drums inside a DAW.")
Model = Annotated[
    Path | None,
    typer.Argument(metavar="MODEL", help="What `midi-vae export plugin` wrote; default: the models of the package."),
]


@app.command()
def build(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    model: Model = None,
    target: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="linux-x86-64, linux-arm64, windows-x86-64, macos-arm64 or macos-x86-64."),
    ] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Compile even where there are binaries.")] = False,
    verbose: Verbose = False,
) -> None:
    """Build plugins for this machine or, with ziglang, for others; earlier ones of the same name are replaced.

    \b
    Examples:
    livemix plugin build -o plugins
    livemix plugin build my-tunes --target windows-x86-64 --target macos-arm64 -o plugins
    """
    from ..plugins import build as building
    from ..plugins import make
    from ..plugins.compiler import this_machine

    here = this_machine()
    targets = [building.target_named(name) for name in target or ([here.name] if here else [])]
    if not targets:
        raise InputError("expected --target with a machine to build for: this one is none that plugins are built for")
    with make.weights_files(model) as files:
        for each in targets:
            folder = output / each.name if target else output
            binaries = make.binaries_for(each, anew)
            for weights in files:
                for made in building.bundle(binaries, each, weights, folder):
                    typer.echo(made)


@app.command()
def install(
    model: Model = None,
    into: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Folders lv2, clap and vst3 in there, instead of yours.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Put the plugins where the hosts of this user look for them; an earlier one of the same name is replaced.

    \b
    Examples:
    livemix plugin install
    livemix plugin install my-tunes
    """
    from ..plugins import build as building
    from ..plugins import make, places
    from ..plugins.compiler import this_machine

    here = this_machine()
    if here is None:
        raise InputError("expected Linux, Windows or macOS on x86-64 or Arm, found another machine")
    folders = {name: into / name for name in places.FORMATS} if into else places.plugin_folders()
    with make.weights_files(model) as files:
        binaries = make.binaries_for(here)
        for weights in files:
            for made in building.bundle_into(binaries, here, weights, folders):
                typer.echo(made)


@app.command()
def pd(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to; made if missing.")],
    model: Model = None,
    verbose: Verbose = False,
) -> None:
    """Build the external [latentmix] for Pure Data, with its help patch, into a folder for Pd's search path, anew.

    \b
    Example:
    livemix plugin pd -o ~/Documents/Pd/externals/latentmix
    """
    from ..plugins import make

    with make.weights_files(model) as files:
        for made in make.pd_external(files[0], output):
            typer.echo(made)


@app.command("list")
def show(
    into: Annotated[Path | None, typer.Option(metavar="FOLDER", help="As of install.")] = None,
    verbose: Verbose = False,
) -> None:
    """Show which plugins are installed: format, name, id, where."""
    from ..plugins import places

    folders = {name: into / name for name in places.FORMATS} if into else None
    found = list(places.installed(folders))
    for each in found:
        typer.echo(f"{each.format:5} {each.identity.name}  {each.identity.plugin_id}  {each.path}")
    if not found:
        typer.echo("none; `livemix plugin install` puts them in place")
