"""Audio to discrete codes and back: `Codec` for audio and codes in memory, streams and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError

if TYPE_CHECKING:
    from .codec.codec import Codec

__all__ = ["Codec", "InputError"]


def __getattr__(name: str) -> Any:
    if name == "Codec":  # needs torch, which takes seconds to import: only for those who use the model
        from .codec.codec import Codec

        return Codec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
