"""What stays when the server has ended: sessions and recordings, as files in the user's own folder.

sessions/2026-11-27 10.21.05.json        one of each run, written anew as it changes; the newest is opened next time
sound sessions/2026-11-27 10.22.31.json  the same of sounds
recordings/2026-11-27 10.25.40.mid       one of each recording, never written again; of sounds .wav
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from latentmix.errors import InputError
from latentmix.files import make_folder, read_bounded, replace_file

from .sharing import MAX_SESSION

MAX_SESSIONS = 30  # kept; those before go
MAX_LISTED = 20  # recordings shown in the page
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

    def last_session(self, fits: Callable[[dict[str, Any]], bool] = lambda session: True) -> dict[str, Any] | None:
        """What the newest session that can be read holds, and that fits; this run goes on in a file of its own."""
        for path in sorted(self._sessions(), reverse=True):
            try:
                session = json.loads(read_bounded(path, MAX_SESSION))
            except (InputError, ValueError, RecursionError):
                continue  # damaged by something else: the one before it will do
            if isinstance(session, dict) and fits(session):
                return session
        return None

    def keep_session(self, session: dict[str, Any]) -> None:
        """Write the session of this run, in the place of what was written before.

        Raises:
            InputError: no place to write to.
        """
        if self._session is None:
            self._session = self._new_file(self._kind, ".json")
        replace_file(self._session, json.dumps(session).encode())
        for old in sorted(self._sessions())[:-MAX_SESSIONS]:
            if old != self._session:
                old.unlink(missing_ok=True)

    def keep_recording(self, content: bytes) -> Path:
        """Write a recording; its place.

        Raises:
            InputError: no place to write to.
        """
        path = self.new_recording()
        replace_file(path, content)
        return path

    def new_recording(self) -> Path:
        """A place for a recording that is yet to be written; raises as `keep_recording`."""
        return self._new_file("recordings", self._suffix)

    def recordings(self) -> list[Kept]:
        """The newest recordings, newest first."""
        folder = self.folder / "recordings"
        names = (each.name for each in folder.glob(f"*{self._suffix}")) if folder.is_dir() else ()
        newest = sorted(names, reverse=True)[:MAX_LISTED]
        return [Kept(name.removesuffix(self._suffix), folder / name) for name in newest]

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
        folder = self.folder / self._kind
        return list(folder.glob("*.json")) if folder.is_dir() else []

    def _new_file(self, kind: str, suffix: str) -> Path:
        """A name by the time that nobody has taken."""
        folder = self.folder / kind
        make_folder(folder)
        stem = f"{datetime.now():%Y-%m-%d %H.%M.%S}"
        path, count = folder / f"{stem}{suffix}", 1
        while path.exists():
            path, count = folder / f"{stem} {count:02}{suffix}", count + 1
        return path


def usual_folder() -> Path:
    """Where programs of this user keep what is theirs, or where the environment says."""
    return Path(os.environ.get(FOLDER_VARIABLE) or typer.get_app_dir("latentmix"))
