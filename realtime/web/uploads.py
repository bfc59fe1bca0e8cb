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
from midi_vae.midi.melody_track import TrackChoice, choose_track, is_kit, polyphony, rank_tracks
from midi_vae.midi.reader import read_tune
from midi_vae.midi.score import Track, Tune
from midi_vae.music.bars import STEPS_A_BEAT
from midi_vae.music.melody import Melody
from midi_vae.music.transcription import transcribe_track

from .checking import clean_name
from .wire import MAX_STEPS

MAX_BYTES = 4 << 20  # of a file: a three-hour piano recital
MAX_FILES = 12  # kept; then the oldest goes
MAX_TRACKS = 64  # listed
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

    def put(self, name: object, data: bytes) -> dict[str, Any]:
        """Keep a file; what is in it, for the page to choose from.

        Raises:
            InputError: too large, no MIDI file, damaged, nothing but drums.
        """
        shown = clean_name(name) or "file.mid"
        if len(data) > MAX_BYTES:
            raise InputError(f"{shown}: expected a MIDI file of at most {MAX_BYTES >> 20} MB, found a larger one")
        with self._lock, _as_file(shown, data) as path:
            tune = read_tune(path)
            chosen = choose_track(tune)
            reasons = {each.track.index: each.reason for each in rank_tracks(tune)}
            places = {index: place for place, index in enumerate(reasons, start=1)}
            reasons[chosen.track.index] = f"taken as the melody: {chosen.reason}"
            reasons |= {
                each.index: "on the channel of drums" for each in tune.tracks if each.is_drum and not is_kit(each)
            }
            listed = sorted([*reasons][:MAX_TRACKS])
            tracks = [
                _describe(tune, track) | {"place": places.get(track.index), "reason": reasons[track.index]}
                for track in tune.tracks
                if track.index in listed
            ]
            key = secrets.token_hex(8)
            self._files[key] = Upload(shown, data)
            while len(self._files) > MAX_FILES:
                self._files.popitem(last=False)
        return {
            "file": key,
            "name": shown,
            "chosen": chosen.track.index,
            "reason": chosen.reason,
            "remarks": list(tune.remarks),
            "drums": len(tune.tracks) - len(reasons),
            "unlisted": len(reasons) - len(tracks),
            "tracks": tracks,
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
        upload = self._files.get(key) if isinstance(key, str) else None
        if upload is None:
            raise InputError("expected a file that was dropped here, found none; drop it once more")
        if not 1 <= bars <= MAX_STEPS // 2:
            raise InputError(f"expected some bars, found {bars}")
        with self._lock, _as_file(upload.name, upload.data) as path:
            melody = Melody.from_midi(path, bars, bar - 1, track)
        if len(melody.tokens) > MAX_STEPS:
            raise InputError(f"expected at most {MAX_STEPS // 16} bars of 4/4, found more; choose fewer bars")
        return replace(melody, name=Path(upload.name).stem or upload.name)


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
