"""Which files a command reads and which it writes: files, folders and `-`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from latentmix.errors import InputError
from latentmix.files import PIPE, check_target, find_files, make_folder


@dataclass(frozen=True)
class Pair:
    """A file to read and the one to make of it; `-` is a pipe.

    Attributes:
        is_new_folder: whether the folder of the output is made if it is missing.
    """

    input: str
    output: str
    is_new_folder: bool = False


def pair_up(inputs: Sequence[str], output: str, suffixes: Collection[str], suffix: str) -> list[Pair]:
    """What is to be made of what.

    One file goes to the file `output`. Several files, or those of a folder and the folders in it, go to the folder
    `output`, under the same names with another suffix.

    Args:
        suffixes: of files that are taken from folders, in lower case.
        suffix: of the files made in a folder.

    Raises:
        InputError: nothing is there, or two would be written to the same place, or one over a file that is read.
    """
    is_many = len(inputs) > 1 or os.path.isdir(inputs[0])
    if PIPE in (*inputs, output) and is_many:
        raise InputError("-: expected one file for a pipe, found several or a folder")
    is_folder = is_many or output.endswith(("/", os.sep)) or os.path.isdir(output)
    if not is_folder or output == PIPE:
        pairs = [Pair(inputs[0], output)]
    elif inputs[0] == PIPE:
        raise InputError(f"{output}: expected the name of a file for what comes through a pipe, found a folder")
    else:
        found = [each for path in inputs for each in _found(path, suffixes)]
        pairs = [Pair(path, os.path.join(output, name), True) for path, name in _renamed(found, suffix)]
    _refuse_overwriting(pairs)
    return pairs


def prepare(pair: Pair) -> None:
    """See to it that the output can be written, before long work.

    Raises:
        InputError: it cannot.
    """
    if pair.is_new_folder:
        make_folder(os.path.dirname(pair.output))
    if pair.output != PIPE:
        check_target(pair.output)


def _found(path: str, suffixes: Collection[str]) -> list[tuple[str, str]]:
    """Files to read, each with its name below `path`."""
    if not os.path.isdir(path):
        return [(path, os.path.basename(path))]
    found = find_files(path, suffixes)
    if not found:
        kinds = ", ".join(sorted(suffixes))
        raise InputError(f"{path}: expected files that end in {kinds} in the folder, found none")
    return found


def _renamed(found: list[tuple[str, str]], suffix: str) -> list[tuple[str, str]]:
    """With the new suffix; where that makes two names the same, it comes after the old one."""
    short = [os.path.splitext(name)[0] + suffix for _, name in found]
    counts = Counter(short)
    return [
        (path, each if counts[each] == 1 else name + suffix) for (path, name), each in zip(found, short, strict=True)
    ]


def _refuse_overwriting(pairs: Sequence[Pair]) -> None:
    read = {os.path.realpath(pair.input) for pair in pairs if pair.input != PIPE}
    written: set[str] = set()
    for pair in pairs:
        if pair.output == PIPE:
            continue
        place = os.path.realpath(pair.output)
        if place in read:
            raise InputError(f"{pair.output}: expected another name than that of a file that is read")
        if place in written:
            raise InputError(f"{pair.output}: expected a name for every file, found two that would be written here")
        written.add(place)
