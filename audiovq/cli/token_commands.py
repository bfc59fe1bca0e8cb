"""The commands `audiovq tokens` and `audiovq detokenize`, for language models and others that think in codes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated

import typer

from latentmix.cli import Force, Verbose, grouped, may_replace
from latentmix.errors import InputError

from .batches import complain, run_many
from .options import DEFAULT_MODEL, CodeOptions, Jobs, Model, Suffix, TokenInputs

if TYPE_CHECKING:
    from ..bitstream.packing import Coder

# as in app.py, what needs torch is imported where it is used


def tokens(
    inputs: TokenInputs,
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="NumPy file to write, .npy, or a folder for several.")
    ],
    codebooks: Annotated[
        int | None,
        typer.Option(
            "--codebooks", metavar="Q", min=1, help="So many everywhere, without holes; default: all there are."
        ),
    ] = None,
    model: Model = DEFAULT_MODEL,
    jobs: Jobs = None,
    force: Force = False,
    verbose: Verbose = False,
) -> None:
    """Write the codes of recordings, compressed or not, as NumPy arrays.

    They are (Q, N) int16, 50 frames a second, or (C, Q, N) of compressed files of several channels. Without
    --codebooks, codes of damaged chunks of a compressed file are -1, and those of the last codebook in chunks that
    the rate did not pay it for.

    \b
    Examples:
    audiovq tokens talk.avq -o codes.npy
    audiovq tokens recordings/ -o codes/ --codebooks 4
    """
    from .inspection import is_avq, write_tokens

    if len(inputs) > 1 or os.path.isdir(inputs[0]) or os.path.isdir(output) or not is_avq(inputs[0]):
        from ..audio_io.kinds import readable_suffixes
        from .token_jobs import Tokenize

        files = CodeOptions(inputs, output, model, jobs=jobs, force=force)
        run_many("encoding", Tokenize(codebooks), files, readable_suffixes() | {".avq"}, ".npy", takes_audio=True)
        return

    def coder_of() -> Coder | None:
        from ..codec.codec import load_coder

        return load_coder(model)

    if not output.endswith(".npy"):
        raise InputError(f"{output}: expected a name that ends in .npy")
    may_replace("audiovq", [output], force)
    shape, damage = write_tokens(inputs[0], output, coder_of, codebooks)
    typer.echo(f"{output}: {' x '.join(map(str, shape))} codes")
    if damage:
        complain(f"{inputs[0]}: {damage}")
        raise typer.Exit(1)


@grouped
def detokenize(
    files: CodeOptions,
    suffix: Annotated[Suffix, typer.Option("--format", help="Of the files in a folder.")] = "wav",
) -> None:
    """Decode NumPy arrays of codes, (Q, N) or (C, Q, N), to sound; what tokens wrote, or a program of yours.

    Fewer codebooks than the model has are enough, and any but the first may be -1 where it is left out.

    \b
    Examples:
    audiovq detokenize codes.npy -o talk.wav
    audiovq detokenize codes/ -o sounds/ --format flac
    """
    from .token_jobs import Detokenize

    run_many("decoding", Detokenize(), files, frozenset({".npy"}), f".{suffix}")
