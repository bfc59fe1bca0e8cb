"""The commands `midi-vae corpus ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from latentmix.cli import grouped, make_group
from latentmix.corpus.command import CorpusOptions, Source, run_corpus

app = make_group("midi-vae", "Read whole corpora of MIDI files into shards of windows, on one machine or many.")


@app.command()
@grouped
def read(
    source: Source,
    corpus: CorpusOptions,
    drums: Annotated[
        bool, typer.Option("--drums", help="Drums instead, for scripts/train_drums.py.", rich_help_panel="Work")
    ] = False,
    whole: Annotated[
        bool,
        typer.Option("--whole", help="Whole tunes instead, for scripts/train_conductor.py.", rich_help_panel="Work"),
    ] = False,
) -> None:
    """Read the melodies of MIDI files as windows of two bars, in shards that scripts/train_melody.py trains on.

    The same command goes on after whatever stopped it, and does what is new in SRC. Files without a melody are listed,
    and the rest goes on; the exit status is 1 then. Takes the extra `cluster`.

    With --drums an info.csv in the folder of SRC, such as the Groove MIDI Dataset has, tells the style of each file.

    \b
    Examples:
    midi-vae corpus read tunes/ -o windows
    midi-vae corpus read groove/ -o grooves --drums
    midi-vae corpus read tunes/ -o whole --whole
    midi-vae corpus read 's3://bucket/lakh/*.tar' -o s3://bucket/windows
    midi-vae corpus read /shared/tunes -o /shared/windows --ray head:6379
    """
    from ..model.config import MelodyVAEConfig
    from ..training.corpus import GroovesOfFiles, WholeTunes, WindowsOfTunes

    if drums and whole:
        raise typer.BadParameter("expected --drums or --whole, found both")
    size = (MelodyVAEConfig.lowest_pitch, MelodyVAEConfig.pitches)
    melodies = WholeTunes(*size) if whole else WindowsOfTunes(*size)
    run_corpus("midi-vae", "reading", GroovesOfFiles.of_source(source) if drums else melodies, source, corpus)
