"""The rhythm of one melody with the pitches of another, and the plane between two melodies whose sides are these two.

Rhythm and pitch are the two groups of a latent, each of which can come from another one (`joined`). They are no groups
of its dimensions, for those of a beat hold both: latents are joined as notes. Where the first starts a note it starts
one too, at the pitch that the second has there, or that it comes to before the next note starts: which of these, a
critic of melodies says (`model.critic`). What comes of it is encoded and decoded, as all that is mixed; and with it and
its opposite as corners a plane goes from melody to melody, the rhythm along one side and the pitch along the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError

from .interpolation import check_mixable, codes, grid, melodies_at, mixed
from .model.network import MelodyNetwork
from .music.melody import ONSET, Melody
from .music.partners import partners
from .music.windows import fold_pitches, from_windows, to_windows
from .travel import even_travel

ON_TIME = 1.5  # nats that the pitch which sounds there is ahead of those that come later
ROUNDS = 3  # of the critic's choice


def crossed(model: MelodyNetwork, rhythm: Melody, pitch: Melody, shift: Tensor | None = None) -> Melody:
    """The rhythm of one melody with the pitches of another, in the metre, tempo and program of the first.

    The shorter one is repeated; `shift` (D,) is added to every latent.

    Raises:
        InputError: a melody without notes, or a model with nothing between two codes.
    """
    check_mixable(model)
    first, second = partners([rhythm, pitch])
    z = model.invert_windows(crossed_windows(model, first, second))
    return melodies_at(model, (z if shift is None else z + shift)[None], first)[0]


def joined(model: MelodyNetwork, rhythm: Tensor, pitch: Tensor) -> Tensor:
    """Latents (W, D) with the rhythm of some, (W, D), and the pitches of others: windows of one melody in turn.

    Any thread may call it, also while others use the model.

    Raises:
        InputError: other shapes, latents that decode to no note, or a model with nothing between two codes.
    """
    check_mixable(model)
    if rhythm.shape != pitch.shape:
        raise InputError(f"expected two latents of one shape (W, D), found {(*rhythm.shape,)} and {(*pitch.shape,)}")
    parts = {"rhythm": rhythm, "pitch": pitch}
    heard = [Melody(model.decode_windows(z).reshape(-1), name=name) for name, z in parts.items()]
    return model.invert_windows(crossed_windows(model, *heard))


def blend_apart(
    model: MelodyNetwork,
    melodies: Sequence[Melody],
    rhythm: Sequence[float],
    pitch: Sequence[float],
    shift: Tensor | None = None,
) -> Melody:
    """One melody out of 2 to 8, by weights for their rhythms and others for their pitches.

    Raises:
        InputError: as of `interpolation.blend` and `joined`.
    """
    first, *others = partners(melodies)
    z = codes(model, [first, *others])
    found = joined(model, mixed(z, rhythm), mixed(z, pitch))
    return melodies_at(model, (found if shift is None else found + shift)[None], first)[0]


def crossed_windows(model: MelodyNetwork, rhythm: Melody, pitch: Melody) -> np.ndarray:
    """The same as notes, before they are encoded; (W, 32) tokens of two melodies of one metre and length."""
    for melody in (rhythm, pitch):
        if not (melody.tokens >= ONSET).any():
            raise InputError(
                f"{melody.name or 'melody'}: expected notes, found none in this passage; choose other bars"
            )
    steps = torch.from_numpy(to_windows(rhythm))
    return _chosen(model, steps.to(model.device), _line(model, pitch)).cpu().numpy()


def _line(model: MelodyNetwork, melody: Melody) -> Tensor:
    """`to_lines`, counted from the model's lowest pitch; (W, 32)."""
    lowest = model.config.lowest_pitch
    folded = fold_pitches(to_lines(melody) + ONSET, lowest, model.config.pitches) - ONSET
    return torch.from_numpy(folded - lowest).to(model.device)


def to_lines(melody: Melody) -> np.ndarray:
    """The pitch of the note that started last, in each step of each window; before the first note its own; (W, 32)."""
    windows = to_windows(melody)
    flat = windows.reshape(-1)
    onset = flat >= ONSET
    if not onset.any():
        raise InputError(f"{melody.name or 'melody'}: expected notes, found none in this passage")
    latest = np.maximum.accumulate(np.where(onset, np.arange(len(flat)), -1))
    source = np.where(latest < 0, int(onset.argmax()), latest)
    return (flat[source] - ONSET).reshape(windows.shape)


@torch.inference_mode()
def _chosen(model: MelodyNetwork, steps: Tensor, line: Tensor) -> Tensor:
    """Tokens (W, 32) of a rhythm (W, 32) of tokens with pitches out of a line (W, 32), counted from the lowest."""
    onset = steps >= ONSET
    number = onset.cumsum(1)  # which note a step belongs to
    same = (number[:, :, None] == number[:, None, :]) & (number[:, :, None] > 0)  # (W, 32, 32)
    marks = torch.nn.functional.one_hot(line, model.config.pitches).float()
    possible = (same.float() @ marks) > 0  # (W, 32, P): pitches that the line has while a note lasts
    ahead = ON_TIME * marks
    symbols = torch.where(onset, line + ONSET, steps)
    for _ in range(ROUNDS):
        said = model.critic(symbols)[:, :, ONSET:] + ahead
        best = torch.where(possible, said, -torch.inf).argmax(2)
        symbols = torch.where(onset, best + ONSET, steps)
    return torch.where(onset, symbols + model.config.lowest_pitch, steps)


@torch.inference_mode()
def plane_codes(model: MelodyNetwork, a: Melody, b: Melody) -> Tensor:
    """The plane between partners of one metre and length as latents (K, K, W, D): rhythm across, pitch upwards.

    Rhythm and pitch each go from a to b by even travel (`travel`), and at each place of the plane they are crossed, so
    that the rhythm hangs on the one side alone and the pitch on the other.

    Raises:
        InputError: a melody without notes.
    """
    ends = [to_windows(melody) for melody in (a, b)]
    way = even_travel(model, *(model.invert_windows(each) for each in ends)).places
    heard = model.decode_windows(way.flatten(0, 1)).reshape(*way.shape[:2], -1)
    heard[0], heard[-1] = (fold_pitches(each, model.config.lowest_pitch, model.config.pitches) for each in ends)
    lines = torch.stack([_line(model, from_windows(windows, a, a.bars)) for windows in heard])  # (K, W, 32)
    steps, places = torch.from_numpy(heard).to(model.device), len(heard)
    rows = [_chosen(model, steps.flatten(0, 1), line.repeat(places, 1)) for line in lines]
    return torch.stack([model.inverted(row).unflatten(0, heard.shape[:2]) for row in rows])


def plane(model: MelodyNetwork, a: Melody, b: Melody, rows: int, columns: int, **options: Any) -> list[list[Melody]]:
    """From a, top left, to b, bottom right: the rhythm goes over from left to right, the pitch from top to bottom.

    Options as of `interpolation.grid`.
    """
    first, second = partners([a, b])
    corners = [first, crossed(model, second, first), crossed(model, first, second), second]
    return grid(model, corners, rows, columns, **options)
