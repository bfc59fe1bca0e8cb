"""Mixer: melodies and what was moved -> one latent -> one melody. A state machine without clock, thread or port.

What was moved last decides how the latent is mixed: `position` goes along the melodies, `x` and `y` over the points on
the pad, `weight.N` sets shares. The engine plays what comes out, `--render` writes it to a file, a page shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from latentmix.errors import InputError, check_count
from midi_vae.music.key import estimate_key
from midi_vae.music.melody import Melody
from midi_vae.music.windows import from_windows

from . import blend
from .parameters import MAX_MELODIES, MAX_PHRASES, Value, find, table
from .shaping import in_key, thin, to_octave
from .shares import MODES, PADS, Mode, PadPoint, is_crossed, shares, spread

AFTER_DECODING = ("key", "octave", "density")  # change the melody without another decode
DECODED = ("temperature", "axes", *MODES)
Plane = tuple[PadPoint, ...]


class Coder(Protocol):
    """What the mixer needs of a model (`decoder.Decoder`)."""

    latent_size: int
    attributes: tuple[str, ...]

    def encode(self, melodies: Sequence[Melody]) -> Coded: ...

    def decode(self, latents: np.ndarray, temperature: float = 0.0) -> np.ndarray: ...

    def chart(self, latents: np.ndarray, shares: np.ndarray) -> np.ndarray: ...

    def plane(self, a: Melody, b: Melody) -> np.ndarray: ...

    def shift(self, amounts: Mapping[str, float]) -> np.ndarray: ...

    def go_on(self, phrases: Sequence[Coded], check: Callable[[], object] = ...) -> Coded: ...


@dataclass(frozen=True, eq=False)
class Coded:
    """Melodies of one metre and length, and their latents (M, W, D) float32."""

    partners: tuple[Melody, ...]
    latents: np.ndarray

    @property
    def ends(self) -> np.ndarray:
        """Of the even ways between them: the latents."""
        return self.latents


@dataclass
class Mixer:
    """See the module's docstring.

    Attributes:
        coder: encodes the melodies and decodes the mix.
        melodies: 1 to 8, as given.
        places: of the melodies on the pad; spread evenly if there are none.
        spherical: mix along arcs instead of straight lines.
        values: of all parameters, by name.
        mode: what was moved last.
        asides: of the even ways between melodies, as many as there are already (`blend.aside`); without one, and along
            arcs, it is the straight line.
        charts: of planes of the pad, as many as there are already: latents (rows, columns, W, D) of places of a grid,
            None where there cannot be one; without one it is the straight mix.
        phrases: the melodies as given, then what comes after them, as much as there is already (`engine.phrases`).
        coded: which of the phrases is mixed.
        turn: counts how often it was another one.

    Raises:
        InputError: no melody, more than 8, or bars longer than a window.
    """

    coder: Coder
    melodies: list[Melody]
    places: list[PadPoint] = field(default_factory=list)
    spherical: bool = False
    values: dict[str, Value] = field(default_factory=dict)
    mode: Mode = "position"
    asides: dict[tuple[int, int], np.ndarray] = field(default_factory=dict)
    charts: dict[Plane, np.ndarray | None] = field(default_factory=dict)
    phrases: tuple[Coded, ...] = ()
    turn: int = 0
    coded: Coded = field(init=False)
    _held: np.ndarray | None = field(default=None, init=False)  # shares of each melody when it was held

    def __post_init__(self) -> None:
        self.parameters = table(tuple(self.coder.attributes))
        self.values = {name: parameter.default for name, parameter in self.parameters.items()} | self.values
        self._set_melodies(list(self.melodies), self.places)

    # What is moved.

    def set(self, name: str, value: object) -> bool:
        """Move a parameter; whether the melody may now be another.

        Raises:
            InputError: as `parameters.check`.
        """
        checked = find(name, self.parameters).check(value)
        mode = MODES.get(name, self.mode)
        if mode == "weights" and self.mode != "weights":  # go on from the shares that are heard
            for number, weight in enumerate(self.weights(), start=1):
                self.values[f"weight.{number}"] = float(weight)
        if name == "hold" and checked and not self.values["hold"]:
            self._held = self.weights()
        changed = self.values[name] != checked or mode != self.mode
        self.values[name], self.mode = checked, mode
        if name in PADS:
            pad, is_by_puck = PADS[name]
            self.values[pad] = is_by_puck
        if name == "phrase":
            return self.turn_over()
        return changed and (name in DECODED or name in AFTER_DECODING or name.startswith("attribute."))

    def move(self, values: Mapping[str, object]) -> bool:
        """Move several parameters; whether the melody may be another now: not while it is held, and once it is let go.

        Raises:
            InputError: as `set`; those before it are moved.
        """
        was_held, before = self.values["hold"], self.weights()
        changed = any([self.set(name, value) for name, value in values.items()])
        if self.values["hold"] and not was_held:
            self._held = before  # nothing was made of what was moved together with it
        return bool(changed or was_held) and not self.values["hold"]

    def load(self, index: int, melody: Melody) -> None:
        """Put another melody in the place of one.

        Raises:
            InputError: no melody of this index, or bars longer than a window.
        """
        self._check_index(index)
        melodies = list(self.melodies)
        melodies[index] = melody
        self._set_melodies(melodies, self.places)

    def add(self, melody: Melody, place: PadPoint | None = None) -> None:
        """One more melody, after the last one; where the pad has most room if no place is given.

        Raises:
            InputError: there are 8, or bars longer than a window.
        """
        places = [*self.places, place or _emptiest(self.places)]
        self._set_melodies([*self.melodies, melody], places)
        self.values[f"weight.{len(self.melodies)}"] = 0.0

    def remove(self, index: int) -> None:
        """Take a melody away.

        Raises:
            InputError: no melody of this index, or it is the last one.
        """
        self._check_index(index)
        keep = [each for each in range(len(self.melodies)) if each != index]
        shares = [self.values[f"weight.{each + 1}"] for each in keep]
        self._set_melodies([self.melodies[each] for each in keep], [self.places[each] for each in keep])
        for number, share in enumerate([*shares, 0.0], start=1):
            self.values[f"weight.{number}"] = share

    def place(self, index: int, x: float, y: float) -> None:
        """Put a melody elsewhere on the pad; values outside 0..1 are clamped.

        Raises:
            InputError: no melody of this index, or not a number.
        """
        self._check_index(index)
        x, y = (float(self.parameters[name].check(value)) for name, value in (("x", x), ("y", y)))
        self.places[index] = PadPoint(x, y)
        self.charts = {plane: chart for plane, chart in self.charts.items() if not plane}

    def turn_over(self) -> bool:
        """Mix the phrase that `phrase` says, if it is there; whether it is another one than before."""
        wanted = int(self.values["phrase"])
        if wanted >= len(self.phrases) or self.phrases[wanted] is self.coded:
            return False
        self.coded, self.asides, self.charts = self.phrases[wanted], {}, {}
        self.turn += 1
        return True

    @property
    def phrases_wanted(self) -> int:
        """How many phrases there should be: one more than is mixed, once anything but the first was asked for."""
        wanted = int(self.values["phrase"])
        return min(wanted + 2, MAX_PHRASES) if wanted else 1

    # What comes out.

    def weights(self) -> np.ndarray:
        """Share of each melody (M,), with the sum 1."""
        return shares(self.values, self.mode, self.places)

    def heard_weights(self) -> np.ndarray:
        """As `weights`, of what is heard: while it is held, those that it had then."""
        held = self._held
        return held if self.values["hold"] and held is not None and len(held) == len(self.melodies) else self.weights()

    def latent(self) -> np.ndarray:
        """The mix, moved along its attributes; (W, D) float32."""
        chart = None if self.plane is None else self.charts.get(self.plane)
        if chart is not None:
            mixed = blend.on_grid(chart, float(self.values["x"]), float(self.values["y"]))
            return (mixed + self.coder.shift(self._amounts())).astype(np.float32)
        weights = self.weights()
        heard = np.flatnonzero(weights)
        if self.spherical and self.mode == "position" and len(heard) == 2:
            a, b = heard
            mixed = blend.slerp(self.coded.latents[a], self.coded.latents[b], float(weights[b]))
        else:
            mixed = blend.weighted(self.coded.latents, weights, self.spherical)
            mixed = mixed if self.spherical else mixed + blend.aside(self.asides, weights)
        return (mixed + self.coder.shift(self._amounts())).astype(np.float32)

    @property
    def plane(self) -> Plane | None:
        """What the puck is moved over, None where it is not: the places of three melodies and more, or none, where the
        sides are rhythm and pitch."""
        if self.mode != "pad" or self.spherical:
            return None
        if is_crossed(self.values, len(self.melodies)):
            return ()
        return tuple(self.places) if len(self.melodies) > 2 else None

    @property
    def is_uncharted(self) -> bool:
        """Whether a chart is still to be found (`engine.explorer`)."""
        return self.plane is not None and self.plane not in self.charts

    def melody(self, decoder: Coder | None = None) -> Melody:
        """The melody of the mix, decoded by another decoder if one is given, then shaped by density, key and octave.

        Where one melody alone is heard, unchanged, it is that melody itself rather than what the model makes of it.
        """
        return self.shaped(self._decoded(decoder or self.coder))

    def nearest(self) -> Melody:
        """The melody with the largest share, shaped: what stands in for the mix while it cannot be decoded."""
        return self.shaped(self._partner(int(self.weights().argmax())))

    @property
    def needs_decoder(self) -> bool:
        """Whether the mix is anything but one of the melodies, unchanged."""
        return self.weights().max() < 1.0 or bool(self.values["temperature"]) or any(self._amounts().values())

    @property
    def metre(self) -> tuple[int, int]:
        """Of the mix, beats in a bar and what a beat is."""
        return self._like.metre

    def adopt(self, coder: Coder, coded: Coded) -> None:
        """Go on with another coder, and what it made of the same melodies."""
        self.coder = coder
        self._begin_with(coded)

    def shaped(self, melody: Melody) -> Melody:
        """A melody with density, key and octave as they are set."""
        melody = thin(melody, float(self.values["density"]))
        key = str(self.values["key"])
        if key == "auto":
            key = self._own_key
        if key != "none":
            melody = in_key(melody, key)
        return to_octave(melody, int(self.values["octave"]))

    def _decoded(self, decoder: Coder) -> Melody:
        if not self.needs_decoder:
            return self._partner(int(self.weights().argmax()))
        like = self._like
        return from_windows(decoder.decode(self.latent(), float(self.values["temperature"])), like, like.bars)

    def _partner(self, index: int) -> Melody:
        return replace(self.coded.partners[index], tempo=self._like.tempo, program=self._like.program)

    def _amounts(self) -> dict[str, float]:
        return {name: float(self.values[f"attribute.{name}"]) for name in self.coder.attributes}

    def _check_index(self, index: int) -> None:
        if not 0 <= index < len(self.melodies):
            raise InputError(f"expected a melody from 1 to {len(self.melodies)}, found {index + 1}")

    def _set_melodies(self, melodies: list[Melody], places: list[PadPoint]) -> None:
        """All of it or, where the melodies do not go together, none."""
        check_count(len(melodies), 1, MAX_MELODIES, "melodies")
        if places and len(places) != len(melodies):
            raise InputError(f"expected a place for each of {len(melodies)} melodies, found {len(places)}")
        self._begin_with(self.coder.encode(melodies))
        self._like = replace(self.coded.partners[0], name="")
        self.melodies, self.places = melodies, list(places or spread(len(melodies)))
        self._own_key = str(estimate_key(melodies[:1])) if melodies[0].notes() else "none"

    def _begin_with(self, coded: Coded) -> None:
        """What comes after the melodies is not known yet: they themselves are mixed."""
        self.coded, self.phrases, self.asides, self.charts = coded, (coded,), {}, {}


def _emptiest(places: Sequence[PadPoint]) -> PadPoint:
    """Of a grid over the pad the place furthest from all others."""
    taken = np.array([(place.x, place.y) for place in places])
    grid = np.stack(np.meshgrid(np.linspace(0, 1, 9), np.linspace(0, 1, 9)), -1).reshape(-1, 2)
    nearest = np.hypot(*(grid[:, None] - taken).transpose(2, 0, 1)).min(1)
    return PadPoint(*grid[int(nearest.argmax())].tolist())
