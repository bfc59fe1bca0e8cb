"""The command `livemix`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import Verbose, grouped, make_app, run, version_option

from . import plugin
from .options import Clock, LiveOptions, PageOptions

# torch takes seconds to import: what needs it is imported where it is used, and --help, ports and panic do not wait.

MAX_FILES = 8
Api = Annotated[str | None, typer.Option("--midi-api", metavar="API", help="UNIX_JACK, LINUX_ALSA and so on.")]


app = make_app("livemix")
app.add_typer(plugin.app, name="plugin")


def say_loading() -> None:
    """A line at once: what follows takes a while, on a busy machine seconds."""
    typer.echo("loading …", err=True)


def main() -> None:
    """Entry point."""
    run(app)


@app.callback()
def livemix(
    version: Annotated[bool, version_option("livemix")] = False,
) -> None:
    """Play the mix of melodies live: from a MIDI controller to notes on time."""


@app.command()
@grouped
def play(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="2 to 8 MIDI files.")],
    live: LiveOptions,
) -> None:
    """Loop a mix of melodies that follows your hands.

    Without a port it opens `latentmix in` and `latentmix out` for others to connect to. The mod wheel moves from the
    first melody to the last; see docs/controllers.md for all else. Ctrl-C ends it, and every note with it.

    \b
    Examples:
    livemix play A.mid B.mid --virtual
    livemix play A.mid B.mid C.mid D.mid --in nanoKONTROL2 --out "My Synth" --map nanokontrol2 --clock midi
    livemix play A.mid B.mid --audio --record OUT.mid
    livemix play A.mid B.mid --plan POSITIONS.csv --render OUT.mid --drums A.mid --drums B.mid
    livemix play A.mid B.mid --plan POSITIONS.csv --sound A.wav --sound B.wav --render OUT.wav
    """
    if not 2 <= len(files) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} MIDI files, found {len(files)}")
    playback = live.playback
    if playback.render is not None and live.control.automation is None:
        raise typer.BadParameter("expected --plan POSITIONS.csv to say what is played", param_hint="--render")
    if playback.render is not None and playback.record is not None:
        raise typer.BadParameter(
            "expected one of the two: --render writes what is played itself", param_hint="--record"
        )
    if playback.render is not None and playback.clock is not Clock.internal:
        raise typer.BadParameter("expected internal, for --render does not wait for a clock", param_hint="--clock")
    if playback.drums and (playback.render is None or playback.render.suffix.lower() not in (".mid", ".midi")):
        raise typer.BadParameter("expected --render OUT.mid, which alone plays drums", param_hint="--drums")
    if playback.kit is not None and not playback.drums:
        raise typer.BadParameter("expected --drums with --kit", param_hint="--kit")
    if len(playback.drums or ()) not in (0, 1, len(files)):
        raise typer.BadParameter(f"expected one file or {len(files)}, as there are melodies", param_hint="--drums")
    if playback.sound and (playback.render is None or len(playback.sound) > MAX_FILES):
        raise typer.BadParameter(f"expected --render OUT.wav, and at most {MAX_FILES}", param_hint="--sound")
    say_loading()
    from . import play as show

    raise typer.Exit(show.play(files, live))


@app.command()
def sound(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="2 to 8 recordings.")],
    render: Annotated[Path, typer.Option(metavar="OUT.wav", help="Write the mix: .wav, .flac or .ogg.")],
    plan: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="What moves when; from the first to the last without one.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PARAMETER=VALUE", help="To begin with, such as brightness=3."),
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.1, max=1200.0, help="Of the mix, without --plan.")] = 8.0,
    tempo: Annotated[float, typer.Option(min=20.0, max=400.0, help="Of a plan in beats or bars.")] = 120.0,
    model: Annotated[str, typer.Option(metavar="NAME|FOLDER", help="Of audiovq train-sound.")] = "sound_48k",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    verbose: Verbose = False,
) -> None:
    """Mix sounds in the latent space of a model: each recording loops, and a puck moves between them.

    A plan is a table as of livemix play: seconds, then position, x and y or weight.1 …, pitch (semitones), loudness
    (dB), harmonicity (dB) and brightness (dB an octave).

    \b
    Examples:
    livemix sound A.wav B.wav --render OUT.wav
    livemix sound A.wav B.wav C.wav D.wav --plan WAY.csv --render OUT.flac --set brightness=2
    """
    if not 2 <= len(files) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} recordings, found {len(files)}")
    from .sound import SoundRequest, write_mix

    write_mix(SoundRequest(files, render, plan, settings or [], seconds, tempo, model, force))


@app.command()
@grouped
def web(
    page: PageOptions,
    live: LiveOptions,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[FILE]", help="2 to 8 MIDI files, or none.")] = None,
) -> None:
    """Mix melodies in the browser.

    The page makes its own sound; ports are opened where they are asked for. Ctrl-C ends it.

    \b
    Examples:
    livemix web
    livemix web A.mid B.mid C.mid --out "My Synth" --in nanoKONTROL2 --map nanokontrol2
    livemix web --host 0.0.0.0
    livemix web A.mid B.mid --export page.html
    """
    if page.export:
        from ..plugins import single_page
        from ..web import opening

        melodies = [each.melody for each in live.source.read(files)] if files else opening.opening_melodies()
        size = single_page.export(page.export, live.model.model, melodies)
        typer.echo(f"{page.export}: {size / 1e6:.1f} MB, opens in any browser")
        return
    if files and not 2 <= len(files) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} MIDI files or none, found {len(files)}")
    say_loading()
    from . import web as server

    raise typer.Exit(server.run(files or [], page, live))


@app.command()
def ports(
    as_json: Annotated[bool, typer.Option("--json", help="For machines, on standard output.")] = False,
    verbose: Verbose = False,
) -> None:
    """List the MIDI ports that are there, and of each MIDI system that does not work, why."""
    from . import listing

    listing.show(listing.scan(), as_json)


@app.command()
def panic(
    out: Annotated[list[str] | None, typer.Option("--out", metavar="NAME", help="Only this port.")] = None,
    midi_api: Api = None,
    verbose: Verbose = False,
) -> None:
    """End all notes on all channels of all MIDI outputs."""
    from . import listing

    print("all notes off: " + ", ".join(listing.panic(out or [], midi_api)))


@app.command()
def learn(
    parameters: Annotated[
        list[str] | None, typer.Argument(metavar="PARAMETER", help="What to bind: position, x, y, hold and so on.")
    ] = None,
    map: Annotated[Path, typer.Option("--map", metavar="FILE", help="The TOML file to add to, or to make.")] = Path(
        "latentmix.toml"
    ),
    ins: Annotated[list[str] | None, typer.Option("--in", metavar="NAME", help="The controller's port.")] = None,
    midi_api: Api = None,
    virtual: Annotated[bool, typer.Option("--virtual", help="Open `latentmix in` to learn from.")] = False,
    verbose: Verbose = False,
) -> None:
    """Bind the knobs of a controller: move one, it is bound.

    \b
    Examples:
    livemix learn position x y hold --map mine.toml
    livemix play A.mid B.mid --in "My Controller" --map mine.toml
    """
    from . import learn as teach

    teach.run(parameters or ["position"], map, ins or [], midi_api, virtual)
