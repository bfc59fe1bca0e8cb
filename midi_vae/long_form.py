"""Melodies longer than a window: new ones, ones that go on, and what their form is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256

import numpy as np
import torch
from torch import Tensor

from latentmix.errors import InputError, check_count

from .model.conductor import PLACES, Conductor, Past
from .model.network import MelodyNetwork
from .music.key import estimate_key
from .music.melody import ONSET, Melody
from .music.windows import WINDOW_STEPS, each_from_windows, from_windows, to_windows, window_layout

MAX_BARS = 1024  # that are made at once
SAME = 0.9  # share of equal steps from which a window is another one again
NUCLEUS = 0.98  # of what is drawn: a narrower one says again what was said, more often than tunes do
OPENING, OPENINGS = 4, 5  # windows in which a tune is found, and how many are drawn for the one of middle likelihood
OUT_OF_KEY = -1.0  # nats by which notes outside the key so far are less likely than the conductor says
DRAWS = 4  # of a next phrase, until one is new, and of a melody, until it has a note


def check_conductor(model: MelodyNetwork, conductor: Conductor) -> None:
    """
    Raises:
        InputError: the conductor was taught the codes of a model of another shape.
    """
    config, other = model.config, conductor.config
    found = (config.latent_size, config.lowest_pitch, config.pitches)
    expected = (other.latent_size, other.lowest_pitch, other.pitches)
    if found != expected or model.latent.codes:
        raise InputError(f"expected a model whose codes have size, lowest pitch and pitches {expected}, found {found}")


@torch.inference_mode()
def windows_after(
    model: MelodyNetwork,
    conductor: Conductor,
    before: np.ndarray,
    count: int,
    temperature: float = 1.0,
    seed: int | None = None,
    ends: bool = True,
    check: Callable[[], object] = lambda: None,
) -> Tensor:
    """Codes (B, count, D) from which the windows that go on after B tunes are decoded.

    What a tune opens with decides on all that follows. So several openings are drawn, and the one of middle likelihood
    is taken: neither the usual, which would say the same again and again, nor what the tail of so wide a nucleus says.

    Args:
        before: (B, W, 32) tokens, W >= 0.
        temperature: below 1 more usual, above 1 stranger; 0 takes the likeliest symbols.
        seed: the same seed gives the same windows, on every device.
        ends: whether the tunes end with the last window.
        check: called before each window; what it raises ends it.

    Raises:
        InputError: the conductor does not go with the model.
    """
    check_conductor(model, conductor)
    generator = torch.Generator()
    generator.manual_seed(seed) if seed is not None else generator.seed()
    last = before.shape[1] + count - 1 if ends else None
    opening = min(max(OPENING - before.shape[1], 0), count) if temperature > 0.0 else 0
    so_far = before
    if opening:
        many = np.repeat(before, OPENINGS, 0)
        found = _drawn(model, conductor, many, opening, temperature, generator, last, check)
        order = found.nats.view(len(before), OPENINGS).argsort(stable=True, dim=1)
        chosen = torch.arange(len(before)) * OPENINGS + order[:, OPENINGS // 2]
        so_far = np.concatenate([before, found.tokens[chosen.numpy()]], 1)
    if opening < count:
        rest = _drawn(model, conductor, so_far, count - opening, temperature, generator, last, check)
        so_far = np.concatenate([so_far, rest.tokens], 1)
    made = so_far[:, before.shape[1] :]
    return model.invert_windows(made.reshape(-1, WINDOW_STEPS)).view(len(before), count, -1)


@dataclass(frozen=True)
class _Drawn:
    """Windows that go on after B tunes.

    Attributes:
        tokens: (B, count, 32).
        nats: (B,) on the CPU, by which a step is unlikely, of all of them.
    """

    tokens: np.ndarray
    nats: Tensor


def _drawn(
    model: MelodyNetwork,
    conductor: Conductor,
    before: np.ndarray,
    count: int,
    temperature: float,
    generator: torch.Generator,
    last: int | None,
    check: Callable[[], object],
) -> _Drawn:
    """As `windows_after`, each drawn once; the tunes end with window `last`, counted from their start."""
    size, tunes = conductor.config.latent_size, len(before)
    past = before[:, -max(conductor.config.lags) :]
    codes = list(model.encode_windows(past.reshape(-1, WINDOW_STEPS)).view(tunes, -1, size).unbind(1))
    start = before.shape[1] - len(codes)
    heard = list(past.swapaxes(0, 1))
    tokens, nats = [], []
    for _ in range(count):
        check()
        known = torch.tensor([lag <= len(codes) for lag in conductor.config.lags], device=model.device)
        nothing = torch.zeros(tunes, size, device=model.device)
        looked_at = [codes[-lag] if lag <= len(codes) else nothing for lag in conductor.config.lags]
        number = start + len(codes)
        place = torch.full((tunes,), number % PLACES, device=model.device)
        is_last = torch.full((tunes,), number == last, device=model.device)
        what = Past(torch.stack(looked_at, 1), known.expand(tunes, -1), place, is_last)
        leaning = _towards_key(conductor, heard[-max(conductor.config.lags) :])
        window = conductor.sample(what, temperature, generator, NUCLEUS, leaning)
        nats.append(conductor.nats_a_step(window, what).cpu())
        tokens.append(window.cpu().numpy())
        heard.append(tokens[-1])
        codes.append(model.encode_windows(tokens[-1]))
    return _Drawn(np.stack(tokens, 1), torch.stack(nats).mean(0))


def _towards_key(conductor: Conductor, heard: Sequence[np.ndarray]) -> Tensor | None:
    """`Conductor.sample`'s leaning after windows (B, 32) of B tunes: each keeps the key in which it was so far."""
    if not heard:
        return None
    lowest, pitches = conductor.config.lowest_pitch, conductor.config.pitches
    out = np.zeros((len(heard[0]), ONSET + pitches), np.float32)
    for row, tokens in zip(out, np.concatenate(heard, 1), strict=True):
        if (tokens >= ONSET).any():
            key = estimate_key([Melody(tokens)])
            row[ONSET:] = [0.0 if p % 12 in key.pitch_classes else OUT_OF_KEY for p in range(lowest, lowest + pitches)]
    return torch.from_numpy(out)


