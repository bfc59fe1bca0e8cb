"""Bounds of what a configuration asks for: it comes from a file that could say anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def check_sizes(config: object, most: Mapping[str, int], least: Mapping[str, int] | None = None) -> None:
    """See to it that sizes, attributes of a configuration, are within bounds.

    Args:
        most: the largest value of each, by name.
        least: the smallest of those whose smallest is not 1.

    Raises:
        ValueError: one is not.
    """
    for name, high in most.items():
        value, low = getattr(config, name), (least or {}).get(name, 1)
        if not low <= value <= high:
            raise ValueError(f"{name} {value}; it is {low} to {high}")


def check_dilations(config: object, names: Iterable[str], blocks: int, most: int) -> None:
    """The same for dilations, of at most so many blocks, in frames.

    Raises:
        ValueError: there are more, or one is not a whole number of 1 to `most` frames.
    """
    for name in names:
        value = getattr(config, name)
        if len(value) > blocks or not all(type(each) is int and 1 <= each <= most for each in value):
            raise ValueError(f"{name} {value}; at most {blocks} of 1 to {most} frames")
