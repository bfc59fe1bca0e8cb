"""What `audiovq tokens` and `audiovq detokenize` do with one file: recordings, compressed or not, <-> NumPy files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from latentmix.errors import InputError
from latentmix.files import open_input, replacing

from ..audio_io.reader import open_source
from ..audio_io.writer import check_suffix, open_sink
from ..bitstream.chunks import MISSING, TOGETHER
from ..codec.choice import BETTER_TOKENS, Overheard
from ..codec.codec import Codec
from .inspection import is_avq, write_tokens
from .paths import Pair

STEP = 1500  # code frames that are read and checked together


@dataclass(frozen=True)
class Tokenize:
    """What to do with each file of `audiovq tokens`.

    Attributes:
        codebooks: that every file is to have, without holes; None: as many as there are.
    """

    bytes_a_process: ClassVar[int] = 4 << 20
    codebooks: int | None = None

    def check_output(self, path: str) -> None:
        """Raises InputError for the name of anything but a NumPy file."""
        if not path.endswith(".npy"):
            raise InputError(f"{path}: expected a name that ends in .npy")

    def check(self, codec: Codec) -> None:
        """Raises InputError for more codebooks than the model has."""
        if self.codebooks is not None and self.codebooks > codec.codebooks:
            raise InputError(
                f"--codebooks {self.codebooks}: expected at most {codec.codebooks}, which {codec.name} has"
            )

    def __call__(self, codec: Codec, pair: Pair, progress: Callable[[float], None]) -> dict[str, Any]:
        notices: list[str] = []
        if is_avq(pair.input):
            shape, damage = write_tokens(pair.input, pair.output, lambda: codec.coder, self.codebooks)
        else:
            damage = ""
            with open_source(pair.input) as source:
                heard = Overheard(source)
                made = codec.encode_source(heard.source, self.codebooks, to_the_end=True)
            with replacing(pair.output) as file:
                np.save(file, np.ascontiguousarray(made.codes), allow_pickle=False)
            # codes do not say whose they are: they are never mixed unasked
            shape, notices = made.codes.shape, [*made.notices, *heard.advice(codec, BETTER_TOKENS)]
        return {
            "input": pair.input,
            "output": pair.output,
            "seconds": round(shape[-1] * codec.hop / codec.sample_rate, 6),
            "channels": shape[0] if len(shape) == 3 else 1,
            "shape": list(shape),
            "notices": notices,
            "damage": damage or None,
        }


@dataclass(frozen=True)
class Detokenize:
    """What to do with each file of `audiovq detokenize`."""

    bytes_a_process: ClassVar[int] = 200 << 10

    def check_output(self, path: str) -> None:
        """Raises InputError for a kind of file that is not written."""
        check_suffix(path)

    def check(self, codec: Codec) -> None:
        """Nothing is wrong for every file."""

    def __call__(self, codec: Codec, pair: Pair, progress: Callable[[float], None]) -> dict[str, Any]:
        codes = open_codes(pair.input, codec)
        frames = codes.shape[2]
        pieces = (np.asarray(codes[:, :, i : i + codec.chunk_frames]) for i in range(0, frames, codec.chunk_frames))
        with open_sink(pair.output, codec.sample_rate, len(codes)) as sink:
            for block in codec.decode_sound(pieces, len(codes), TOGETHER):
                sink.write(block)
                progress(min(sink.samples / (frames * codec.hop), 1.0))
        return {
            "input": pair.input,
            "output": pair.output,
            "seconds": round(sink.samples / codec.sample_rate, 6),
            "sample_rate": codec.sample_rate,
            "channels": len(codes),
            "samples": sink.samples,
        }


def open_codes(path: str, codec: Codec) -> np.ndarray:
    """The codes of a NumPy file (C, Q, N), which stay in the file until they are needed; all were looked at.

    Raises:
        InputError: not such a file, or codes that the model does not have.
    """
    with open_input(path):
        pass  # what cannot be read is told as of any other file
    try:
        codes = np.load(path, mmap_mode="r", allow_pickle=False)  # a length that the file does not have is refused
    except (ValueError, EOFError, OSError, SyntaxError, OverflowError) as error:
        raise InputError(f"{path}: expected a NumPy file of codes, found {' '.join(str(error).split())}") from None
    if not isinstance(codes, np.ndarray) or codes.dtype.kind not in "iu" or codes.ndim not in (2, 3):
        found = f"{codes.dtype} {codes.shape}" if isinstance(codes, np.ndarray) else "several arrays"
        raise InputError(f"{path}: expected integers of shape (Q, N) or (C, Q, N), found {found}")
    codes = codes[None] if codes.ndim == 2 else codes
    channels, q, frames = codes.shape
    if not (1 <= q <= codec.codebooks and channels and frames):
        raise InputError(
            f"{path}: expected (Q, N) with Q of 1 to {codec.codebooks} codebooks, found {codes.shape[-2:]}"
            + (", the other way round?" if 1 <= frames <= codec.codebooks < q else "")
        )
    for start in range(0, frames, STEP):
        some = codes[:, :, start : start + STEP]
        low = np.where(np.arange(q) == 0, 0, MISSING)[:, None]
        wrong = np.argwhere((some < low) | (some >= codec.codes))
        if len(wrong):
            channel, level, frame = wrong[0]
            raise InputError(
                f"{path}: expected codes of 0 to {codec.codes - 1}, or {MISSING} but in the first codebook, "
                f"found {some[channel, level, frame]} in codebook {level} of frame {start + frame}"
            )
    return codes
