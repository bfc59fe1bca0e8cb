"""What comes after the melodies, phrase by phrase: made ahead of time, while the music plays.

Once the parameter `phrase` asks for anything but the melodies themselves, the phrase after the one that is mixed is
made as well, so that the next one is there when it is asked for. Until a phrase is there, the one before goes on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any

from latentmix.errors import InputError

from ..music.mixer import Coded, Mixer
from .background import Background
from .loading import PendingDecoder


class Phrases(Background):
    """Makes the phrases of a mixer in a thread of its own. Methods are thread-safe.

    Args:
        mixer: its `phrases` are filled in, under the lock.
        lock: of the mixer.
        renew: called when one has come.
        warn: called with a line where there cannot be one.
    """

    def __init__(self, mixer: Mixer, lock: Any, renew: Callable[[], None], warn: Callable[[str], None]) -> None:
        super().__init__("latentmix phrases", warn)
        self._mixer, self._lock, self._renew = mixer, lock, renew
        self._refused: Coded | None = None  # melodies after which nothing comes, which is told once

    def search(self) -> None:
        """Make those that are wanted."""
        while self._is_open:
            with self._lock:
                coder, phrases, wanted = self._mixer.coder, self._mixer.phrases, self._mixer.phrases_wanted
            if len(phrases) >= wanted or isinstance(coder, PendingDecoder) or phrases[0] is self._refused:
                return
            try:
                found = coder.go_on(phrases, partial(self._check, phrases))
            except _Unwanted:
                continue
            except InputError as error:
                self._refused = phrases[0]
                self._warn(f"no next phrase: {error}")
                return
            with self._lock:
                if self._mixer.phrases is phrases:
                    self._mixer.phrases = (*phrases, found)
            with contextlib.suppress(InputError):  # closed meanwhile
                self._renew()

    def _check(self, phrases: tuple[Coded, ...]) -> None:
        """Long tunes take seconds: nobody waits for what comes after others, or when it is closed."""
        if not self._is_open or self._mixer.phrases is not phrases:
            raise _Unwanted


class _Unwanted(Exception):
    """What is being made is not wanted any more."""


def make_wanted(mixer: Mixer) -> None:
    """All phrases up to the one that is asked for, for those who have time; it is mixed then.

    Raises:
        InputError: there cannot be any.
    """
    while len(mixer.phrases) <= int(mixer.values["phrase"]):
        mixer.phrases = (*mixer.phrases, mixer.coder.go_on(mixer.phrases))
    mixer.turn_over()
