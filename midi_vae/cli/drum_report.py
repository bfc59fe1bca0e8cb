"""What there is to say about drums in files and made of them: figures for machines, lines for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import labels
from ..drums.groove import Groove
from ..drums.kit import INSTRUMENTS, Kit
from ..drums.transcription import DEFAULT_BARS, DrumLine, read_drums
from ..importing import BarRange, one_each
from ..music.bars import metres_within
from ..music.partners import rebarred
from .options import DrumOptions, PassageOptions, parse_bars


@dataclass(frozen=True)
class DrumPassage:
    """A passage of drums and where it comes from; bars of the file from 0, both included."""

    line: DrumLine
    groove: Groove
    first_bar: int
    last_bar: int

    def figures(self, wanted: tuple[int, int] | None = None) -> dict[str, Any]:
        """For `--json`; with what becomes of it in bars of a wanted metre."""
        groove = self.groove
        return {
            "file": self.line.tune.path,
            "tracks": [track.index for track in self.line.tracks],
            "first_bar": self.first_bar + 1,
            "last_bar": self.last_bar + 1,
            "bars_in_file": self.line.bars,
            "metre": f"{groove.metre[0]}/{groove.metre[1]}",
            "metres": metres_within(self.line.sections, self.first_bar, self.last_bar),
            "tempo": round(groove.tempo, 3),
            "hits": int(groove.hits.sum()),
            "rebarred": rebarred(groove.hits.sum(1), groove.metre, wanted or groove.metre, "hit"),
            "mean_lateness_steps": round(float(self.line.offset.mean()), 4),
            "notes_unknown": sum(count for _, count in self.line.unknown),
            "notes_merged": self.line.merged,
            "remarks": list(self.line.tune.remarks),
        }


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
    groove, first = line.excerpt(count, start), line.first_bar if start is None else start
    end = round(line.bar_start(first)) + len(groove.velocities)
    return DrumPassage(line, groove, first, line.bars - 1 if count is None else line.bar_at(end - 1))


def read_passages(files: Sequence[Path], excerpt: PassageOptions, kit: Kit) -> list[DrumPassage]:
    """The passages of files that options ask for, all of the length of the first where they do not say.

    Raises:
        InputError: as `read_passage`.
    """
    passages: list[DrumPassage] = []
    bars = one_each(excerpt.bars or (), len(files), "passage")
    tracks = one_each(excerpt.track or (), len(files), "track")
    for file, wanted, track in zip(files, bars, tracks, strict=True):
        passages.append(read_passage(file, kit, wanted, track, passages[0].groove if passages else None))
    return passages


def groove_figures(grooves: Sequence[Groove]) -> dict[str, Any]:
    """How many grooves and different ones there are, what they have in common, and the hits of each."""
    first = grooves[0]
    return {
        "grooves": len(grooves),
        "distinct": len({groove.hits.tobytes() for groove in grooves}),
        "bars": first.bars,
        "metre": f"{first.metre[0]}/{first.metre[1]}",
        "tempo": round(first.tempo, 3),
        "hits": [int(groove.hits.sum()) for groove in grooves],
    }


def file_figures(path: Path, track: str | None, drums: DrumOptions) -> dict[str, Any]:
    """What drums are in a file."""
    passage = read_passage(path, drums.notes(), None, track)
    line = passage.line
    return {
        **passage.figures(),
        "drums": {name: int((line.instrument == i).sum()) for i, name in enumerate(INSTRUMENTS)},
        "hits_in_file": len(line.step),
        "mean_distance_steps": round(float(np.abs(line.offset).mean()), 4),
        "unknown": {str(note): count for note, count in line.unknown},
    }


def print_file(figures: dict[str, Any]) -> None:
    """Print what `file_figures` found, for people."""
    print(f"{figures['file']}: {figures['bars_in_file']} bars of {figures['metre']}, {figures['tempo']:g} BPM")
    struck = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in figures["drums"].items() if count)
    print(f"  drums in track {', '.join(map(str, figures['tracks']))}, from bar {figures['first_bar']}: {struck}")
    late = figures["mean_lateness_steps"]
    print(
        f"  hits are off the grid by {figures['mean_distance_steps']:.2f} of a sixteenth; "
        f"all together {abs(late):.2f} {'late' if late >= 0 else 'early'}"
    )
    if figures["unknown"]:
        lost = ", ".join(f"{note} ({count})" for note, count in figures["unknown"].items())
        print(f"  left out, for the kit has no instrument for them: notes {lost}; --kit can name one")
    if figures["notes_merged"]:
        print(f"  {figures['notes_merged']} left out, for the same drum is struck harder on the same sixteenth")
    for remark in figures["remarks"]:
        print(f"  read though something is wrong with the file: {remark}")


def print_made(figures: dict[str, Any]) -> None:
    """Print what a command made, for people."""
    for passage in figures["inputs"]:
        print(
            f"{passage['file']}: bars {passage['first_bar']} to {passage['last_bar']} of {passage['bars_in_file']}, "
            f"{passage['metre']}, {passage['tempo']:g} BPM, {labels.counted('hit', passage['hits'])}"
        )
        for told in (labels.metre_changes(passage["metres"]), passage["rebarred"]):
            if told:
                print(f"  {told}")
        left = passage["notes_unknown"]
        if left:
            print(f"  {left} notes of the file left out: the kit has no instrument for them (midi-vae info --drums)")
    count = figures["grooves"]
    grooves = "1 groove" if count == 1 else f"{count} grooves, {figures['distinct']} different"
    said = [f"{grooves}, {labels.counted('bar', figures['bars'])}; {labels.counted('hit', *figures['hits'])}"]
    said += labels.known(figures, ("path", "largest_jump", "seed"))
    print("; ".join(said))
    if empty := labels.silent(figures["hits"], "hits"):
        print(f"  {empty}")
    for path in figures["files"]:
        print(f"wrote {path}")
