"""What pages edit of sounds that play, and a session of it: a JSON file beside the sounds, which are not in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter

from ..engine.sounds import SoundEngine
from ..music.parameters import MAX_MELODIES
from .checking import Name, checked, clean_name
from .editing import Editing
from .history import Patch
from .wire import Shaped, as_known, fields_of, kept_of

FORMAT: Final = "latentmix.sounds"


class SoundSession(Shaped):
    """Where the puck is between sounds, how they are shaped, and mixes to come back to.

    Attributes:
        sounds: names of 1 to 8, for people.
        values, moved, snapshots: as of `Shaped`.
    """

    format: Literal["latentmix.sounds"] = FORMAT
    version: Literal[1] = 1
    sounds: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_MELODIES)]


_SESSION = TypeAdapter(SoundSession)


class SoundEditing(Editing):
    """What pages do to sounds that play, and as `Editing`.

    Args:
        engine: of the sounds.
        names: of the sounds, for people.
        changed: as of `Editing`.
    """

    engine: SoundEngine

    def __init__(self, engine: SoundEngine, names: Sequence[str], changed: Callable[[bool], object]) -> None:
        super().__init__(engine, changed)
        self.names = tuple(map(clean_name, names))

    def is_like(self, session: Mapping[str, Any]) -> bool:
        """Whether it is of sounds of these names, in their order."""
        return session.get("format") == FORMAT and session.get("sounds") == list(self.names)

    def _session(self) -> SoundSession:
        values, mode = self.engine.snapshot()
        return SoundSession.model_construct(
            sounds=self.names, values=kept_of(values), moved=mode, snapshots=self.kept.all
        )

    def _read(self, raw: object) -> SoundSession:
        fields = fields_of(raw, FORMAT, "a session of sounds, as the page of livemix sound saves it")
        session = as_known(checked(_SESSION, fields), self.engine.parameters)
        for values in (session.values, *(each.values for each in session.snapshots)):
            self.engine.sound.check(values)
        return session

    def _patch(self, session: SoundSession) -> Patch:
        return Patch(values=session.values, moved=session.moved, snapshots=session.snapshots)

    def _took(self, session: SoundSession) -> None:
        if session.sounds != self.names:
            theirs, ours = ", ".join(session.sounds), ", ".join(self.names)
            self.engine.warn(f"the session is of {theirs}; it is open with what plays here, {ours}")
