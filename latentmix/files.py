"""Files that are whole or not there, however large they are and whatever goes wrong; reads that are bounded."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from typing import BinaryIO

from .errors import InputError

PIPE = "-"  # in place of a file's name: standard input, standard output


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write and read, which takes the place of `path` when the block ends well and vanishes when not.

    It is written beside its place, so whoever looks sees the old file or the new one. Ctrl-C counts as an end
    that is not well.

    Raises:
        InputError: the folder does not exist or cannot be written, the disk is full, or something other than a
            file is in the place.
    """
    path = os.fspath(path)
    folder, name = os.path.split(path)
    beside = os.path.join(folder, f".{name}.{os.getpid()}.tmp")
    check_target(path)
    try:
        with _told_apart(path):
            file = open(beside, "w+b")
        with _told_apart(path, (OSError,)), file:
            yield file
        with _told_apart(path):
            os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            os.unlink(beside)
        raise


@contextlib.contextmanager
def growing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write and read in its place, of which what was written stays, whatever goes wrong.

    It has no buffer, in which a full disk would leave what nothing can be written after: `write` may take less than
    it is given.

    Raises:
        InputError: as `replacing`.
    """
    path = os.fspath(path)
    check_target(path)
    with _told_apart(path):
        file = open(path, "w+b", buffering=0)
    with _told_apart(path, (OSError,)), file:
        yield file


def replace_file(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file at once, as `replacing` does.

    Raises:
        InputError: as `replacing`.
    """
    with replacing(path) as file:
        file.write(content)


def open_file(path: str | os.PathLike[str]) -> BinaryIO:
    """A file opened to be read.

    Raises:
        InputError: it cannot be.
    """
    try:
        return open(path, "rb")
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise InputError(f"{os.fspath(path)}: cannot read the file: {_reason(error)}") from None


@contextlib.contextmanager
def open_input(path: str) -> Iterator[tuple[BinaryIO, str]]:
    """A file to read, or standard input for `-`, and what to call it in messages.

    Raises:
        InputError: it cannot be read.
    """
    if path == PIPE:
        yield standard_input(), "standard input"
        return
    with open_file(path) as stream:
        yield stream, path


@contextlib.contextmanager
def open_output(path: str) -> Iterator[BinaryIO]:
    """A file to write as `replacing` does, or standard output for `-`.

    Raises:
        InputError: it cannot be written.
    """
    with standard_output() if path == PIPE else replacing(path) as stream:
        yield stream


def read_bounded(path: str | os.PathLike[str], max_bytes: int) -> bytes:
    """The content of a file that is not to be larger than that.

    Raises:
        InputError: it cannot be read, or is larger.
    """
    with open_file(path) as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise InputError(f"{os.fspath(path)}: cannot read the file: {_reason(error)}") from None
    if len(data) > max_bytes:
        raise InputError(f"{os.fspath(path)}: expected at most {max_bytes} bytes, found more")
    return data


def check_target(path: str | os.PathLike[str]) -> None:
    """See to it, before a long computation, that a file can be written in its place.

    Raises:
        InputError: it cannot.
    """
    path = os.fspath(path)
    folder, name = os.path.split(path)
    if not name or os.path.isdir(path):
        raise InputError(f"{path}: expected the name of a file to write, found a folder")
    with _told_apart(path):
        if os.path.lexists(path) and not os.path.isfile(path):
            raise OSError(0, "something other than a file is there")
        with tempfile.TemporaryFile(dir=folder or "."):
            pass


def files_there(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Those of the files to be written that are there already; `-` is none."""
    return [os.fspath(path) for path in paths if path != PIPE and os.path.isfile(path)]


def take_name(path: str | os.PathLike[str]) -> bool:
    """Make an empty file for what is to be written; False where one is there. Only one of several processes gets it.

    Raises:
        InputError: it cannot be made.
    """
    try:
        with open(path, "xb"):
            return True
    except FileExistsError:
        return False
    except (OSError, ValueError) as error:
        raise InputError(f"{os.fspath(path)}: cannot write the file: {_reason(error)}") from None


def check_new(paths: Iterable[str | os.PathLike[str]], force: bool) -> None:
    """See to it, before anything is made, that no file is lost by it; `-` is none.

    Args:
        force: whether the user said that files may be replaced, by --force.

    Raises:
        InputError: one is there already and nobody said that it may go.
    """
    if force:
        return
    there = files_there(paths)
    if len(there) == 1:
        raise InputError(f"{there[0]}: expected the name of a new file, found it is there; --force replaces it")
    if there:
        raise InputError(
            f"{there[0]}: expected names of new files, found this and {len(there) - 1} more that are there; "
            "--force replaces them"
        )


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder and those above it, where missing.

    Raises:
        InputError: it cannot be made.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{os.fspath(folder)}: cannot make the folder: {_reason(error)}") from None


def find_files(path: str, suffixes: Collection[str]) -> list[tuple[str, str]]:
    """Those with these suffixes, in lower case, of `walk_files`."""
    return [each for each in walk_files(path) if os.path.splitext(each[0])[1].lower() in suffixes]


def walk_files(path: str) -> list[tuple[str, str]]:
    """Files of a folder and those in it, linked ones too, each with its name below `path`; none of a file.

    Hidden ones are passed over.
    """
    found, seen = [], set()
    for folder, folders, names in os.walk(path, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:  # a link to a folder above, or two to the same one
            folders.clear()
            continue
        seen.add(place)
        folders.sort()
        for name in sorted(names):
            if not name.startswith("."):
                whole = os.path.join(folder, name)
                found.append((whole, os.path.relpath(whole, path)))
    return found


def standard_input() -> BinaryIO:
    """Standard input for bytes.

    Raises:
        InputError: it is a terminal.
    """
    if sys.stdin.buffer.isatty():
        raise InputError("standard input: expected bytes of a file or another program, found a terminal")
    return sys.stdin.buffer


@contextlib.contextmanager
def standard_output() -> Iterator[BinaryIO]:
    """Standard output for bytes.

    Raises:
        InputError: it is a terminal, or whatever reads it went away, or its disk is full.
    """
    stream = sys.stdout.buffer
    if stream.isatty():
        raise InputError("standard output: expected a file or another program to take the bytes, found a terminal")
    try:
        yield stream
        stream.flush()
    except OSError as error:
        with contextlib.suppress(OSError, ValueError):  # what is still held back must not fail once more at the exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        raise InputError(f"standard output: cannot write: {_reason(error)}") from error


@contextlib.contextmanager
def _told_apart(path: str, kinds: tuple[type[Exception], ...] = (OSError, ValueError)) -> Iterator[None]:
    """Errors of the system while writing, as errors of what is written; those of what is read are `InputError`s."""
    try:
        yield
    except InputError:
        raise
    except kinds as error:  # ValueError: a name that no file can have
        raise InputError(f"{path}: cannot write the file: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
