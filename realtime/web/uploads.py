"""MIDI files dropped on the page: untrusted bytes -> tracks to choose from -> a passage.

The bytes are kept in memory under a number that is drawn here. No name from the page becomes a path: for reading, they
stand for a moment in a file of our own, in a folder of our own.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, INSTRUMENTS, Kit
from midi_vae.drums.transcription import DrumLine, drums_of, read_drums
from midi_vae.midi.melody_track import TrackChoice, choose_track, is_kit, polyphony, rank_tracks
from midi_vae.midi.reader import read_tune
from midi_vae.midi.score import Track, Tune
from midi_vae.music.bars import STEPS_A_BEAT
from midi_vae.music.melody import Melody
from midi_vae.music.transcription import transcribe_track

from .checking import clean_name
from .groove_wire import MAX_GROOVE_STEPS
from .wire import MAX_STEPS

MAX_BYTES = 4 << 20  # of a file: a three-hour piano recital
MAX_FILES = 12  # kept; then the oldest goes
MAX_TRACKS = 64  # listed
DRUMS = -1  # stands for the number of a track
MAX_PREVIEW = 4000  # notes of a track drawn in the page
MAX_TEMPI = 1000  # of a track, for hearing it


@dataclass(frozen=True)
class Upload:
    """A file that can be read: what it is called, for people, and what is in it."""

    name: str
    data: bytes


class Shelf:
    """The files that pages have sent; any thread may use it, one file is read at a time."""

    def __init__(self) -> None:
        self._files: OrderedDict[str, Upload] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: object, data: bytes, kit: Kit = GENERAL_MIDI) -> dict[str, Any]:
        """Keep a file; what is in it, for the page to choose from: tracks, and its drums as one more, numbered `DRUMS`.

        Raises:
            InputError: too large, no MIDI file, damaged, nothing that could be mixed.
        """
        shown = clean_name(name) or "file.mid"
        if len(data) > MAX_BYTES:
            raise InputError(f"{shown}: expected a MIDI file of at most {MAX_BYTES >> 20} MB, found a larger one")
        with self._lock, _as_file(shown, data) as path:
            tune = read_tune(path, "a melody or drums")
            drums = _drums(tune, kit)
            is_all_drums = all(track.is_drum and is_kit(track) for track in tune.tracks)
            chosen = None if drums and is_all_drums else choose_track(tune)
            tracks, unlisted = ([], 0) if chosen is None else _tracks(tune, chosen)
            without = len(tune.tracks) - len(tracks) - unlisted
            key = secrets.token_hex(8)
            self._files[key] = Upload(shown, data)
            while len(self._files) > MAX_FILES:
                self._files.popitem(last=False)
        return {
            "file": key,
            "name": shown,
            "chosen": DRUMS if chosen is None else chosen.track.index,
            "reason": "" if chosen is None else chosen.reason,
            "remarks": list(tune.remarks),
            "drums": 0 if drums else without,  # tracks that nothing can be taken from
            "unlisted": unlisted,
            "tracks": [*tracks, *([] if drums is None else [_describe_drums(drums)])],
        }

    def passage(self, key: object, track: int, bar: int, bars: int) -> Melody:
        """A passage of a file that was put here.

        Args:
            key: as `put` has told.
            track: its number in the file.
            bar: the first one, from 1.
            bars: how many.

        Raises:
            InputError: no such file any more, no such track or bars.
        """
        upload = self._find(key)
        if not 1 <= bars <= MAX_STEPS // 2:
            raise InputError(f"expected some bars, found {bars}")
        with self._lock, _as_file(upload.name, upload.data) as path:
            melody = Melody.from_midi(path, bars, bar - 1, track)
        if len(melody.tokens) > MAX_STEPS:
            raise InputError(f"expected at most {MAX_STEPS // 16} bars of 4/4, found more; choose fewer bars")
        return replace(melody, name=Path(upload.name).stem or upload.name)

    def drums(self, key: object, bar: int, bars: int, kit: Kit = GENERAL_MIDI) -> Groove:
        """The drums of some bars of a file that was put here.

        Raises:
            InputError: as `passage`, or no drums there.
        """
        upload = self._find(key)
        with self._lock, _as_file(upload.name, upload.data) as path:
            groove = read_drums(path, None, kit).excerpt(bars, bar - 1)
        if len(groove.velocities) > MAX_GROOVE_STEPS:
            raise InputError(f"expected drums of at most {MAX_GROOVE_STEPS // 16} bars of 4/4; choose fewer bars")
        if not groove.hits.any():
            raise InputError(f"{upload.name}: expected drums in these bars, found none; choose other bars")
        return replace(groove, name=Path(upload.name).stem or upload.name)

    def _find(self, key: object) -> Upload:
        upload = self._files.get(key) if isinstance(key, str) else None
        if upload is None:
            raise InputError("expected a file that was dropped here, found none; drop it once more")
        return upload


@contextmanager
def _as_file(shown: str, data: bytes) -> Iterator[str]:
    """A file with these bytes for a moment; errors name it as the page does."""
    with tempfile.TemporaryDirectory(prefix="latentmix-") as folder:
        path = Path(folder) / "upload.mid"
        path.write_bytes(data)
        try:
            yield str(path)
        except InputError as error:
            raise InputError(str(error).replace(str(path), shown)) from None


def _tracks(tune: Tune, chosen: TrackChoice) -> tuple[list[dict[str, Any]], int]:
    """Those that a melody can be taken from, and why or why not; how many more there are."""
    reasons = {each.track.index: each.reason for each in rank_tracks(tune)}
    places = {index: place for place, index in enumerate(reasons, start=1)}
    reasons[chosen.track.index] = f"taken as the melody: {chosen.reason}"
    reasons |= {each.index: "on the channel of drums" for each in tune.tracks if each.is_drum and not is_kit(each)}
    listed = sorted([*reasons][:MAX_TRACKS])
    tracks = [
        _describe(tune, track) | {"place": places.get(track.index), "reason": reasons[track.index]}
        for track in tune.tracks
        if track.index in listed
    ]
    return tracks, len(reasons) - len(tracks)


def _drums(tune: Tune, kit: Kit) -> DrumLine | None:
    """The drums of a file; None where there are none that can be played."""
    try:
        return drums_of(tune, None, kit)
    except InputError:
        return None


def _describe_drums(line: DrumLine) -> dict[str, Any]:
    """Drums as the page draws them: the instrument of `kit.INSTRUMENTS` in the place of the pitch."""
    bars = min(line.bars, MAX_PREVIEW)
    hits = zip(line.step.tolist(), line.instrument.tolist(), strict=True)
    return {
        "track": DRUMS,
        "name": "Drums",
        "instrument": "drums",
        "low": 0,
        "high": len(INSTRUMENTS) - 1,
        "count": len(line.step),
        "chords": 0,
        "first": line.first_bar + 1,
        "bars": line.bars,
        "starts": [round(line.bar_start(bar)) for bar in range(bars + 1)],
        "metre": list(line.sections[0].metre),
        "notes": [(step, step + 1, instrument) for step, instrument in hits][:MAX_PREVIEW],
        "dropped": [],
        "tempi": [(0, round(line.timeline.tempo_at(line.sections[0].beat), 2))],
        "place": None,
        "reason": f"{sum(count for _, count in line.unknown)} notes of no drum left out" if line.unknown else "",
    }


def instrument(program: int) -> str:
    """What General MIDI calls a program, 0..127."""
    from pretty_midi import program_to_instrument_name  # late: it takes a second

    return program_to_instrument_name(program)


def _describe(tune: Tune, track: Track) -> dict[str, Any]:
    """A track as the page draws it; notes as sixteenths (start, end, pitch) on the grid, tempi as (step, BPM)."""
    source = transcribe_track(tune, TrackChoice(track, ""))
    line, first = source.line, source.first_bar
    origin = line.sections[0].beat + line.report.lateness_beats
    tempi = [
        (round((beat - origin) * STEPS_A_BEAT), round(tempo, 2)) for beat, tempo in track.timeline.tempi[:MAX_TEMPI]
    ]
    starts = [line.bar_start(bar)[0] for bar in range(min(line.bars, MAX_PREVIEW) + 1)]
    notes = list(zip(line.start.tolist(), line.end.tolist(), line.pitch.tolist(), strict=True))[:MAX_PREVIEW]
    return {
        "track": track.index,
        "name": track.name,
        "instrument": instrument(track.program),
        "low": int(track.notes["pitch"].min()),
        "high": int(track.notes["pitch"].max()),
        "count": len(track.notes),
        "chords": round(polyphony(track), 2),
        "first": first + 1,
        "bars": line.bars,
        "starts": starts,
        "metre": list(line.bar_start(first)[1]),
        "notes": notes,
        "tempi": tempi,
        "dropped": line.dropped.tolist()[:MAX_PREVIEW],
    }
