"""What stays when the server has ended: sessions and recordings, as files in the user's own folder.

sessions/2026-11-27 10.21.05.json        one of each run, written anew as it changes; the newest is opened next time
sound sessions/2026-11-27 10.22.31.json  the same of sounds
recordings/2026-11-27 10.25.40.mid       one of each recording, never written again; of sounds .wav

A name is taken by an empty file, which nobody lists. A recording that is written while it is heard is NAME.wav.part.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from latentmix.errors import InputError
from latentmix.files import make_folder, read_bounded, replace_file, take_name

from .sharing import MAX_SESSION

MAX_SESSIONS = 30  # kept of each kind, such as those of the same sounds; those before go
MAX_LISTED = 20  # recordings shown in the page
ABANDONED = 60.0  # seconds after which a recording that nobody writes to is one of a run that was killed
_PART = ".part"
FOLDER_VARIABLE = "LATENTMIX_DATA"  # of the environment: another folder


@dataclass(frozen=True)
class Kept:
    """A recording that is kept.

    Attributes:
        name: by which pages ask for it.
        path: of its file.
    """

    name: str
    path: Path


class Store:
    """Files of one run of the server. Thread-safe: it holds nothing that changes but the name of its session's file.

    Args:
        folder: where; it is made when something is to be written.
        sessions: name of the folder of sessions in it.
        suffix: of recordings.
    """

    def __init__(self, folder: str | os.PathLike[str], sessions: str = "sessions", suffix: str = ".mid") -> None:
        self.folder, self._kind, self._suffix = Path(folder), sessions, suffix
        self._session: Path | None = None

    def last_session(self, is_like: Callable[[dict[str, Any]], bool] = lambda session: True) -> dict[str, Any] | None:
        """What the newest session of a kind holds that can be read; this run goes on in a file of its own."""
        for path in self._sessions():
            session = _session_in(path)
            if session is not None and is_like(session):
                return session
        return None

    def keep_session(
        self, session: dict[str, Any], is_like: Callable[[dict[str, Any]], bool] = lambda session: True
    ) -> None:
        """Write the session of this run, in the place of what was written before.

        The first time, the oldest of its kind go where there are too many; of others none does.

        Raises:
            InputError: no place to write to.
        """
        content = json.dumps(session).encode()
        if self._session is not None:
            replace_file(self._session, content)
            return
        self._session = self._write_new(self._kind, ".json", content)
        others = (path for path in self._sessions() if path != self._session)
        alike = [path for path in others if (old := _session_in(path)) is None or is_like(old)]
        for path in alike[MAX_SESSIONS - 1 :]:
            path.unlink(missing_ok=True)

    def keep_recording(self, content: bytes) -> Path:
        """Write a recording; its place.

        Raises:
            InputError: no place to write to.
        """
        return self._write_new("recordings", self._suffix, content)

    def begin_recording(self) -> Path:
        """A place for a recording that is written while it is heard; `end_recording` when it is whole.

        Raises:
            InputError: no place to write to.
        """
        path = self._new_file("recordings", self._suffix)
        return path.with_name(path.name + _PART)

    def end_recording(self, place: Path) -> Path:
        """Have a recording that was begun among the others; where it is now.

        Raises:
            InputError: it is gone.
        """
        path = place.with_name(place.name.removesuffix(_PART))
        try:
            os.replace(place, path)
        except OSError as error:
            raise InputError(f"{path}: cannot keep the recording: {error.strerror or error}") from None
        return path

    def recordings(self) -> list[Kept]:
        """The newest recordings that are whole, newest first; what a run that was killed has left comes among them."""
        folder = self.folder / "recordings"
        for place in folder.glob(f"*{self._suffix}{_PART}"):
            if _is_abandoned(place):
                with contextlib.suppress(InputError):  # another run has just ended it
                    self.end_recording(place)
        paths = _newest_first(folder.glob(f"*{self._suffix}"))
        written = [Kept(path.stem, path) for path in paths if _is_written(path)]
        return written[:MAX_LISTED]

    def recording(self, name: str) -> Path:
        """The file of a recording by the name that `recordings` has given it.

        Raises:
            InputError: it is gone.
        """
        for kept in self.recordings():
            if kept.name == name:
                return kept.path
        raise InputError("expected a recording that is there, found that it is gone")

    def _sessions(self) -> list[Path]:
        return _newest_first((self.folder / self._kind).glob("*.json"))

    def _write_new(self, kind: str, suffix: str, content: bytes) -> Path:
        path = self._new_file(kind, suffix)
        try:
            replace_file(path, content)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path

    def _new_file(self, kind: str, suffix: str) -> Path:
        """A name by the time that nobody had taken: an empty file, so that no other run takes it either."""
        folder = self.folder / kind
        make_folder(folder)
        stem = f"{datetime.now():%Y-%m-%d %H.%M.%S}"
        path, count = folder / f"{stem}{suffix}", 1
        while not take_name(path):
            path, count = folder / f"{stem} {count:02}{suffix}", count + 1
        return path


def _newest_first(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: path.stem, reverse=True)  # by stem: "… 21.05" comes before "… 21.05 01"


def _session_in(path: Path) -> dict[str, Any] | None:
    """What a file of a session holds; None of a damaged one, and of one that another run has taken the name of."""
    try:
        session = json.loads(read_bounded(path, MAX_SESSION))
    except (InputError, ValueError, RecursionError):
        return None
    return session if isinstance(session, dict) else None


def _is_written(path: Path) -> bool:
    with contextlib.suppress(OSError):  # it has just gone
        return path.stat().st_size > 0
    return False


def _is_abandoned(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime > ABANDONED
    return False


def usual_folder() -> Path:
    """Where programs of this user keep what is theirs, or where the environment says."""
    return Path(os.environ.get(FOLDER_VARIABLE) or typer.get_app_dir("latentmix"))
