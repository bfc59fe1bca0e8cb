"""What is written beside what is made, in files and pictures, of melodies and drums alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LETTERS = "ABCDEFGH"  # names of the inputs of a mix
_FIGURES = {"path": "path {:.2f}", "largest_jump": "largest jump {:.2f}", "key": "in {}", "seed": "seed {}"}


def title(names: Iterable[str]) -> str:
    """Of a file, from the names of what it is made of.

    >>> title(["march", "waltz", "march"]), title([])
    ('march, waltz', 'sample')
    """
    return ", ".join(dict.fromkeys(names)) or "sample"


def span(values: Sequence[int]) -> str:
    """From the least to the most.

    >>> span([3, 1, 2]), span([2, 2])
    ('1 to 3', '2')
    """
    lowest, highest = min(values), max(values)
    return f"{lowest} to {highest}" if lowest < highest else str(lowest)


def counted(one: str, *counts: int) -> str:
    """How many there are of something, from the fewest to the most.

    >>> counted("note", 3, 1), counted("note", 1)
    ('1 to 3 notes', '1 note')
    """
    count = span(counts)
    return f"{count} {one}" if count == "1" else f"{count} {one}s"


def silent(counts: Sequence[int], what: str) -> str:
    """What is told of pieces where nothing is played, of which there are so many notes or hits each; "" if of none.

    >>> silent([4, 0, 0], "notes"), silent([0], "hits"), silent([2], "notes")
    ('2 of 3 have no notes', 'it has no hits', '')
    """
    empty = sum(not count for count in counts)
    if not empty:
        return ""
    who = "it has" if len(counts) == 1 else f"{empty} of {len(counts)} {'has' if empty == 1 else 'have'}"
    return f"{who} no {what}"


def metre_changes(metres: Sequence[str]) -> str:
    """What is told of a passage that begins in the first of these metres and goes on in the others; "" of a single one.

    >>> metre_changes(["3/4", "2/4", "6/8"]), metre_changes(["4/4"])
    ('the metre changes to 2/4, 6/8 in these bars; all is laid in bars of 3/4', '')
    """
    first, *others = metres
    return f"the metre changes to {', '.join(others)} in these bars; all is laid in bars of {first}" if others else ""


def known(figures: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """In words, those of the figures of a mix that there are.

    >>> known({"path": 1.234, "seed": None}, ("path", "seed", "key"))
    ['path 1.23']
    """
    return [_FIGURES[name].format(figures[name]) for name in names if figures.get(name) is not None]


def numbers(count: int) -> list[str]:
    """Of so many that lie beside each other.

    >>> numbers(3)
    ['1', '2', '3']
    """
    return [str(number) for number in range(1, count + 1)]


def on_journey(count: int, steps: int) -> list[str]:
    """Of so many places on lines of `steps` places each: inputs by letter, others by how far they are.

    >>> on_journey(5, 3)
    ['A', '1/2', 'B', '1/2', 'C']
    """
    labels = [f"{i % (steps - 1)}/{steps - 1}" for i in range(count)]
    for joint, letter in zip(range(0, count, steps - 1), LETTERS, strict=False):
        labels[joint] = letter
    return labels


def of_weights(weights: Sequence[float]) -> str:
    """Of a blend.

    >>> of_weights([1.0, 0.5])
    '1 : 0.5'
    """
    return " : ".join(f"{weight:g}" for weight in weights)