def compose(
    model: MelodyNetwork,
    conductor: Conductor,
    n: int,
    bars: int,
    temperature: float = 1.0,
    seed: int | None = None,
    shift: Tensor | None = None,
) -> list[Melody]:
    """n new melodies of so many bars of 4/4, whose phrases return.

    What comes out without a note (a bar alone is often a rest, before an upbeat) is drawn anew, a few times.

    Args:
        shift: (D,) added to every code (`interpolation.attribute_shift`).

    Raises:
        InputError: too few or too many bars, or the conductor does not go with the model.
    """
    like = Melody(np.zeros(WINDOW_STEPS, np.int16))
    check_count(bars, 1, MAX_BARS, "bars")
    nothing = np.zeros((n, 0, WINDOW_STEPS), np.int64)
    made: list[Melody] = []
    for draw in range(DRAWS):
        again = None if seed is None else int(sha256(f"{seed} {draw}".encode()).hexdigest()[:14], 16)
        z = windows_after(model, conductor, nothing, _windows(bars, like), temperature, again if draw else seed)
        others = _decoded(model, z, like, bars, shift)
        made = [old if old.notes() else new for old, new in zip(made, others, strict=True)] if made else others
        if temperature <= 0.0 or all(melody.notes() for melody in made):
            break
    return made


def go_on(
    model: MelodyNetwork,
    conductor: Conductor,
    melody: Melody,
    bars: int,
    n: int = 1,
    temperature: float = 1.0,
    seed: int | None = None,
    shift: Tensor | None = None,
    ends: bool = True,
    check: Callable[[], object] = lambda: None,
) -> list[Melody]:
    """n ways for a melody to go on for so many bars, in its metre, without the melody itself.

    Args:
        ends: whether it ends with them.
        check: as of `windows_after`.

    Raises:
        InputError: as of `compose`.
    """
    before = to_windows(melody)
    kept = melody.bars // window_layout(melody.metre).bars  # whole windows; a bar that is left over begins the next one
    before = np.repeat(before[None, :kept], n, 0)
    left = melody.bars - kept * window_layout(melody.metre).bars
    check_count(bars, 1, MAX_BARS, "bars")
    count = _windows(bars + left, melody)
    z = windows_after(model, conductor, before, count, temperature, seed, ends, check)
    made = _decoded(model, z, replace(melody, name=""), bars + left, shift)
    size = melody.steps_per_bar
    return [replace(each, tokens=each.tokens[left * size :]) for each in made]


def next_phrase(
    model: MelodyNetwork,
    conductor: Conductor,
    phrases: Sequence[Melody],
    check: Callable[[], object] = lambda: None,
) -> Melody:
    """What comes after phrases of one metre and length, as long as they are; the tune goes on after it.

    The same phrases have always the same one after them. A phrase that only says the last one again is drawn anew, a
    few times. `check` is as of `windows_after`.

    Raises:
        InputError: as of `compose`.
    """
    so_far = reduce(followed, phrases)
    for draw in range(DRAWS):
        seed = int.from_bytes(sha256(bytes([draw]) + so_far.tokens.astype("<i2").tobytes()).digest()[:7], "little")
        (found,) = go_on(model, conductor, so_far, phrases[-1].bars, seed=seed, ends=False, check=check)
        if float((found.tokens == phrases[-1].tokens).mean()) < SAME:
            break
    return replace(found, name=phrases[-1].name)


def followed(melody: Melody, continuation: Melody) -> Melody:
    """A melody and what goes on after it, as one."""
    return replace(melody, tokens=np.concatenate([melody.tokens, continuation.tokens]))


def form(windows: np.ndarray) -> list[int]:
    """Which window each of (W, 32) tokens is again: its own number, or that of an earlier one that it nearly equals.

    >>> a, b = np.arange(2, 34), np.arange(50, 82)
    >>> form(np.stack([a, b, a, b, np.where(np.arange(32) < 30, a, b)]))
    [0, 1, 0, 1, 0]
    """
    out: list[int] = []
    for number, window in enumerate(windows):
        same = [(windows[i] == window).mean() if out[i] == i else 0.0 for i in range(number)]
        best = int(np.argmax(same)) if same else number
        out.append(best if same and same[best] >= SAME else number)
    return out


def in_form_of(first: Melody, others: Sequence[Melody]) -> list[Melody]:
    """Partners of a melody, of its length and metre, made to repeat where it does.

    Where a window of the first is an earlier one again, so is the other's: what stood there is given up.
    """
    pattern = form(to_windows(first))
    return [from_windows(to_windows(other)[pattern], other, other.bars) for other in others]


def _windows(bars: int, like: Melody) -> int:
    return -(-bars // window_layout(like.metre).bars)


def _decoded(model: MelodyNetwork, z: Tensor, like: Melody, bars: int, shift: Tensor | None) -> list[Melody]:
    z = z if shift is None else z + shift
    windows = model.decode_windows(z.flatten(0, 1)).reshape(*z.shape[:2], -1)
    return each_from_windows(windows, like, bars)
