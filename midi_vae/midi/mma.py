"""Compound metres as the accompaniment generator MMA writes them -> the bars that it means.

MMA counts its bars in beats of a quarter note and writes the time signature that it is told, so that a bar of 6/8 is
six quarters long where each eighth is a beat, and two where each dotted quarter is. The file does not say which; its
notes do.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_NEAR = 0.03  # beats that its players are early or late
_ON_BEATS = 0.9  # share of onsets on beats, from which on an eighth is a beat
_ON_THIRDS = 0.05  # on thirds of beats, from which on an eighth is one


def meant_metre(metre: tuple[int, int], onsets: Sequence[np.ndarray]) -> tuple[int, int]:
    """The metre that bars of such a file have, in quarter notes.

    Args:
        metre: as the file says.
        onsets: of the notes of each track, in beats.

    >>> meant_metre((6, 8), [np.arange(12.0)]), meant_metre((6, 8), [np.arange(0, 12, 0.5)])
    ((6, 4), (6, 8))
    >>> meant_metre((6, 8), [np.arange(12) / 3]), meant_metre((4, 4), [np.arange(12.0)])
    ((2, 4), (4, 4))
    """
    if metre[1] != 8 or metre[0] % 3 or metre[0] < 6:
        return metre
    places = np.concatenate(onsets) % 1.0
    thirds = np.minimum(np.abs(places - 1 / 3), np.abs(places - 2 / 3)) < _NEAR
    if thirds.mean() >= _ON_THIRDS:
        return metre[0] // 3, 4
    return (metre[0], 4) if np.mean(np.minimum(places, 1 - places) < _NEAR) >= _ON_BEATS else metre
