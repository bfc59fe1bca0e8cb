"""The command `audiovq`."""

from __future__ import annotations

import itertools
import json
from typing import Annotated

import typer

from latentmix.cli import Seed, Verbose, drawn_seed, grouped, importing, make_app, run
from latentmix.files import open_input

from . import corpus, export
from .batches import complain, run_many, tell_made
from .listening import check_made
from .options import (
    AUTO,
    DEFAULT_MODEL,
    AudioFile,
    AvqFile,
    BatchOptions,
    Channels,
    ChoosingOptions,
    ChosenModel,
    Count,
    Json,
    Kbps,
    Length,
    Model,
    Output,
    Part,
    ResultOptions,
    Start,
    Suffix,
    Temperature,
)
from .sound_commands import train_sound
from .token_commands import detokenize, tokens
from .trial import bench

# torch takes seconds to import: what needs it is imported where it is used, and --help and info do not wait.

AVQ_SUFFIXES = frozenset({".avq"})


app = make_app(
    "audiovq",
    "Compress speech to discrete codes: audio files in, small .avq files out, and back; and learn and mix sounds.",
)
app.add_typer(corpus.app, name="corpus")
app.add_typer(export.app, name="export")


def main() -> None:
    """Entry point."""
    run(app)


@app.command()
@grouped
def compress(
    files: ChoosingOptions,
    kbps: Kbps = 1.5,
    channels: Annotated[
        Channels, typer.Option(help="Mix several channels to one, or keep each (at so many times the rate).")
    ] = "mix",
) -> None:
    """Compress audio of any rate to .avq files.

    Folders are done with all that is in them. WAV comes through a pipe as it is spoken. What libsndfile does not read,
    such as .m4a and .webm, is read by ffmpeg where that is installed.

    \b
    Examples:
    audiovq compress talk.wav -o talk.avq
    audiovq compress recordings/ -o compressed/ --kbps 3 --channels keep
    arecord -f S16_LE -r 16000 | audiovq compress - -o - | audiovq decompress - -o - | aplay
    """
    with importing():
        from .jobs import Compress
    from ..audio_io.kinds import readable_suffixes

    work = Compress(kbps, channels == "keep", files.model == AUTO)
    run_many("compressing", work, files, readable_suffixes(), ".avq", takes_audio=True)


@app.command()
@grouped
def decompress(
    files: BatchOptions,
    rate: Annotated[
        int | None, typer.Option(metavar="HZ", min=1000, max=384_000, help="Sample rate; default: the original's.")
    ] = None,
    start: Start = 0.0,
    seconds: Part = None,
    suffix: Annotated[Suffix, typer.Option("--format", help="Of the files in a folder.")] = "wav",
) -> None:
    """Decompress .avq files to 16-bit WAV, FLAC or Ogg Vorbis, by the suffix of OUT.

    Damaged chunks are bridged by sound that fades away, and told; the exit status is 1 then.

    \b
    Examples:
    audiovq decompress talk.avq -o talk.wav
    audiovq decompress talk.avq -o part.flac --start 60 --seconds 10
    audiovq decompress compressed/ -o decoded/ --format ogg
    """
    with importing():
        from .jobs import Decompress

    run_many("decompressing", Decompress(rate, start, seconds), files, AVQ_SUFFIXES, f".{suffix}")


@app.command()
def info(file: AvqFile, as_json: Json = False, verbose: Verbose = False) -> None:
    """Show length, rate and damage of a compressed file, after checking every byte of it.

    The exit status is 1 where something is damaged.

    \b
    Examples:
    audiovq info talk.avq
    audiovq info talk.avq --json
    """
    from .inspection import file_figures

    with open_input(str(file)) as (stream, name):
        figures = file_figures(stream, name)
    if as_json:
        print(json.dumps(figures, indent=2))
    else:
        from .report import print_file

        print_file(figures)
    if figures["damage"]:
        complain(f"{figures['file']}: {figures['damage']}")
        raise typer.Exit(1)


app.command()(tokens)
app.command()(detokenize)


