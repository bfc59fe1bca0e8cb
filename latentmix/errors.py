"""The one error that a user's input can cause, and the commonest reason for it."""

from __future__ import annotations


class InputError(ValueError):
    """Something handed in cannot be used: a file, a passage, a port, a map, a value, weights, a place to write to.

    The message is one clear line for the user: what it is about (usually the file), what was expected, what was found
    and what to do. A command line prints it and exits with status 1, without a traceback; while music plays it is a
    warning and the music goes on.
    """


def check_count(count: int, least: int, most: int, what: str) -> None:
    """See to it that there are as many as there may be.

    Args:
        what: is counted, a plural.

    Raises:
        InputError: fewer or more.
    """
    if not least <= count <= most:
        raise InputError(f"expected {least} to {most} {what}, found {count}")
