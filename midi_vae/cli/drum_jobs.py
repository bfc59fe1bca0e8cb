"""What the commands of `midi-vae` do with drums: read and check, then make, write and tell."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from latentmix.cli import check_device
from latentmix.errors import InputError

from .. import labels
from ..audio.drum_sound import drums_to_wav
from ..drum_grid import drums_to_png
from ..drums.evaluation import SAME, distance
from ..drums.groove import Groove
from ..drums.kit import GENERAL_MIDI, Kit, read_kit
from ..drums.transcription import DEFAULT_BARS, DrumLine, read_drums
from ..drums.windows import to_cells
from ..evaluation import path_figures
from ..importing import BarRange, one_each
from ..midi.drum_writer import write_drums
from .options import ChangeOptions, ModelOptions, OutputOptions, PassageOptions, parse_bars
from .outputs import Outputs

if TYPE_CHECKING:
    from ..drums.vae import GrooveVAE

MELODY_MODEL, MODEL = "melody_2bar", "drums_2bar"
MAX_BARS = 20_000  # that a command makes


@dataclass(frozen=True)
class DrumOptions:
    """Drums instead of melodies."""

    drums: Annotated[
        bool,
        typer.Option("--drums", help="Mix the drums of the files (channel 10) instead.", rich_help_panel="Drums"),
    ] = False
    kit: Annotated[
        Path | None,
        typer.Option(
            "--kit",
            metavar="FILE",
            help="A TOML file that says which notes are which drum, such as snare = [38, 40], for a kit that is not "
            "General MIDI; the first is written.",
            rich_help_panel="Drums",
        ),
    ] = None

    def __post_init__(self) -> None:
        if self.kit is not None and not self.drums:
            raise typer.BadParameter("expected --drums with --kit", param_hint="--kit")

    def notes(self) -> Kit:
        """Which note is which instrument."""
        return GENERAL_MIDI if self.kit is None else read_kit(self.kit)


@dataclass(frozen=True)
class DrumPassage:
    """A passage of drums and where it comes from; bars from 0."""

    line: DrumLine
    groove: Groove
    first_bar: int

    def figures(self) -> dict[str, Any]:
        """For `--json`."""
        groove = self.groove
        return {
            "file": self.line.tune.path,
            "tracks": [track.index for track in self.line.tracks],
            "first_bar": self.first_bar + 1,
            "last_bar": self.first_bar + groove.bars,
            "bars_in_file": self.line.bars,
            "metre": f"{groove.metre[0]}/{groove.metre[1]}",
            "tempo": round(groove.tempo, 3),
            "hits": int(groove.hits.sum()),
            "mean_lateness_steps": round(float(self.line.offset.mean()), 4),
            "notes_unknown": sum(count for _, count in self.line.unknown),
            "notes_merged": self.line.merged,
            "remarks": list(self.line.tune.remarks),
        }


@dataclass(frozen=True)
class DrumJob:
    """What a command has in hand once its input and its outputs are found to be good."""

    passages: list[DrumPassage]
    outputs: Outputs
    kit: Kit
    tempo: float | None
    model_name: str
    model: GrooveVAE

    @property
    def grooves(self) -> list[Groove]:
        return [passage.groove for passage in self.passages]


@dataclass(frozen=True)
class Lines:
    """What is to lie between grooves, as of `midi-vae mix`; weights are of one blend instead.

    Raises:
        BadParameter: `beyond` lines and blends was something asked for.
    """

    steps: int
    weights: Sequence[float] | None
    exact_ends: bool
    straight: bool
    beyond: bool = False

    def __post_init__(self) -> None:
        if self.beyond:
            raise typer.BadParameter("expected no --grid and no --spherical with --drums, which has lines and blends")


@dataclass(frozen=True)
class Made:
    """What a command made: grooves, a label for each, and figures of their lines."""

    grooves: list[Groove]
    labels: list[str]
    figures: dict[str, float | None] = field(default_factory=dict)


def read_passage(
    path: Path, kit: Kit, bars: str | None = None, track: str | None = None, like: Groove | None = None
) -> DrumPassage:
    """A passage of the drums of a file: bars A:B as `options.parse_bars` reads them, or as many as `like` has, or two.

    Raises:
        InputError: as `read_drums`, or there is no such passage.
    """
    line = read_drums(path, track, kit)
    wanted = BarRange(None, None) if bars is None else parse_bars(bars)
    start = None if wanted.first is None else wanted.first - 1
    count = None if wanted.last is None else wanted.last - (wanted.first or 1) + 1
    if bars is None:
        count = like.bars if like else DEFAULT_BARS
    return DrumPassage(line, line.excerpt(count, start), line.first_bar if start is None else start)


def prepare(
    files: Sequence[Path],
    drums: DrumOptions,
    excerpt: PassageOptions | None,
    change: ChangeOptions,
    output: OutputOptions,
    choice: ModelOptions,
    count: int,
    stem: str = "",
    separate: bool = False,
) -> DrumJob:
    """Read and check everything for a command that makes so many grooves; nothing is written yet."""
    if change.attribute or change.key != "none" or change.program is not None:
        raise typer.BadParameter("expected no --attribute, --key or --program with --drums, which have none")
    if output.soundfont is not None:
        raise typer.BadParameter("expected no --soundfont with --drums; the sound is that of the built-in kit")
    if excerpt and excerpt.bpm:
        raise typer.BadParameter("expected no --bpm with --drums")
    kit = drums.notes()
    passages: list[DrumPassage] = []
    bars = one_each(excerpt.bars or () if excerpt else (), len(files), "passage")
    tracks = one_each(excerpt.track or () if excerpt else (), len(files), "track")
    for file, wanted, track in zip(files, bars, tracks, strict=True):
        passages.append(read_passage(file, kit, wanted, track, passages[0].groove if passages else None))
    most = count * max((passage.groove.bars for passage in passages), default=2)
    if most > MAX_BARS:
        raise InputError(f"expected at most {MAX_BARS} bars in all, found {most}; choose fewer steps or bars")
    outputs = output.outputs(files, separate, stem)
    name = MODEL if choice.model == MELODY_MODEL else choice.model
    from ..drums.vae import GrooveVAE

    model = GrooveVAE.from_pretrained(name, check_device(choice.device))
    return DrumJob(passages, outputs, kit, change.tempo, name, model)


def prepare_groove(
    file: Path, source: Path | None, drums: DrumOptions, bars: str, output: OutputOptions, choice: ModelOptions
) -> DrumJob:
    """The same for a pattern, all its bars or some, and the file that its groove is to come from."""
    job = prepare([file], drums, PassageOptions(bars=[bars]), ChangeOptions(), output, choice, 1)
    if source is None:
        return job
    return replace(job, passages=[*job.passages, read_passage(source, job.kit, "all")])


def finish(job: DrumJob, make: Callable[[], Made], seed: int | None = None) -> dict[str, Any]:
    """Make grooves and write them; the figures for `--json`."""
    start = time.perf_counter()
    made = make()
    seconds = time.perf_counter() - start
    name = labels.title(groove.name for groove in job.grooves)
    grooves = [replace(groove, name=name, tempo=job.tempo or groove.tempo) for groove in made.grooves]
    hits = {groove.hits.tobytes() for groove in grooves}
    return {
        "inputs": [passage.figures() for passage in job.passages],
        "grooves": len(grooves),
        "distinct": len(hits),
        "bars": grooves[0].bars,
        "metre": f"{grooves[0].metre[0]}/{grooves[0].metre[1]}",
        "tempo": round(grooves[0].tempo, 3),
        "hits": [int(groove.hits.sum()) for groove in grooves],
        **made.figures,
        "seed": seed,
        "model": job.model_name,
        "decode_seconds": round(seconds, 4),
        "files": write(job.outputs, job.kit, grooves, made.labels, name),
    }


def write(outputs: Outputs, kit: Kit, grooves: Sequence[Groove], names: Sequence[str], title: str) -> list[str]:
    """The files written."""
    return outputs.write_by(
        len(grooves),
        lambda path, which: write_drums(path, [grooves[i] for i in which], kit.note_of, [names[i] for i in which]),
        lambda path: drums_to_wav(path, grooves),
        lambda path: drums_to_png(path, grooves, names, title),
    )


def mix(job: DrumJob, lines: Lines) -> Made:
    """Lines from each groove to the next, or one blend of them."""
    from ..drums import mixing

    if lines.weights:
        made = mixing.blend(job.model, job.grooves, lines.weights)
        return Made([made], [labels.of_weights(lines.weights)])
    steps = lines.steps
    grooves = mixing.journey(job.model, job.grooves, steps, exact_ends=lines.exact_ends, straight=lines.straight)
    return Made(grooves, labels.on_journey(len(grooves), steps), _line_figures(grooves, steps))


def _line_figures(grooves: Sequence[Groove], steps: int) -> dict[str, float | None]:
    """Path and largest jump of the lines of a journey, window by window."""
    cells = [to_cells(groove) for groove in grooves]
    joints = range(0, len(cells), steps - 1)
    lines = [np.stack(cells[a : b + 1])[:, w] for a, b in itertools.pairwise(joints) for w in range(len(cells[0]))]
    figures = path_figures(lines, distance, SAME)
    return {
        name: None if np.isnan(value) else round(value, 4)
        for name, value in (("path", figures.path), ("largest_jump", figures.max_jump))
    }


def vary(job: DrumJob, amount: float, count: int, seed: int) -> Made:
    """Variations of one groove."""
    from ..drums import mixing

    return Made(mixing.vary(job.model, job.grooves[0], amount, count, seed=seed), labels.numbers(count))


def groove(job: DrumJob, amount: float, style: str | None) -> Made:
    """The first groove with the feel of the second, or of a drummer."""
    from ..drums import mixing

    if len(job.grooves) > 1:
        return Made([mixing.feel_from(job.grooves[0], job.grooves[1], amount)], ["groove"])
    return Made([mixing.humanise(job.model, job.grooves[0], amount, style)], ["groove"])


def sample(job: DrumJob, count: int, temperature: float, seed: int) -> Made:
    """New grooves."""
    return Made(job.model.sample(count, temperature, seed), labels.numbers(count))
