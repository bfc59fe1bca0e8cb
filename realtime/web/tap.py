"""An engine whose patterns can be heard as they are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from midi_vae.music.melody import Melody

from ..engine.engine import Engine, Handle
from ..player.client import PlayerClient, PlayerSetup

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE


class Tap:
    """A player that tells of every pattern it is handed, at once: a page need not wait for the next snapshot."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.pattern: dict[str, Any] | None = None
        self.listener: Callable[[dict[str, Any]], None] | None = None

    @property
    def ports(self) -> tuple[str, ...]:
        return tuple(getattr(self._handle, "ports", ()))

    def command(self, command: Mapping[str, Any]) -> None:
        self._handle.command(command)
        if "pattern" in command:
            self.pattern = command["pattern"]
            if self.listener:
                self.listener(self.pattern)

    def close(self) -> None:
        self._handle.close()


def open_engine(model: MelodyVAE, melodies: list[Melody], **options: Any) -> tuple[Engine, Tap]:
    """An engine whose patterns can be heard, and where."""
    taps: list[Tap] = []

    def make(setup: PlayerSetup, report: Callable) -> Tap:
        taps.append(Tap(PlayerClient(setup, report)))
        return taps[0]

    return Engine(model, melodies, player=make, **options), taps[0]
