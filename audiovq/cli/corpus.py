"""The commands `audiovq corpus ...`."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Annotated

import typer

from latentmix.cli import grouped, make_group
from latentmix.corpus.command import CorpusOptions, Source, run_corpus

from .batches import tell_left_out
from .options import DEFAULT_MODEL, Model

if TYPE_CHECKING:
    from latentmix.corpus.shard import Work

_work = functools.partial(typer.Option, rich_help_panel="Work")
app = make_group(
    "audiovq", "Make shards of whole corpora, on one machine or many: codes, and what models are trained on."
)


@app.command()
@grouped
def encode(
    source: Source,
    corpus: CorpusOptions,
    codebooks: Annotated[int | None, _work(metavar="Q", min=1, help="The first Q of each frame; default: all.")] = None,
    model: Model = DEFAULT_MODEL,
) -> None:
    """Encode audio to codes, in shards that `latentmix.corpus` reads back to train on.

    The same command goes on after whatever stopped it, and does what is new in SRC. Files that cannot be read are
    listed, and the rest goes on; the exit status is 1 then. Takes the extra `cluster`.

    \b
    Examples:
    audiovq corpus encode recordings/ -o codes
    audiovq corpus encode 's3://bucket/speech/*.flac' -o s3://bucket/codes --format webdataset
    audiovq corpus encode /shared/speech -o /shared/codes --ray head:6379 --jobs 64
    """
    from ..codec.corpus import CodesOfRecordings

    _run("encoding", CodesOfRecordings(model, codebooks), source, corpus)


@app.command()
@grouped
def label(
    source: Source,
    corpus: CorpusOptions,
    pitch_bins: Annotated[int, _work(metavar="N", help="Of the model: 128 reach 400 Hz, 175 807 Hz.")] = 175,
) -> None:
    """Label speech with its pitch and periodicity, in shards that scripts/train_vq.py trains on.

    Goes on, and lists what it cannot read, as `audiovq corpus encode` does.

    \b
    Examples:
    audiovq corpus label recordings/ -o labelled
    audiovq corpus label /shared/speech -o /shared/labelled --ray head:6379
    """
    from ..training.corpora import LabelledSpeech

    _run("labelling", LabelledSpeech(pitch_bins), source, corpus)


@app.command()
@grouped
def analyse(
    source: Source,
    corpus: CorpusOptions,
    rate: Annotated[int, _work(metavar="HZ", help="Of the model: 44100 or 48000.")] = 48_000,
) -> None:
    """Analyse recordings of any sound, in shards that scripts/train_sound.py trains on.

    Goes on, and lists what it cannot read, as `audiovq corpus encode` does.

    \b
    Examples:
    audiovq corpus analyse recordings/ -o sounds
    audiovq corpus analyse /shared/archive -o /shared/sounds --ray head:6379
    """
    from ..training.corpora import AnalysedSounds

    _run("listening", AnalysedSounds(rate), source, corpus)


def _run(what: str, work: Work, source: str, corpus: CorpusOptions) -> None:
    """Build the corpus; of a folder on this machine, tell what is not taken."""
    tell_left_out([source], work.suffixes)
    run_corpus("audiovq", what, work, source, corpus)