@app.command()
@grouped
def sample(
    output: Output,
    *,
    count: Count = 1,
    seconds: Length = 5.0,
    temperature: Temperature = 0.9,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    result: ResultOptions,
) -> None:
    """Make new audio that sounds like speech and says nothing, out of nothing but chance.

    -o names a sound file, or a folder for several.

    \b
    Examples:
    audiovq sample -o babble.wav --seconds 10
    audiovq sample -n 8 --temperature 0.8 --seed 1 -o samples
    """
    from ..codec import generation
    from ..codec.codec import Codec

    seed = drawn_seed(seed)
    paths = generation.output_paths(output, count, "sample")
    check_made(paths, result)
    codec, prior = Codec.from_pretrained(model), generation.load_prior(model)
    samples, made = round(seconds * codec.sample_rate), []
    for number, path in enumerate(paths):
        frames = -(-samples // codec.hop) + generation.late_frames(codec)
        new = generation.new_frames(prior, frames, temperature, seed + number)
        made.append((path, generation.write_codes(codec, new, path, samples)))
    tell_made(made, "Samples", result, seed)


@app.command("continue")
@grouped
def continue_(
    recording: AudioFile,
    output: Output,
    *,
    seconds: Length = 5.0,
    temperature: Temperature = 0.9,
    only_new: Annotated[bool, typer.Option("--only-new", help="Leave the recording itself out.")] = False,
    seed: Seed = None,
    model: Model = DEFAULT_MODEL,
    result: ResultOptions,
) -> None:
    """Let a recording go on with what the learned prior finds likely.

    \b
    Examples:
    audiovq continue talk.wav -o longer.wav --seconds 5 --seed 1
    audiovq continue talk.avq -o rest.wav --only-new
    """
    from ..codec import choice, generation
    from ..codec.codec import Codec

    seed = drawn_seed(seed)
    (path,) = generation.output_paths(output, 1, "continued")
    check_made([path], result)
    codec, prior = Codec.from_pretrained(model), generation.load_prior(model)
    with generation.open_recording(str(recording), codec) as source:
        overheard = choice.Overheard(source)
        heard = codec.encode_source(overheard.source)
    rate = codec.sample_rate / codec.hop
    samples = round(seconds * codec.sample_rate)
    frames = -(-samples // codec.hop) + generation.late_frames(codec)
    new = generation.following_frames(prior, heard.codes, frames, temperature, seed, rate)
    said = [] if only_new else [heard.codes]
    samples += sum(each.shape[1] for each in said) * codec.hop
    made = generation.write_codes(codec, itertools.chain(said, new), path, samples, (heard.gain,))
    notices = [*heard.notices, *overheard.advice(codec, choice.CANNOT_GO_ON)]
    tell_made([(path, made)], f"{recording}, continued", result, seed, {recording: notices})


@app.command()
@grouped
def mix(
    first: Annotated[str, typer.Argument(metavar="A", help="A recording, or an .avq file; of sounds also a preset.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    output: Output,
    steps: Annotated[int, typer.Option(metavar="N", min=2, max=100, help="Recordings, A and B included.")] = 5,
    separate: Annotated[bool, typer.Option("--separate", help="One file a step, into the folder named by -o.")] = False,
    *,
    model: ChosenModel = AUTO,
    result: ResultOptions,
) -> None:
    """Go from one recording to another in steps, on straight lines in the latent space of the codec.

    Silence follows the shorter one. The steps come one after another in one file, or each in its own. With a model of
    sounds, sound_48k or one of audiovq train-sound, instruments and voices are morphed at 48 kHz: length, pitch,
    loudness and timbre go evenly from A's to B's.

    \b
    Examples:
    audiovq mix A.wav B.wav --steps 5 -o mix.wav
    audiovq mix sax.wav voice.wav --model sound_48k --steps 9 -o morph.wav
    audiovq mix A.wav B.avq --steps 9 --separate -o steps
    """
    from ..codec.generation import output_paths
    from ..sound.model import CHECKPOINT
    from . import sounds
    from .mixing import mix_recordings

    paths = output_paths(output if not separate else output + "/", steps if separate else 1, "step")
    check_made(paths, result)
    notices: dict[str, list[str]] = {}
    if model != AUTO and CHECKPOINT.is_of(model):
        made = sounds.mix(model, first, second, steps, paths)
    else:
        made, notices = mix_recordings(model, first, second, steps, paths)
    tell_made(made, f"From {first} to {second}", result, notices=notices)


app.command("train-sound")(train_sound)
app.command()(bench)
