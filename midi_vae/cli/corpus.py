"""The commands `midi-vae corpus ...`."""

from __future__ import annotations

from latentmix.cli import grouped, make_app
from latentmix.corpus.command import CorpusOptions, Source, run_corpus

app = make_app("midi-vae")


@app.callback()
def corpus() -> None:
    """Read whole corpora of MIDI files into shards of windows, on one machine or many."""


@app.command()
@grouped
def read(source: Source, corpus: CorpusOptions) -> None:
    """Read the melodies of MIDI files as windows of two bars, in shards that scripts/train_melody.py trains on.

    The same command goes on after whatever stopped it, and does what is new in SRC. Files without a melody are listed,
    and the rest goes on; the exit status is 1 then. Takes the extra `cluster`.

    \b
    Examples:
    midi-vae corpus read tunes/ -o windows
    midi-vae corpus read 's3://bucket/lakh/*.tar' -o s3://bucket/windows
    midi-vae corpus read /shared/tunes -o /shared/windows --ray head:6379
    """
    from ..model.config import MelodyVAEConfig
    from ..training.corpus import WindowsOfTunes

    config = MelodyVAEConfig()
    run_corpus("midi-vae", "reading", WindowsOfTunes(config.lowest_pitch, config.pitches), source, corpus)
