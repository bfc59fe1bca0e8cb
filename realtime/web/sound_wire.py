"""Sounds as JSON: the frames of a note, as a session holds them."""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Annotated

from pydantic import PlainValidator

from .checking import Checked, Name

MAX_FRAMES_TEXT = 72_000  # characters: two seconds take 63,000


def _frames(raw: object) -> str:
    if not isinstance(raw, str) or not 0 < len(raw) <= MAX_FRAMES_TEXT:
        raise ValueError(f"expected the frames of a sound, at most {MAX_FRAMES_TEXT} characters of Base64")
    try:
        base64.b64decode(raw, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected the frames of a sound, found damaged ones") from None
    return raw


class SoundData(Checked):
    """A sound that the page's own is mixed of.

    Attributes:
        name: one short line.
        frames: a preset of the model of sounds (`audiovq.sound.presets`), in Base64.
    """

    name: Name = ""
    frames: Annotated[str, PlainValidator(_frames)]

    @property
    def mark(self) -> str:
        """By which a page sees that it is another one."""
        return f"{zlib.crc32(self.frames.encode()):08x}"

    @property
    def preset(self) -> bytes:
        """The frames, which are still untrusted."""
        return base64.b64decode(self.frames)

    @classmethod
    def of(cls, name: str, preset: bytes) -> SoundData:
        """One that was made here; it is trusted."""
        return cls.model_construct(name=name, frames=base64.b64encode(preset).decode())
