"""Even ways between melodies (`midi_vae.travel`), and between drums (`midi_vae.drums.travel`).

They are searched while the music plays, and so are charts of the pad; until then mixes go straight.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from copy import copy
from itertools import combinations
from typing import Any, Protocol, cast

import numpy as np

from latentmix.errors import InputError

from ..music.mixer import Mixer, Plane
from ..music.shares import shares_at
from .background import Background
from .loading import PendingDecoder

WINDOWS_AT_ONCE = 4  # so long, about half a second, may it go on after it has been told to stop
PLACES_ON_A_SIDE = 13  # of a chart
MAX_KEPT = 64  # ways, for melodies that come and go


class Wayfinder(Protocol):
    """What searches ways (`decoder.Decoder`, `drum_coder.DrumCoder`)."""

    def aside(self, a: np.ndarray, b: np.ndarray) -> np.ndarray: ...


class Ends(Protocol):
    """What ways are searched between, (M, W, ...): of each window by itself."""

    @property
    def ends(self) -> np.ndarray: ...


class Mixing(Protocol):
    """What mixes by ways (`mixer.Mixer`, `drum_mixer.DrumMixer`)."""

    asides: dict[tuple[int, int], np.ndarray]
    spherical: bool

    @property
    def is_uncharted(self) -> bool: ...

    @property
    def coder(self) -> Any: ...
    @property
    def coded(self) -> Any: ...
    def weights(self) -> np.ndarray: ...


class Explorer(Background):
    """Finds the ways between all melodies, or drums, of a mixer in a thread of its own. Methods are thread-safe.

    Args:
        mixer: its `asides` are filled in, under the lock.
        lock: of the mixer.
        renew: called when the mix that is heard now goes another way.
        warn: as of `Background`.
    """

    def __init__(self, mixer: Mixing, lock: Any, renew: Callable[[], None], warn: Callable[[str], None]) -> None:
        super().__init__("latentmix ways", warn)
        self._mixer, self._lock, self._renew = mixer, lock, renew
        self._known: dict[tuple[bytes, bytes], np.ndarray] = {}

    def search(self) -> None:
        """Find ways and charts that are not there yet."""
        with self._lock:
            coder, coded = self._mixer.coder, self._mixer.coded
        if coder is None or coded is None or isinstance(coder, PendingDecoder) or self._mixer.spherical:
            return
        if not self._find_chart(coded):
            return
        for i, j in pairs(coded):
            if (i, j) in self._mixer.asides:
                continue
            way = self._way(cast(Wayfinder, coder), coded, i, j)
            if way is None:
                return
            with self._lock:
                if self._mixer.coded is not coded:
                    return
                self._mixer.asides = {**self._mixer.asides, (i, j): way}
                is_heard = min(self._mixer.weights()[[i, j]]) > 0
            if is_heard:
                self._tell()
            if self._mixer.is_uncharted:  # meanwhile: that goes first
                self.look()
                return

    def _tell(self) -> None:
        with contextlib.suppress(InputError):  # closed meanwhile
            self._renew()

    def _find_chart(self, coded: Any) -> bool:
        """Of what the puck is moved over, if there is none yet; whether the melodies are still the same."""
        mixer = cast(Mixer, self._mixer)
        while mixer.is_uncharted and self._is_open:
            with self._lock:
                plane, columns = mixer.plane, copy(mixer)
            if plane is None or columns.coded is not coded:
                return False
            chart = charted(columns, plane, lambda: self._is_open and mixer.coded is coded)
            with self._lock:
                if mixer.coded is not coded:
                    return False
                if plane == () or plane == tuple(mixer.places):
                    mixer.charts = {**mixer.charts, plane: chart}
            self._tell()
        return self._is_open

    def _way(self, coder: Wayfinder, coded: Ends, i: int, j: int) -> np.ndarray | None:
        """The way from i to j; None where it is not wanted any more."""
        a, b = coded.ends[i], coded.ends[j]
        key = (a.tobytes(), b.tobytes())
        if key not in self._known:
            parts = []
            for part in aside_in_parts(coder, a, b):
                parts.append(part)
                if not self._is_open or self._mixer.coded is not coded:
                    return None
            if len(self._known) >= MAX_KEPT:
                self._known.pop(next(iter(self._known)))
            self._known[key] = np.concatenate(parts, 1)
        return self._known[key]


def charted(mixer: Mixer, plane: Plane, is_wanted: Callable[[], bool] = lambda: True) -> np.ndarray | None:
    """The chart of a plane of a mixer that nobody else moves (`Mixer.charts`); None where there cannot be one."""
    coder, coded = mixer.coder, mixer.coded
    if not plane:
        with contextlib.suppress(InputError):  # a melody without notes
            return coder.plane(*coded.partners[:2])
        return None
    axis = np.linspace(0.0, 1.0, PLACES_ON_A_SIDE)
    shares = np.stack([shares_at(x, y, plane) for y in axis for x in axis])
    parts = []
    for start in range(0, coded.latents.shape[1], WINDOWS_AT_ONCE):
        if not is_wanted():
            return None
        parts.append(coder.chart(coded.latents[:, start : start + WINDOWS_AT_ONCE], shares))
    found = np.concatenate(parts, 1)
    return found.reshape(len(axis), len(axis), *found.shape[1:])


def pairs(coded: Ends) -> list[tuple[int, int]]:
    """Those that `position` goes between first."""
    return sorted(combinations(range(len(coded.ends)), 2), key=lambda pair: pair[1] - pair[0])


def aside_in_parts(coder: Wayfinder, a: np.ndarray, b: np.ndarray) -> Iterator[np.ndarray]:
    """`Wayfinder.aside`, some windows at a time."""
    for start in range(0, len(a), WINDOWS_AT_ONCE):
        part = slice(start, start + WINDOWS_AT_ONCE)
        yield coder.aside(a[part], b[part])


def all_asides(coder: Wayfinder, coded: Ends) -> dict[tuple[int, int], np.ndarray]:
    """Of all pairs of melodies, for those who have time: `Mixer.asides`."""
    return {
        (i, j): np.concatenate(list(aside_in_parts(coder, coded.ends[i], coded.ends[j])), 1) for i, j in pairs(coded)
    }
