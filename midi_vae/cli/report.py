"""What there is to say about files and mixes: figures for machines, lines for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import typer

from .. import labels
from ..evaluation import distance, path_figures
from ..importing import Passage, read_passage
from ..music.bars import metres_within
from ..music.melody import ONSET, Melody
from ..music.partners import rebarred
from .track_table import print_tracks, track_figures

MAX_TOLD = 12  # tracks, beside the chosen one


def melody_figures(melodies: Sequence[Melody]) -> dict[str, Any]:
    """How many melodies and different ones there are, what they have in common, and the onsets of each."""
    return {
        "melodies": len(melodies),
        "distinct": len({melody.tokens.tobytes() for melody in melodies}),
        "bars": melodies[0].bars,
        "metre": _metre(melodies[0].metre),
        "tempo": round(melodies[0].tempo, 3),
        "program": melodies[0].program,
        "onsets": [int((melody.tokens >= ONSET).sum()) for melody in melodies],
    }


def line_figures(lines: Sequence[Sequence[Melody]]) -> dict[str, float | None]:
    """Path and largest jump, as in `evaluation.path_figures`; None if all lines have equal ends."""
    figures = path_figures([np.stack([melody.tokens for melody in line]) for line in lines])
    return {
        name: None if math.isnan(value) else round(value, 4)
        for name, value in (("path", figures.path), ("largest_jump", figures.max_jump))
    }


def changes(original: Melody, melodies: Sequence[Melody]) -> list[float]:
    """Share of steps in which each differs from the original."""
    return [round(distance(original.tokens, melody.tokens), 4) for melody in melodies]


def passage_figures(passage: Passage, wanted: tuple[int, int]) -> dict[str, Any]:
    """Where a passage comes from, how it fitted the grid, and what becomes of it in bars of a wanted metre."""
    melody, track = passage.melody, passage.track.track
    onsets = melody.tokens >= ONSET
    return {
        "file": passage.path,
        "track": track.index,
        "track_name": track.name,
        "reason": passage.track.reason,
        "first_bar": passage.first_bar,
        "last_bar": passage.last_bar,
        "bars_in_file": passage.bars,
        "metre": _metre(melody.metre),
        "metres": metres_within(passage.source.line.sections, passage.first_bar - 1, passage.last_bar - 1),
        "tempo": round(melody.tempo, 3),
        "program": melody.program,
        "onsets": int(onsets.sum()),
        "rebarred": rebarred(onsets, melody.metre, wanted, "note"),
        "mean_deviation_steps": round(passage.grid.mean_deviation_steps, 4),
        "triplets": passage.grid.triplets,
        "played_freely": passage.grid.free,
        "notes_dropped": passage.dropped,
        "remarks": list(passage.source.tune.remarks),
    }


def _grid_line(figures: dict[str, Any]) -> str:
    snapped = f", {figures['triplets']} triplet notes snapped" if figures["triplets"] else ""
    free = "; played freely, so the beat follows the notes" if figures["played_freely"] else ""
    deviation = figures["mean_deviation_steps"]
    return f"notes are off the grid by {deviation:.2f} of a sixteenth on average{snapped}{free}"


def file_figures(path: str, wanted: str | None = None, bpm: float | None = None) -> dict[str, Any]:
    """What is in a MIDI file and what would be taken from it.

    Raises:
        InputError: as `Melody.from_midi`.
    """
    passage = read_passage(path, None, wanted, bpm=bpm)
    tune, track, timeline = passage.source.tune, passage.track.track, passage.source.timeline
    figures = passage_figures(passage, passage.melody.metre)
    grid = passage.grid
    return {
        **{name: figures[name] for name in ("file", "track", "track_name", "reason")},
        "runners_up": [
            {"track": each.track.index, "track_name": each.track.name, "reason": each.reason}
            for each in passage.track.runners_up
        ],
        "key": str(passage.key()),
        "metres": [_metre(metre) for metre in dict.fromkeys((n, d) for _, n, d in timeline.metres)]
        or [_metre(passage.melody.metre)],
        "tempi": list(dict.fromkeys(round(tempo, 3) for _, tempo in timeline.tempi))[:20],
        "bars": passage.bars,
        "melody_starts_in_bar": passage.first_bar,
        **{name: figures[name] for name in ("mean_deviation_steps", "triplets", "played_freely")},
        "melody_notes": grid.notes,
        "notes_dropped": grid.dropped,
        "lateness_beats": round(grid.lateness_beats, 4),
        "pickup": _pickup(passage),
        "remarks": list(tune.remarks),
        "tracks": track_figures(tune, track),
    }


def _pickup(passage: Passage) -> dict[str, Any] | None:
    pickup = passage.source.pickup
    if pickup is None:
        return None
    return {"beats": pickup.beats, "source": pickup.source, "probability": round(pickup.probability, 4)}


def _metre(metre: tuple[int, int]) -> str:
    return f"{metre[0]}/{metre[1]}"


def print_file(figures: dict[str, Any]) -> None:
    """Print what `file_figures` found, for people."""
    tempi = figures["tempi"]
    tempo = f"{tempi[0]:g}" if len(tempi) == 1 else f"{min(tempi):g} to {max(tempi):g}"
    _say(f"{figures['file']}", "bold")
    _say(f"{labels.counted('bar', figures['bars'])} of {', '.join(figures['metres'])}, {tempo} quarter notes a minute")
    print_tracks(figures["tracks"])
    _say(f"melody: track {figures['track']}, {figures['reason']}")
    _say(f"  starts in bar {figures['melody_starts_in_bar']}, key {figures['key']}")
    others = [each for each in figures["tracks"] if each["place"] and not each["chosen"]]
    for each in sorted(others, key=lambda each: each["place"])[:MAX_TOLD]:
        _say(f"  or track {each['track']} {each['name']!r}: {each['reason']}", "dim")
    if len(others) > MAX_TOLD:
        _say(f"  and {len(others) - MAX_TOLD} tracks less likely, all of them with --json", "dim")
    _say(f"  {_grid_line(figures)}")
    dropped = figures["notes_dropped"]
    if dropped:
        _say(
            f"  {dropped} of {figures['melody_notes']} notes left out: no place on the grid of sixteenths",
        )
    if figures["lateness_beats"]:
        _say(f"  all notes are {figures['lateness_beats']:g} of a quarter late in the file, which is taken out")
    if figures["pickup"]:
        beats, source = figures["pickup"]["beats"], figures["pickup"]["source"]
        how = {"accents": "by the accents of the bars", "metre change": "by a change of metre"}
        told = how.get(source, "estimated from the notes")
        _say(f"  a pickup of {beats:g} {'quarter' if beats == 1 else 'quarters'}, {told}: no event tells it")
    _say_remarks(figures)


def print_made(figures: dict[str, Any]) -> None:
    """Print what was taken, made and written, for people."""
    for passage in figures["inputs"]:
        last, there = passage["last_bar"], passage["bars_in_file"]
        of = f"of {there}" if last <= there else f"(the melody ends in bar {there})"
        _say(
            f"{passage['file']}: bars {passage['first_bar']} to {last} {of}, {passage['metre']}, "
            f"{passage['tempo']:.4g} quarter notes a minute",
        )
        _say(f"  track {passage['track']} {passage['track_name']!r}: {passage['reason']}", "dim")
        _say(f"  {_grid_line(passage)}", "dim")
        if passage["notes_dropped"]:
            count = passage["notes_dropped"]
            _say(f"  {count} {'note' if count == 1 else 'notes'} left out: no place on the grid of sixteenths")
        for told in (labels.metre_changes(passage["metres"]), passage["rebarred"]):
            if told:
                _say(f"  {told}")
        if not passage["onsets"]:
            _say("  no note starts in this passage; choose other bars")
        _say_remarks(passage)
    count = figures["melodies"]
    melodies = "1 melody" if count == 1 else f"{count} melodies, {figures['distinct']} different"
    said = [
        f"{melodies}, {labels.counted('bar', figures['bars'])} of {figures['metre']}",
        labels.counted("note", *figures["onsets"]),
    ]
    if figures.get("changed"):
        said.append(f"{labels.span([round(100 * share) for share in figures['changed']])} % of the steps changed")
    said += labels.known(figures, ("path", "largest_jump", "key", "seed"))
    _say("; ".join(said))
    if empty := labels.silent(figures["onsets"], "notes"):
        _say(f"  {empty}")
    for path in figures["files"]:
        _say(f"wrote {path}", "bold")


def _say_remarks(figures: dict[str, Any]) -> None:
    if figures["remarks"]:
        _say(f"  read though something is wrong with the file: {'; '.join(figures['remarks'])}")


def _say(text: str, style: Literal["bold", "dim"] | None = None) -> None:
    typer.secho(text, bold=style == "bold" or None, dim=style == "dim" or None)
