"""The command `livemix`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from audiovq.sound.preset_names import PRESETS
from latentmix.cli import Verbose, grouped, make_app, run

from . import plugin
from .options import ControlOptions, LiveOptions, PageOptions
from .sound_options import SoundMaking, SoundPage, SoundPlace

# torch takes seconds to import: what needs it is imported where it is used, and --help, ports and panic do not wait.

MAX_FILES = 8
Api = Annotated[str | None, typer.Option("--midi-api", metavar="API", help="UNIX_JACK, LINUX_ALSA and so on.")]


app = make_app("livemix", "Play the mix of melodies live: from a MIDI controller to notes on time.")
app.add_typer(plugin.app, name="plugin")


def say_loading() -> None:
    """A line at once: what follows takes a while, on a busy machine seconds."""
    typer.echo("loading …", err=True)


def main() -> None:
    """Entry point."""
    run(app)


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
    livemix play A.mid B.mid --drums X.mid --drums Y.mid --audio
    livemix play A.mid B.mid --plan POSITIONS.csv --render OUT.mid --drums X.mid --drums Y.mid
    livemix play A.mid B.mid --sound A.wav --sound B.wav
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
    if playback.render is not None and playback.clock != "internal":
        raise typer.BadParameter("expected internal, for --render does not wait for a clock", param_hint="--clock")
    playback.check_drums(live.ports.channel)
    if len(playback.sound or ()) > MAX_FILES:
        raise typer.BadParameter(f"expected at most {MAX_FILES}", param_hint="--sound")
    if playback.sound and live.ports.soundfont is not None:
        raise typer.BadParameter("expected it without --sound, which is heard instead", param_hint="--soundfont")
    if playback.sound and playback.render is None:
        live = replace(live, ports=replace(live.ports, audio=True))
    say_loading()
    from . import play as show

    raise typer.Exit(show.play(files, live))


@app.command()
@grouped
def sound(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE|in:NAME",
            help=f"2 to 8 recordings, presets ({', '.join(PRESETS)}) or live inputs, in:NAME:CHANNEL.",
        ),
    ],
    place: SoundPlace,
    making: SoundMaking,
    page: SoundPage,
    control: ControlOptions,
    verbose: Verbose = False,
) -> None:
    """Mix sounds in the latent space of a model, live: recordings loop, inputs come in, and a puck moves between them.

    They are heard through JACK where its server runs, else through the system's sound; or written by --render. What
    moves: position, x and y or weight.1 …, pitch (semitones), loudness (dB), harmonicity (dB), brightness (dB an
    octave), hold (all stands still) and mode: morph, or transfer, a live input's pitch and loudness with the mixed
    timbre of the recordings. With --voices the recordings are an instrument for a MIDI keyboard.

    \b
    Examples:
    livemix sound A.wav B.wav --page
    livemix sound in:system A.wav B.wav --set mode=transfer
    livemix sound A.wav B.wav --voices 8 --in "My Keyboard"
    livemix sound A.wav B.wav C.wav D.wav --plan WAY.csv --render OUT.flac --set brightness=2
    """
    if not 2 <= len(sources) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} recordings, found {len(sources)}")
    if making.render is not None:
        for option, given in (
            ("--audio", place.audio),
            ("--in", place.ins),
            ("--virtual", place.virtual),
            ("--page", page.page),
            ("--record", place.record),
        ):
            if given:
                raise typer.BadParameter("expected it without --render, which waits for nobody", param_hint=option)
        if place.voices:
            raise typer.BadParameter(
                "expected livemix play A.mid … --sound, which renders notes", param_hint="--voices"
            )
    if not page.page and page != SoundPage(browser=page.browser):
        raise typer.BadParameter("expected --page", param_hint="--port, --host, --session, --new")
    control.check_osc()
    say_loading()
    from .sound import SoundRequest, run

    raise typer.Exit(run(SoundRequest(sources, place, making, page, control)))


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
        from .recording import check_new_file

        check_new_file(page.export, files or [], live.playback.force, single_page.SUFFIXES)
        melodies = [each.melody for each in live.source.read(files)] if files else opening.opening_melodies()
        size = single_page.export(page.export, live.model.model, melodies)
        typer.echo(f"{page.export}: {size / 1e6:.1f} MB, opens in any browser")
        return
    if files and not 2 <= len(files) <= MAX_FILES:
        raise typer.BadParameter(f"expected 2 to {MAX_FILES} MIDI files or none, found {len(files)}")
    live.playback.check_drums(live.ports.channel, may_come=True)
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
