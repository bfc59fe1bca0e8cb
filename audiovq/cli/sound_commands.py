"""Commands of `audiovq` that are about models of sounds alone."""

from __future__ import annotations

from typing import Annotated

import typer

from latentmix.cli import Seed, Verbose, drawn_seed

from .options import DEFAULT_SOUND_MODEL, finite


def train_sound(
    recordings: Annotated[str, typer.Argument(metavar="FOLDER", help="Recordings of a sound, 5 to 60 minutes.")],
    output: Annotated[str, typer.Option("-o", "--output", metavar="FOLDER", help="The model, and how it came about.")],
    judge: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Recordings to judge it by, instead of a twelfth of those.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", min=0.1, max=10_000.0, callback=finite, help="That it may take.")
    ] = None,
    steps: Annotated[int | None, typer.Option(metavar="N", min=1, max=10**7, help="Instead of minutes.")] = None,
    start_from: Annotated[
        str, typer.Option("--from", metavar="NAME|FOLDER|none", help="A model to begin with.")
    ] = DEFAULT_SOUND_MODEL,
    rate: Annotated[int | None, typer.Option(metavar="HZ", help="44100 or 48000, with --from none.")] = None,
    threads: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="CPU threads.")] = 1,
    seed: Seed = None,
    verbose: Verbose = False,
) -> None:
    """Learn a sound from recordings of it, on this computer's processor alone.

    Begins with the general model and takes 15 minutes, or with --from none 60. Twenty times on the way the folder gets
    the model as of now, something to hear and to see (example.wav, example.png) and how good it is (quality.png).
    Ctrl-C stops it whenever you like what you hear; the same command goes on.

    \b
    Examples:
    audiovq train-sound recordings/ -o mysound
    audiovq mix A.wav B.wav --model mysound -o morph.wav
    """
    from . import sounds

    request = sounds.Training(recordings, output, judge, minutes, steps, start_from, rate, threads, drawn_seed(seed))
    sounds.train(request)
