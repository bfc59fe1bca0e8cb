"""What libsndfile does not read, read by the program ffmpeg where it is installed: it decodes into a pipe."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import BinaryIO, cast

import numpy as np

from latentmix.errors import InputError

from . import wav

# suffixes that are looked for in folders where ffmpeg is there
SUFFIXES = frozenset(
    ".m4a .m4b .mp4 .mov .3gp .aac .webm .weba .mka .mkv .wma .amr .ac3 .eac3 .wv .tta .ape .mpc .spx "
    ".avi .flv .mpg .mpeg .vob .mts .m2ts".split()
)
# how a file begins -> which of ffmpeg's readers is asked, and no other: a file is not to be taken for a playlist
MAGIC = (
    (4, b"ftyp", "mov", "MPEG-4"),
    (0, b"\x1a\x45\xdf\xa3", "matroska", "Matroska or WebM"),
    (0, b"\x30\x26\xb2\x75", "asf", "Windows Media"),
    (0, b"#!AMR", "amr", "AMR"),
    (0, b"\x0b\x77", "ac3", "AC-3"),
    (0, b"\xff\xf1", "aac", "AAC"),
    (0, b"\xff\xf9", "aac", "AAC"),
    (0, b"wvpk", "wv", "WavPack"),
    (0, b"TTA1", "tta", "True Audio"),
    (0, b"MAC ", "ape", "Monkey's Audio"),
    (0, b"MPCK", "mpc8", "Musepack"),
    (0, b"OggS", "ogg", "Ogg"),
    (8, b"AVI ", "avi", "AVI"),
    (0, b"FLV\x01", "flv", "Flash video"),
    (0, b"\0\0\x01\xba", "mpeg", "an MPEG program stream"),
    (0, b"caff", "caf", "CAF"),
    (0, b"fLaC", "flac", "FLAC"),
    (8, b"WAVEfmt ", "wav", "a WAV of a kind that libsndfile does not know"),
)
HEAD = 512  # bytes, by which a kind is known
TRANSPORT_PACKETS = ((188, 0), (192, 4))  # bytes, and how many of them come before the mark (cameras add a time)
SYNC = b"GGG"  # the marks of three packets
_ASKED = ("-v", "error", "-protocol_whitelist", "file,pipe")  # of both programs
MOST_FILLING = 0.1  # seconds of a packet
SILENT = "it does not say why"
MOST_SAID = 1 << 10  # bytes of a line, of the last few that are kept
NO_SOUND = "matches no streams"  # in what it says of a file without sound; what follows is about its own options
AAC_IN_WAV = b"\xff\0"  # its frames are not marked: ffmpeg loses some, and says nothing


def find_reader(head: bytes) -> tuple[str, str] | None:
    """Which of ffmpeg's readers a file that begins so, with `HEAD` bytes, is for, and what people call such a file."""
    for offset, magic, reader, name in MAGIC:
        if head[offset : offset + len(magic)] == magic and (reader != "wav" or head[20:22] != AAC_IN_WAV):
            return reader, name
    for packet, before in TRANSPORT_PACKETS:
        if head[before::packet][:3] == SYNC:
            return "mpegts", "an MPEG transport stream"
    return None


def is_installed() -> bool:
    return shutil.which("ffmpeg") is not None


class Transcoding:
    """The first sound of a file on its way through ffmpeg, as a WAV of 32-bit floating point on `stream`."""

    def __init__(self, path: str, reader: str) -> None:
        self._name = _named(path)
        # which channel is which is not guessed where the file does not say: that is up to who mixes them
        command = ["ffmpeg", "-nostdin", *_ASKED, "-guess_layout_max", "0", "-f", reader, "-i", self._name]
        command += ["-map", "0:a:0", "-f", "wav", "-c:a", "pcm_f32le", "-"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self.stream = cast(BinaryIO, self._process.stdout)
        # of a damaged file it says more than a pipe holds, and would wait for ever for somebody to read it
        self._said: deque[bytes] = deque(maxlen=8)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        pipe = cast(BinaryIO, self._process.stderr)
        while line := pipe.readline(MOST_SAID):
            self._said.append(line)

    def check(self, name: str, is_strict: bool = False) -> None:
        """Hold, after the last sample, that ffmpeg got to the end; to be strict, with nothing to say.

        Raises:
            InputError: it did not; the line has its reason.
        """
        reason = self.reason()
        if self._process.wait() or (is_strict and reason != SILENT):
            raise InputError(f"{name}: cannot read the audio to its end: {reason}")

    def reason(self) -> str:
        """The last thing that ffmpeg said, without the name of the file; waits for its end."""
        self._listener.join()
        said = b"".join(self._said).decode(errors="replace").strip().splitlines()
        if any(NO_SOUND in line for line in said):
            return "there is no sound in it"
        return said[-1].removeprefix(self._name + ": ") if said else SILENT

    def close(self) -> None:
        """End the program, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()


def told_seconds(path: str, reader: str) -> float | None:
    """How long the sound of an MPEG-4 file is by its header; None: not known, or by a header that means packets.

    What the encoder filled up its last packet with is no sound, which ffmpeg leaves in it for Opus and others.
    """
    if reader != "mov" or shutil.which("ffprobe") is None:
        return None
    command = ["ffprobe", *_ASKED, "-f", reader, "-select_streams", "a:0", "-of", "csv=p=0"]
    command += ["-show_entries", "stream=time_base,duration_ts", _named(path)]
    told = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    found = re.match(r"(\d+)/(\d+),(\d+)\b", told)
    ticks, unit, duration = map(int, found.groups()) if found else (0, 1, 0)
    return duration * ticks / unit if unit and duration else None


def without_filling(blocks: Iterable[np.ndarray], seconds: float, sample_rate: int) -> Iterator[np.ndarray]:
    """Up to where a header says, unless there is more beyond it than an encoder fills up its last packet with."""
    end, read = round(seconds * sample_rate), 0
    beyond: list[np.ndarray] = []
    for block in blocks:
        inside, outside = np.split(block, [max(end - read, 0)], 1)
        read += block.shape[1]
        beyond += [outside] if outside.shape[1] else []
        if inside.shape[1]:
            yield inside
        if read > end + MOST_FILLING * sample_rate:  # the header does not mean what is there
            yield from beyond
            beyond.clear()


def _named(path: str) -> str:
    """The whole name after file:, so that nothing in it is taken for an option or another protocol."""
    return "file:" + os.path.abspath(path)


def rest(path: str, reader: str, name: str, skipped: int) -> Iterator[np.ndarray]:
    """Samples (C, n) of a file from one on.

    Raises:
        InputError: ffmpeg finds something wrong with it.
    """
    transcoding = Transcoding(path, reader)
    with contextlib.closing(transcoding):
        form, _ = wav.read_header(transcoding.stream)
        for block in wav.read_blocks(transcoding.stream, form) if form else ():
            left, skipped = block[:, skipped:], max(0, skipped - block.shape[1])
            if left.shape[1]:
                yield left
        transcoding.check(name, is_strict=True)
