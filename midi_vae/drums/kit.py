"""Which MIDI note is which of the nine instruments, and the other way round; General MIDI unless a map says else."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import tomlkit
from tomlkit.exceptions import TOMLKitError

from latentmix.errors import InputError
from latentmix.files import read_bounded

INSTRUMENTS = ("kick", "snare", "closed_hat", "open_hat", "low_tom", "mid_tom", "high_tom", "crash", "ride")
KICK, SNARE = 0, 1
MAX_MAP_BYTES = 1 << 16

# General MIDI percussion, and what Roland's kits send for rims and edges (22, 26, 58); the first is the one written.
# The nine are those of the Groove MIDI Dataset (Gillick et al. 2019, arXiv 1905.06118, table 1).
_GENERAL = {
    "kick": (36, 35),
    "snare": (38, 40, 37, 39),
    "closed_hat": (42, 44, 22),
    "open_hat": (46, 26),
    "low_tom": (43, 41, 58),
    "mid_tom": (47, 45),
    "high_tom": (50, 48),
    "crash": (49, 57, 55, 52),
    "ride": (51, 59, 53),
}


@dataclass(frozen=True)
class Kit:
    """The MIDI notes of each instrument.

    Attributes:
        notes: of each of `INSTRUMENTS`, in their order, those that are read as it; the first is written.

    >>> GENERAL_MIDI.instrument_of(40) == SNARE, GENERAL_MIDI.instrument_of(56), GENERAL_MIDI.note_of(KICK)
    (True, None, 36)
    """

    notes: tuple[tuple[int, ...], ...]
    _index: Mapping[int, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        index: dict[int, int] = {}
        for instrument, notes in enumerate(self.notes):
            for note in notes:
                if index.setdefault(note, instrument) != instrument:
                    raise ValueError(f"note {note} is both {INSTRUMENTS[index[note]]} and {INSTRUMENTS[instrument]}")
        object.__setattr__(self, "_index", index)

    def instrument_of(self, note: int) -> int | None:
        """Index into `INSTRUMENTS` of a MIDI note, or None."""
        return self._index.get(note)

    def note_of(self, instrument: int) -> int:
        """The MIDI note that is written for an instrument."""
        return self.notes[instrument][0]

    def general_notes(self) -> dict[int, int]:
        """What the notes that are written are in General MIDI."""
        return {notes[0]: general[0] for notes, general in zip(self.notes, GENERAL_MIDI.notes, strict=True)}


GENERAL_MIDI = Kit(tuple(_GENERAL[name] for name in INSTRUMENTS))


def read_kit(path: str | os.PathLike[str] | None) -> Kit:
    """A kit out of a TOML file of lines such as `snare = [38, 40]`; an instrument left out is as in General MIDI.

    A note that is given to one instrument is no other's any more. None is General MIDI.

    Raises:
        InputError: not such a file.
    """
    if path is None:
        return GENERAL_MIDI
    try:
        entries = tomlkit.parse(read_bounded(path, MAX_MAP_BYTES)).unwrap()
    except (TOMLKitError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: expected a TOML file such as 'snare = [38, 40]', found {error}") from None
    given: dict[str, tuple[int, ...]] = {}
    for name, notes in entries.items():
        if name not in INSTRUMENTS or not _are_notes(notes):
            raise InputError(
                f"{path}: expected lines such as 'snare = [38, 40]' with names out of {', '.join(INSTRUMENTS)} and "
                f"notes 0 to 127, found {name} = {notes!r:.80}"
            )
        given[name] = tuple(notes)
    taken = {note for notes in given.values() for note in notes}
    rest = {name: tuple(n for n in notes if n not in taken) for name, notes in _GENERAL.items()}
    try:
        made = Kit(tuple(given.get(name) or rest[name] for name in INSTRUMENTS))
    except ValueError as error:
        raise InputError(f"{path}: {error}; give each note to one instrument") from None
    for name, notes in zip(INSTRUMENTS, made.notes, strict=True):
        if not notes:
            raise InputError(f"{path}: expected a note for {name}, found none left; add a line '{name} = [...]'")
    return made


def _are_notes(notes: object) -> bool:
    return (
        isinstance(notes, Sequence)
        and not isinstance(notes, str)
        and 1 <= len(notes) <= 128
        and all(type(note) is int and 0 <= note <= 127 for note in notes)
    )
