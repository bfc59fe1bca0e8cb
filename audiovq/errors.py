"""The one error that a user's input can cause."""

from __future__ import annotations


class InputError(ValueError):
    """Something handed in cannot be used: audio, an .avq file, codes, a folder, weights, a place to write to.

    The message is one clear line for the user: what it is about (usually the file), what was expected, what
    was found and what to do. A command line prints it and exits with status 1, without a traceback.
    """
