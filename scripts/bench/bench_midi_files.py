"""A folder of MIDI files, read by latentmix and by two independent readers: where they differ, kind by kind.

    python scripts/bench/bench_midi_files.py FOLDER                # a table
    python scripts/bench/bench_midi_files.py FOLDER --json OUT     # and every file that differs, with what differs

symusic and pretty_midi (the test extra) read each file in a process of their own, for they may print, hang or take much
memory. What is counted, of files that the other reader takes too:

- `lost`: files in which onsets of the other reader are missing in ours, by tick;
- `lengths`: files in which more than 2 % of the notes end elsewhere than in the other reader, by more than a 32nd note;
- `tempo`: files whose tempo differs anywhere by more than 0.5 %;
- `metre`: files whose metres lie or are others;
- `refused`: files that we refuse; `of them read`: those that the other reader takes, and that hold notes;
- `read`: files that we read and the other refuses.

Differences are no errors of ours by themselves: docs/midi-files.md says which are, and which are meant.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures import TimeoutError as Late
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latentmix.errors import InputError
from midi_vae.midi.melody_track import MIN_SYLLABLES
from midi_vae.midi.reader import read_tune
from midi_vae.music.transcription import transcribe_tune

SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".smf")
PATIENCE = 60.0  # seconds for a file
SAME_LENGTH = 0.125  # beats
SAME_TEMPO = 0.005
KINDS = ("karaoke", "type 0", "type 1", "type 2", "RIFF", "other")


@dataclass
class Contents:
    """What a reader finds in a file; times in beats.

    Attributes:
        onsets: (n, 3) start, end, pitch of all notes, drums too.
        tempi, metres: (beat, quarter notes a minute), (beat, numerator, denominator).
        seconds: that reading took.
        about: what only our reader says.
    """

    onsets: np.ndarray
    tempi: list[tuple[float, float]]
    metres: list[tuple[float, int, int]]
    seconds: float = 0.0
    about: dict[str, Any] = field(default_factory=dict)


def by_us(path: str) -> Contents:
    tune = read_tune(path)
    notes = np.concatenate([track.notes for track in tune.tracks])
    has_choice = sum(not track.is_drum for track in tune.tracks) > 1
    about: dict[str, Any] = {"remarks": list(tune.remarks), "lyrics": len(tune.syllables) >= MIN_SYLLABLES}
    about["may be sung"] = about["lyrics"] and has_choice
    try:
        source = transcribe_tune(tune)
    except InputError as error:
        about["no melody"] = str(error)
    else:
        report, track = source.line.report, source.choice.track
        about |= {"track": track.index, "name": track.name, "reason": source.choice.reason}
        about |= {"melody": report.notes, "dropped": report.dropped, "free": report.free, "late": report.lateness_beats}
    onsets = np.stack([notes["start"], notes["end"], notes["pitch"]], axis=1)
    return Contents(onsets, list(tune.tempi), list(tune.metres), about=about)


def by_symusic(path: str) -> Contents:
    import symusic

    score: Any = symusic.Score(path)
    beat = float(score.tpq)
    notes = [(n.time / beat, (n.time + n.duration) / beat, n.pitch) for track in score.tracks for n in track.notes]
    tempi = [(tempo.time / beat, tempo.qpm) for tempo in score.tempos]
    metres = [(each.time / beat, each.numerator, each.denominator) for each in score.time_signatures]
    return Contents(np.array(notes, float).reshape(-1, 3), tempi, metres)


def by_pretty_midi(path: str) -> Contents:
    import pretty_midi

    file = pretty_midi.PrettyMIDI(path)

    def beats(seconds: float) -> float:
        return float(file.time_to_tick(seconds)) / file.resolution

    notes = [(beats(n.start), beats(n.end), n.pitch) for part in file.instruments for n in part.notes]
    times, values = file.get_tempo_changes()
    tempi = [(beats(at), float(value)) for at, value in zip(times, values, strict=True)]
    metres = [(beats(each.time), each.numerator, each.denominator) for each in file.time_signature_changes]
    return Contents(np.array(notes, float).reshape(-1, 3), tempi, metres)


READERS: dict[str, Callable[[str], Contents]] = {
    "latentmix": by_us,
    "symusic": by_symusic,
    "pretty_midi": by_pretty_midi,
}


def read(reader: str, path: str) -> Contents | str:
    """What a reader makes of a file, or how it refuses it."""
    start = time.perf_counter()
    try:
        contents = READERS[reader](path)
    except Exception as error:  # other people's readers raise what they like
        return f"{type(error).__name__}: {error}"
    contents.seconds = time.perf_counter() - start
    return contents


class Process:
    """A process that reads, started anew when a file has killed or stopped it."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(1)

    def read(self, reader: str, path: str) -> Contents | str:
        try:
            return self._pool.submit(read, reader, path).result(PATIENCE)
        except (BrokenProcessPool, Late) as error:
            for process in list((self._pool._processes or {}).values()):
                process.kill()
            self._pool.shutdown(wait=False)
            self._pool = ProcessPoolExecutor(1)
            return f"{type(error).__name__}"

    def close(self) -> None:
        self._pool.shutdown()


def kind_of(path: Path, ours: Contents | str) -> str:
    head = path.read_bytes()[:14]
    if head[:4] == b"RIFF":
        return "RIFF"
    if not isinstance(ours, str) and ours.about["lyrics"]:
        return "karaoke"
    return f"type {head[9]}" if head[:4] == b"MThd" and head[9] < 3 else "other"


