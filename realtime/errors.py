"""The one error that a user's input can cause."""

from __future__ import annotations


class InputError(ValueError):
    """Something handed in cannot be used: a file, a port, a map, the value of a target.

    The message is one clear line for the user: what it is about, what was expected, what was found and what to do. The
    command line prints it and exits with status 1, without a traceback; while playing it is a warning and the music
    goes on.
    """
