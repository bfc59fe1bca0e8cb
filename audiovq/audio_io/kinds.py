"""Which files of a folder are recordings: by their suffix those that are read, by how they begin those told of."""

from __future__ import annotations

import os
from collections.abc import Collection

from latentmix.files import walk_files

from . import ffmpeg, mpeg
from .reader import SUFFIXES

HEAD = 1 << 13  # bytes of a file that are looked at
# how files begin that libsndfile reads: (offset, bytes)
MAGIC = (
    (8, b"WAVE"),
    (0, b"fLaC"),
    (0, b"OggS"),
    (8, b"AIFF"),
    (8, b"AIFC"),
    (0, b".snd"),
    (0, b"caff"),
    (0, b"riff\x2e\x91\xcf\x11"),
    (0, b"NIST_1A\n"),
    (0, b"Creative Voice File"),
    (0, b"ID3"),
    (0, b"\x64\xa3\x01\x00"),
    (0, b"\x64\xa3\x02\x00"),
    (0, b" paf"),
    (0, b"2BIT"),
    (8, b"8SVX"),
    (8, b"16SV"),
)
PICTURES = (b"heic", b"heix", b"mif1", b"msf1", b"avif", b"crx ", b"jp2 ")  # that begin as MPEG-4 does
MAX_LOOKED_AT = 1000  # other files of a folder: a corpus may have millions


def readable_suffixes() -> frozenset[str]:
    """Of files that are taken from folders here: with ffmpeg more."""
    return SUFFIXES | ffmpeg.SUFFIXES if ffmpeg.is_installed() else SUFFIXES


def left_out(folder: str, taken: Collection[str]) -> tuple[list[str], list[str]]:
    """Recordings of a folder, and those in it, that nobody takes; none of a file.

    Args:
        taken: suffixes, in lower case, of the files that are.

    Returns:
        those that ffmpeg would read, were it installed; of the first thousand others those that begin as recordings do.
    """
    without_ffmpeg, odd, looked_at = [], [], 0
    for path, _ in walk_files(folder):
        suffix = os.path.splitext(path)[1].lower()
        if suffix in taken:
            continue
        if suffix in ffmpeg.SUFFIXES and not ffmpeg.is_installed():
            without_ffmpeg.append(path)
        elif looked_at < MAX_LOOKED_AT:
            looked_at += 1
            odd += [path] if begins_as_audio(path) else []
    return without_ffmpeg, odd


def begins_as_audio(path: str) -> bool:
    """Whether a file's first bytes are those of a recording; of one that cannot be read they are not."""
    try:
        if not os.path.isfile(path):  # a pipe would be waited for
            return False
        with open(path, "rb") as file:
            head = file.read(HEAD)
    except OSError:
        return False
    if any(head[offset : offset + len(magic)] == magic for offset, magic in MAGIC):
        return True
    found = ffmpeg.find_reader(head)
    if found is not None:
        return found[0] not in ("ac3", "aac") and head[8:12] not in PICTURES  # two bytes alone say nothing
    return mpeg.has_frames(head)
