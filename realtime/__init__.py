"""Mixing in the latent space, live: controllers in, notes out on time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from latentmix.errors import InputError

if TYPE_CHECKING:
    from .engine.engine import Engine
    from .music import blend

__all__ = ["Engine", "InputError", "blend"]


def __getattr__(name: str) -> Any:
    # torch takes seconds to import, and the process that plays must never wait for it: only for those who ask
    if name == "Engine":
        from .engine.engine import Engine

        return Engine
    if name == "blend":
        from importlib import import_module

        return import_module(".music.blend", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
