"""Audio to discrete codes and back: `compress` and `decompress` at once, `Codec` for codes, streams and files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError

if TYPE_CHECKING:
    from .codec.codec import Codec
    from .codec.in_memory import compress, decompress

__all__ = ["Codec", "InputError", "compress", "decompress"]


def __getattr__(name: str) -> Any:  # what needs torch takes seconds to import: only for those who use it
    if name == "Codec":
        from .codec.codec import Codec

        return Codec
    if name in ("compress", "decompress"):
        from .codec import in_memory

        return getattr(in_memory, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
