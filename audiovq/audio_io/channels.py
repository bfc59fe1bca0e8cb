"""Which loudspeaker a channel is for, and how channels are mixed to one."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

# left, right, centre, low frequencies, surround left and right, back left and right, back centre, top
LAYOUTS = {  # order of WAV (by the bits of its mask) and FLAC (RFC 9639, 9.1.3)
    1: ("C",),
    2: ("L", "R"),
    3: ("L", "R", "C"),
    4: ("L", "R", "Ls", "Rs"),
    5: ("L", "R", "C", "Ls", "Rs"),
    6: ("L", "R", "C", "LFE", "Ls", "Rs"),
    7: ("L", "R", "C", "LFE", "Cs", "Ls", "Rs"),
    8: ("L", "R", "C", "LFE", "Lb", "Rb", "Ls", "Rs"),
}
VORBIS_LAYOUTS = {  # order of Vorbis (specification, 4.3.9) and Opus (RFC 7845, 5.1.1.2)
    **LAYOUTS,
    3: ("L", "C", "R"),
    5: ("L", "C", "R", "Ls", "Rs"),
    6: ("L", "C", "R", "Ls", "Rs", "LFE"),
    7: ("L", "C", "R", "Ls", "Rs", "Cs", "LFE"),
    8: ("L", "C", "R", "Ls", "Rs", "Lb", "Rb", "LFE"),
}
MASK = ("L", "R", "C", "LFE", "Lb", "Rb", "L", "R", "Cs", "Ls", "Rs", *["top"] * 7)  # by the bits of WAV's mask
# three front and two surround channels to one (ITU-R BS.775-3, table 2); what it has no row for as what is nearest
TO_ONE = {"C": 1.0, "L": math.sqrt(0.5), "R": math.sqrt(0.5), "Ls": 0.5, "Rs": 0.5, "LFE": 0.0}
TO_ONE |= {"Lb": 0.5, "Rb": 0.5, "Cs": math.sqrt(0.5), "top": 0.5}
MIXED, CANCEL = "channels are mixed to one", "the channels cancel each other"  # said of a recording
AUDIBLE = 1e-3  # of full scale: sound begins
CANCELLED = 0.1  # share of the power that is left of a mix whose channels are taken to cancel each other


def is_about_mixing(notice: str) -> bool:
    """Whether a line is one of `Downmix`."""
    return MIXED in notice or notice.startswith(CANCEL)


def layout_of_mask(mask: int, channels: int) -> tuple[str, ...] | None:
    """
    >>> layout_of_mask(0x3F, 6)
    ('L', 'R', 'C', 'LFE', 'Lb', 'Rb')
    """
    found = tuple(name for bit, name in enumerate(MASK) if mask >> bit & 1)
    return found if len(found) == channels else None


def weights_to_one(channels: int, layout: tuple[str, ...] | None) -> np.ndarray:
    """What each channel is multiplied by to be mixed to one; (C,) float32.

    Without a centre loudspeaker, what is equal left and right is the centre, and comes out as it is.

    >>> weights_to_one(6, LAYOUTS[6]), weights_to_one(2, LAYOUTS[2])  # doctest: +NORMALIZE_WHITESPACE
    (array([0.70710677, 0.70710677, 1. , 0. , 0.5 , 0.5 ], dtype=float32), array([0.5, 0.5], dtype=float32))
    """
    if layout is None or len(layout) != channels or set(layout) == {"LFE"}:
        return np.full(channels, 1.0 / channels, np.float32)
    weights = np.array([TO_ONE[name] for name in layout])
    return (weights if "C" in layout else weights * math.sqrt(0.5)).astype(np.float32)


class Downmix:
    """Blocks (C, n) of several channels -> blocks (1, n), the same whatever the size of the blocks.

    Channels that cancel each other, as those of a cable with two wires exchanged, are found in the first second of
    sound, and turned round.

    Attributes:
        notices: lines on what was done, complete after the last block.
    """

    def __init__(self, channels: int, layout: tuple[str, ...] | None, sample_rate: int) -> None:
        self._weights, self._second = weights_to_one(channels, layout), sample_rate
        self._power = np.zeros(2)  # of the mix, and of what it would be of channels that have nothing in common
        self.notices = [f"{channels} {MIXED}"] if channels > 1 else []

    def __call__(self, blocks: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        if len(self._weights) == 1:
            yield from blocks
            return
        held, start = np.zeros((len(self._weights), 0), np.float32), None
        for block in blocks:
            held = np.concatenate([held, block], 1)
            if start is None and (np.abs(block) > AUDIBLE).any():
                start = held.shape[1] - block.shape[1] + int(np.argmax((np.abs(block) > AUDIBLE).any(0)))
            if start is not None and held.shape[1] >= start + self._second:
                self._turn(held[:, start : start + self._second])
                break
            if start is None and held.shape[1] > self._second:  # silence, of which nothing can be learned
                yield self._mix(held)
                held = held[:, held.shape[1] :]
        else:
            self._turn(held[:, start or 0 :])
        if held.shape[1]:
            yield self._mix(held)
        for block in blocks:
            yield self._mix(block)
        mixed, apart = self._power
        if mixed < CANCELLED * apart:
            lost = 10.0 * math.log10(apart / max(mixed, 1e-12 * apart))
            self.notices = [f"{CANCEL}: mixed, {lost:.0f} dB are lost"]

    def _mix(self, block: np.ndarray) -> np.ndarray:
        mixed = (self._weights[:, None] * block).sum(0, keepdims=True)
        self._power += np.square(mixed).sum(), (np.square(self._weights) @ np.square(block)).sum()
        return mixed

    def _turn(self, found: np.ndarray) -> None:
        """Turn those round that are against the strongest one, where the mix is nearly nothing."""
        weighted = (self._weights[:, None] * found).astype(np.float64)
        power = np.square(weighted).sum(1)
        if np.square(weighted.sum(0)).sum() >= CANCELLED * power.sum():
            return
        against = weighted @ weighted[int(power.argmax())] < 0.0
        self._weights = np.where(against, -self._weights, self._weights)
        turned = " and ".join(str(number + 1) for number in np.flatnonzero(against))
        self.notices = [f"{CANCEL}; channel {turned} is turned round"]
