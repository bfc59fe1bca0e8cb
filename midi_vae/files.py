"""Files that are whole or not there."""

from __future__ import annotations

import os

from .errors import InputError


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file beside its place, then rename it, so that it is never half-written.

    Raises:
        InputError: the folder does not exist or cannot be written, or something other than a file is in the
            place.
    """
    path = os.fspath(path)
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    try:
        if os.path.lexists(path) and not os.path.isfile(path):
            raise OSError(0, "something other than a file is there")
        with open(beside, "wb") as file:
            file.write(content)
        os.replace(beside, path)
    except (OSError, ValueError) as error:
        try:
            os.unlink(beside)
        except (OSError, ValueError):
            pass
        raise InputError(f"{path}: cannot write the file: {getattr(error, 'strerror', None) or error}") from None
