"""A file as what libsndfile reads to its end: itself, or its parts, put right in temporary files."""

from __future__ import annotations

import contextlib
import itertools
import mmap
import os
import tempfile
from collections.abc import Sequence
from typing import BinaryIO

from latentmix.errors import InputError

from . import flac, mpeg, ogg, unfinished, wav

OTHERS = (b"riff", b"caff", b"NIST", b"Crea", b" paf", b"2BIT", b"MATL")  # how files begin that are read as they are
BEFORE_MP3 = 1 << 17  # bytes in which frames of MP3 are looked for where a file begins with something else


def find_parts(stream: BinaryIO, path: str, name: str, stack: contextlib.ExitStack, told: list[str]) -> list[str | int]:
    """What to open one after another: names or file descriptors.

    Args:
        stream: of the file, at its start.
        path: of the file.
        name: for messages.
        stack: what is opened here is closed with it.
        told: where a line goes of what is left out.

    Raises:
        InputError: a temporary file cannot be written.
    """
    stream.seek(0)
    head = stream.read(64)
    is_mp3 = head[:3] == b"ID3" or mpeg.parse_frame(head[:4]) is not None
    if not is_mp3 and head[:4] not in (b"OggS", b"fLaC", b"RIFF", b"RF64", b"FORM", b".snd"):
        is_mp3 = head[:4] not in OTHERS and mpeg.has_frames(head + stream.read(BEFORE_MP3))
        if not is_mp3:
            return [path]
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data, memoryview(data) as view:
        pieces: list[tuple[bytes, int, int]] = []  # bytes to begin with, and those of the file that follow
        if head[:4] == b"OggS":
            links = [*ogg.find_links(data), len(data)]
            pieces = [(b"", start, end) for start, end in itertools.pairwise(links)]
        elif head[:4] == b"fLaC":
            pieces = [
                _flac(data, start, end) for start, end in itertools.pairwise([*flac.find_joined(data), len(data)])
            ]
        elif head[:4] == b"RIFF":
            read = _unfinished_wav(stream)
            files = [*wav.find_joined(data), len(data)]
            pieces = [(wav.with_length(read, len(data)), len(read), len(data))] if read else []
            pieces = pieces or [(b"", start, end) for start, end in itertools.pairwise(files)]
        elif not is_mp3:
            found = unfinished.with_lengths(data)
            pieces = [(*found, len(data))] if found else []
        else:
            segments = mpeg.find_segments(data)
            strays = mpeg.find_strays(data, segments)
            if any(strays):
                rights = [mpeg.put_right(data, each) for each in segments]
                if damaged := sum(strays[:-1]):
                    told.append(f"damaged: {damaged} bytes between its frames are none of MP3 and are left out")
                return [_kept(begin, view, spans, name, stack) for begin, spans in rights]
            pieces = [(mpeg.header_for(data, each), each.spans[0][0], each.spans[-1][1]) for each in segments]
        if not pieces or (len(pieces) == 1 and not pieces[0][0]):
            return [path]
        return [_kept(begin, view, [(start, end)], name, stack) for begin, start, end in pieces]


def _flac(data: mmap.mmap, start: int, end: int) -> tuple[bytes, int, int]:
    head = data[start : start + 64]
    samples = flac.find_length(data[start:end]) if flac.is_of_unknown_length(head) else 0
    return (flac.with_length(head, samples), start + len(head), end) if samples else (b"", start, end)


def _unfinished_wav(stream: BinaryIO) -> bytes:
    """What is before the samples of a WAV file whose writer never said how many there are; empty of any other."""
    stream.seek(0)
    _, read = wav.read_header(stream)
    return read if wav.is_unfinished(stream, read, os.fstat(stream.fileno()).st_size) else b""


def _kept(
    begin: bytes, data: memoryview, spans: Sequence[tuple[int, int]], name: str, stack: contextlib.ExitStack
) -> int:
    try:
        kept = stack.enter_context(tempfile.TemporaryFile())
        kept.write(begin)
        for start, end in spans:
            with data[start:end] as span:
                kept.write(span)
        kept.flush()
        os.lseek(kept.fileno(), 0, os.SEEK_SET)
    except OSError as error:
        raise InputError(f"{name}: cannot keep it in a temporary file: {error.strerror}") from None
    return kept.fileno()
