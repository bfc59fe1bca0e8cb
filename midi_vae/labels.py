"""What is written beside what is made, in files and pictures, of melodies and drums alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

LETTERS = "ABCDEFGH"  # names of the inputs of a mix


def title(names: Iterable[str]) -> str:
    """Of a file, from the names of what it is made of.

    >>> title(["march", "waltz", "march"]), title([])
    ('march, waltz', 'sample')
    """
    return ", ".join(dict.fromkeys(names)) or "sample"


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
