"""Hits as a drummer may play them who was heard playing something else: the groove of one file laid on another.

What `feel` says of the hits that were heard is wrong by something, and by about that it will be wrong of others like
them: the errors are averaged with weights that fall with how unlike two hits are (a kernel regression, Nadaraya 1964,
Watson 1964) and added. So of a bar that was heard again and again the mean of how it was played remains, of one that
was not what the model says, and in between how hard this drummer plays a drum, and how he swings. To copy velocity and
offset from the hit that stands on the same step, as is usual, is farther from what the drummer does in other bars than
the model alone (docs/drums.md).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ..music.windows import HALF
from .feel import Heard
from .groove import MAX_OFFSET, Groove
from .kit import INSTRUMENTS
from .mixing import between
from .network import GrooveNetwork
from .windows import HIT, OFFSET, VELOCITY, to_cells

# How unlike two hits are: what is struck otherwise on the steps around them, so many before and after, ...
AROUND = {-2: 0.5, -1: 1.0, 0: 2.0, 1: 1.0, 2: 0.5}
# ... how far apart they stand in the bar, by the difference of their steps: none, half a bar, beats, eighths, ...
APART = 2.0 * np.array([0, 6, 4, 6, 2, 6, 4, 6, 1, 6, 4, 6, 2, 6, 4, 6], np.float32)
# ... and whether they are of two drums; a drum that was not heard goes by all others (a swing of hats)
OTHER_DRUM = 6.0
WIDTH = 2.5  # of the kernel, which is exponential
NOTHING = 0.3  # weight of no error at all: what is like nothing that was heard is as the model says
MAX_HEARD, AT_ONCE = 4096, 1024  # hits that are listened to, and that are played in one go


class _Hits(NamedTuple):
    """Hits of windows, n of them, in order.

    Attributes:
        window, step, drum: (n,) where they are.
        around: (n, 5 * 9) what is struck around each, the window going round as a loop does.
    """

    window: np.ndarray
    step: np.ndarray
    drum: np.ndarray
    around: np.ndarray

    @classmethod
    def of(cls, cells: np.ndarray) -> _Hits:
        struck = cells[:, :, HIT] > 0.5
        window, step, drum = np.nonzero(struck)
        around = np.stack([np.roll(struck, -shift, 1) for shift in AROUND], 2)[window, step]
        return cls(window, step, drum, around.reshape(len(window), len(AROUND) * len(INSTRUMENTS)).astype(np.float32))

    def some(self, part: slice) -> _Hits:
        return _Hits(*(each[part] for each in self))


def feel_after(
    model: GrooveNetwork, groove: Groove, source: Groove, amount: float = 1.0, style: str | None = None
) -> Groove:
    """A groove's hits with the feel of whoever played another one.

    Args:
        source: what was played; its first 4,096 hits are heard.
        amount: 0 leaves the groove as it is, 1 is the other's feel, up to 2 exaggerates it.
        style: of both, one that the model knows; any if None.

    Raises:
        InputError: an amount outside 0..2, an unknown style, or bars that are longer than a window.
    """
    cells, heard_cells = to_cells(groove), to_cells(source)
    said, heard_said = (_feel(model, each, piece, style) for each, piece in ((cells, groove), (heard_cells, source)))
    hits, heard = _Hits.of(cells), _Hits.of(heard_cells).some(slice(MAX_HEARD))
    error = (heard_cells - heard_said)[heard.window, heard.step, :, heard.drum][:, [VELOCITY, OFFSET]]
    for start in range(0, len(hits.step), AT_ONCE):
        part = hits.some(slice(start, start + AT_ONCE))
        weight = np.exp(-_unlike(part, heard) / WIDTH)
        mean = weight @ error / (weight.sum(1, keepdims=True) + NOTHING)
        for channel, added in ((VELOCITY, mean[:, 0]), (OFFSET, mean[:, 1])):
            said[part.window, part.step, channel, part.drum] += added
    said[:, :, OFFSET] = np.clip(said[:, :, OFFSET], -MAX_OFFSET, MAX_OFFSET)
    said[:, :, VELOCITY] = np.clip(said[:, :, VELOCITY], 0.0, 1.0)
    return between(groove, cells, said, amount)


def _feel(model: GrooveNetwork, cells: np.ndarray, groove: Groove, style: str | None) -> np.ndarray:
    """What the model alone says of the cells of a groove."""
    hits = torch.from_numpy(cells[:, :, HIT]).to(model.device)
    return model.feel_of(Heard.in_turn(hits), groove.tempo, style).cpu().numpy()


def _unlike(hits: _Hits, others: _Hits) -> np.ndarray:
    """How unlike each hit is to each of others, (n, m); of a drum that none of them is, by their places in the bar."""
    weights = np.repeat(np.array(list(AROUND.values()), np.float32), len(INSTRUMENTS))
    a, b = hits.around * weights, others.around
    struck_otherwise = a.sum(1)[:, None] + (b @ weights)[None] - 2.0 * (a @ b.T)
    apart = APART[(hits.step[:, None] - others.step[None]) % HALF]
    unlike = struck_otherwise + apart + OTHER_DRUM * (hits.drum[:, None] != others.drum[None])
    return np.where(np.isin(hits.drum, others.drum)[:, None], unlike, apart)
