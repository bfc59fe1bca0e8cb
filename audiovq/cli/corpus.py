"""The commands `audiovq corpus ...`."""

from __future__ import annotations

from typing import Annotated

import typer

from latentmix.cli import grouped, make_app
from latentmix.corpus.command import CorpusOptions, Source, run_corpus

from .options import DEFAULT_MODEL, Model

app = make_app("audiovq")


@app.callback()
def corpus() -> None:
    """Encode whole corpora to shards of codes, on one machine or many."""


@app.command()
@grouped
def encode(
    source: Source,
    corpus: CorpusOptions,
    codebooks: Annotated[
        int | None,
        typer.Option(metavar="Q", min=1, help="The first Q of each frame; default: all.", rich_help_panel="Work"),
    ] = None,
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

    run_corpus("audiovq", "encoding", CodesOfRecordings(model, codebooks), source, corpus)