def differences(ours: Contents, theirs: Contents) -> dict[str, float]:
    """What differs between two readings of a file, by name; how much."""
    found: dict[str, float] = {}
    lost = Counter(np.round(theirs.onsets[:, 0], 3).tolist()) - Counter(np.round(ours.onsets[:, 0], 3).tolist())
    if lost:
        found["lost"] = sum(lost.values())
    ends: dict[tuple[float, int], list[float]] = {}  # of notes that start together: one may double another
    for start, end, pitch in ours.onsets.tolist():
        ends.setdefault((round(start, 3), int(pitch)), []).append(end)
    shared = [(end, ends.get((round(start, 3), int(pitch)))) for start, end, pitch in theirs.onsets.tolist()]
    off = [min(abs(end - each) for each in mine) > SAME_LENGTH for end, mine in shared if mine]
    other = float(np.mean(off)) if off else 0.0
    if other > 0.02:
        found["lengths"] = round(other, 4)
    at = np.unique(np.round([beat for beat, _ in (*ours.tempi, *theirs.tempi)], 4)) + 1e-3
    if len(at):
        a, b = (_value_at(contents.tempi, at) for contents in (ours, theirs))
        if np.any(np.abs(a / b - 1) > SAME_TEMPO):
            found["tempo"] = round(float(np.abs(a / b - 1).max()), 4)
    if _metres(ours) != _metres(theirs):
        found["metre"] = 1.0
    return found


def _value_at(changes: list[tuple[float, float]], at: np.ndarray) -> np.ndarray:
    ordered = sorted(changes) or [(0.0, 120.0)]
    index = np.searchsorted([beat for beat, _ in ordered], at, side="right") - 1
    values = np.array([value for _, value in ordered])
    return np.where(index < 0, 120.0, values[np.maximum(index, 0)])


def _metres(contents: Contents) -> list[tuple[float, int, int]]:
    """Changes that change something, 4/4 at the start understood."""
    out: list[tuple[float, int, int]] = [(0.0, 4, 4)]
    for beat, numerator, denominator in sorted(contents.metres):
        if round(beat, 3) == out[-1][0]:
            out.pop()
        if not out or out[-1][1:] != (numerator, denominator):
            out.append((round(beat, 3), numerator, denominator))
    return out


def compare(folder: Path, others: list[str]) -> list[dict[str, Any]]:
    """A row for each file."""
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    if not files:
        raise InputError(f"{folder}: expected a folder with MIDI files ({', '.join(SUFFIXES)}), found none")
    processes = {reader: Process() for reader in READERS}
    rows = []
    for number, path in enumerate(files, start=1):
        print(f"\r{number} of {len(files)}", end="", file=sys.stderr, flush=True)
        ours = processes["latentmix"].read("latentmix", str(path))
        row: dict[str, Any] = {"file": str(path.relative_to(folder)), "kind": kind_of(path, ours)}
        row["ours"] = ours if isinstance(ours, str) else ours.about | {"seconds": ours.seconds}
        for reader in others:
            theirs = processes[reader].read(reader, str(path))
            if isinstance(theirs, str):
                row[reader] = theirs
            elif isinstance(ours, str):
                row[reader] = {"reads": len(theirs.onsets), "seconds": theirs.seconds}
            else:
                row[reader] = differences(ours, theirs) | {"seconds": theirs.seconds}
        rows.append(row)
    print(file=sys.stderr)
    for process in processes.values():
        process.close()
    return rows


def print_table(rows: list[dict[str, Any]], others: list[str]) -> None:
    for reader in others:
        columns = ("files", "lost", "lengths", "tempo", "metre", "refused", "of them read", "read")
        print(f"\n| beside {reader} | " + " | ".join(columns) + " |\n" + "|---|" + "---:|" * len(columns))
        for kind in (*KINDS, "all"):
            mine = [row for row in rows if kind in ("all", row["kind"])]
            if not mine:
                continue
            counts = Counter({"files": len(mine)})
            for row in mine:
                theirs, is_refused = row[reader], isinstance(row["ours"], str)
                counts["refused"] += is_refused
                counts["read"] += isinstance(theirs, str) and not is_refused
                if not isinstance(theirs, str):
                    counts["of them read"] += is_refused and theirs["reads"] > 0
                    counts.update(name for name in ("lost", "lengths", "tempo", "metre") if name in theirs)
            print(f"| {kind} | " + " | ".join(str(counts[name]) for name in columns) + " |")
    ours = [row["ours"] for row in rows if not isinstance(row["ours"], str) and "melody" in row["ours"]]
    notes, dropped = sum(each["melody"] for each in ours), sum(each["dropped"] for each in ours)
    print(f"\n{len(ours)} melodies of {notes} notes, {dropped} of them without a place on the grid; ", end="")
    print(
        f"{sum(each['free'] for each in ours)} played freely, {sum(each['late'] != 0 for each in ours)} late throughout"
    )
    lyrics = [each for each in ours if each["may be sung"]]
    sung = sum("lyrics" in each["reason"] for each in lyrics)
    print(f"{len(lyrics)} files with lyrics and several tracks, {sung} of them with one that meets the lyrics")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="with MIDI files, also in the folders in it")
    parser.add_argument("--json", type=Path, metavar="OUT", help="a file for all rows")
    options = parser.parse_args()
    others = ["symusic", "pretty_midi"]
    try:
        import pretty_midi  # noqa: F401
        import symusic  # noqa: F401
    except ImportError as error:
        sys.exit(f"{error.name} is missing: pip install 'latentmix[test]' brings it")
    try:
        rows = compare(options.folder, others)
    except InputError as error:
        sys.exit(str(error))
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print_table(rows, others)


if __name__ == "__main__":
    main()
