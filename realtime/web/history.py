"""What was changed, to be undone and redone. Pure: time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, MutableSequence
from dataclasses import dataclass, field, replace
from typing import Any

from latentmix.errors import InputError

from ..music.parameters import Value
from .groove_wire import GrooveData
from .sound_wire import SoundData
from .wire import MixSnapshot, PathSetting, PlacedMelody

MAX_CHANGES = 200
ONE_MOVE = 1.0  # seconds: of a slider that goes on moving within them it is one change


@dataclass(frozen=True)
class Patch:
    """What to set; what is None, or not among the values, stays as it is.

    Attributes:
        melodies: all of them, with their places.
        values: of parameters.
        moved: position, pad or weights, what is to count as moved last.
        loop, path, snapshots, drums, sounds: as of `Session`.
    """

    melodies: tuple[PlacedMelody, ...] | None = None
    values: Mapping[str, Value] = field(default_factory=dict)
    moved: str | None = None
    loop: bool | None = None
    path: PathSetting | None = None
    snapshots: tuple[MixSnapshot, ...] | None = None
    drums: tuple[GrooveData, ...] | None = None
    sounds: tuple[SoundData, ...] | None = None


@dataclass(frozen=True)
class Change:
    """Something that was done.

    Attributes:
        label: what, for people.
        before, after: what to set to undo and to redo it.
        key: changes of one key that follow one another soon are one.
        time: of it, in seconds.
    """

    label: str
    before: Patch
    after: Patch
    key: Any = None
    time: float = 0.0


class History:
    """Changes, newest last. Not thread-safe: it belongs to the event loop's thread."""

    def __init__(self) -> None:
        self._done: deque[Change] = deque(maxlen=MAX_CHANGES)
        self._undone: list[Change] = []

    def add(self, change: Change) -> None:
        """Something was done; what was undone before cannot be redone any more.

        >>> history = History()
        >>> for tempo, time in ((90, 0.0), (91, 0.5), (120, 9.0)):
        ...     history.add(Change("tempo", Patch(values={"tempo": 80}), Patch(values={"tempo": tempo}), "tempo", time))
        >>> [change.after.values["tempo"] for change in history._done]
        [91, 120]
        """
        if change.before == change.after:
            return
        last = self._done[-1] if self._done and not self._undone else None
        self._undone.clear()
        if last and change.key is not None and last.key == change.key and change.time - last.time < ONE_MOVE:
            self._done[-1] = replace(change, before=last.before)
        else:
            self._done.append(change)

    def undo(self) -> Patch:
        """Take the last change back: what to set for that. Raises InputError: there is none."""
        return self._moved(self._done, self._undone, "undo").before

    def redo(self) -> Patch:
        """Do again what was undone last: what to set for that. Raises InputError: there is none."""
        return self._moved(self._undone, self._done, "redo").after

    @staticmethod
    def _moved(source: MutableSequence[Change], to: MutableSequence[Change], what: str) -> Change:
        if not source:
            raise InputError(f"expected something to {what}, found nothing")
        to.append(source.pop())
        return to[-1]

    @property
    def labels(self) -> tuple[str, str]:
        """What would be undone and what redone; empty where there is nothing."""
        return (self._done[-1].label if self._done else "", self._undone[-1].label if self._undone else "")
