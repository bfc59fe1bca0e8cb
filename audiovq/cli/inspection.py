"""What there is to say about an .avq file without decoding it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from latentmix.errors import InputError
from latentmix.files import PIPE, check_target, open_input, replacing

from ..bitstream.chunks import MISSING, TOGETHER, Damage, packing_of, read_chunks, split_payload
from ..bitstream.container import Reader
from ..bitstream.header import CODER_BYTES, MAGIC
from ..bitstream.packing import Coder, raw_size


def file_figures(stream: BinaryIO, name: str) -> dict[str, Any]:
    """Header, length, rates and damage, after checking every byte.

    Raises:
        InputError: not an .avq file, or one of a newer version.
    """
    try:
        reader = Reader(stream)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    header = reader.header
    lost: set[int] = set()
    frames = payloads = plain = number = used = coded = 0
    for record in reader:
        number = record.number // header.channels
        if record.number % header.channels == 0:
            frames += record.frames
        if record.payload is None:
            lost.add(number)
        elif record.payload:
            codebooks = min(record.payload[0], header.codebooks)
            payloads += len(split_payload(record.payload, header)[1]) - 1
            plain += raw_size(codebooks, record.frames, header.codes)
            used, coded = used + codebooks * record.frames, coded + record.frames
    damage = Damage(number + 1 if frames else 0, [], reader.end is None, reader.skipped)
    for chunk in sorted(lost):
        damage.add(chunk)
    seconds = reader.end.samples / header.original_rate if reader.end else frames * header.hop / header.sample_rate
    return {
        "file": name,
        "version": header.version,
        "seconds": round(seconds, 6),
        "samples": reader.end.samples if reader.end else None,
        "original_rate": header.original_rate,
        "channels": header.channels,
        "gain_db": header.gain,
        "kbps": round(reader.size * 8 / 1000 / seconds, 4) if seconds else None,
        "bytes": reader.size,
        "codebooks": header.codebooks,
        "mean_codebooks": round(used / coded, 3) if coded else None,
        "codes": header.codes,
        "code_rate": round(header.sample_rate / header.hop, 6),
        "sample_rate": header.sample_rate,
        "frames": frames,
        "chunks": damage.chunks,
        "chunk_seconds": header.seconds_a_chunk,
        "entropy_coder": None if header.coder == bytes(CODER_BYTES) else header.coder.hex(),
        "saved_by_entropy_coding": round(1 - payloads / plain, 4) if plain else None,
        "model": header.model.hex(),
        "damaged_chunks": [chunk for first, end in damage.spans for chunk in range(first, end)],
        "cut_off": damage.is_cut_off,
        "damage": damage.describe(header) or None,
    }


def read_tokens(stream: BinaryIO, name: str, coder_of: Callable[[], Coder | None]) -> tuple[np.ndarray, str]:
    """The codes of a file, and what is wrong with it in a line, empty if nothing.

    Args:
        coder_of: gives the entropy coder at hand, if the file needs one.

    Returns:
        codes (Q, N) int16, or (C, Q, N) of several channels; `chunks.MISSING` in lost chunks, and in codebooks that a
        chunk does without.

    Raises:
        InputError: not an .avq file, one of a newer version, or one that needs another entropy coder.
    """
    try:
        reader, damage = Reader(stream), Damage()
        coder = None if reader.header.coder == bytes(CODER_BYTES) else coder_of()
        packing = packing_of(reader.header, coder)
        codes = [chunk.codes for chunk in read_chunks(reader, packing, damage, together=TOGETHER)]
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    empty = np.zeros((reader.header.channels, reader.header.codebooks, 0), np.int16)
    whole = np.concatenate([empty, *codes], 2)
    return whole[0] if len(whole) == 1 else whole, damage.describe(reader.header)


def is_avq(path: str) -> bool:
    """Whether it is a compressed file, by its name or its first bytes; what comes through a pipe is taken for one."""
    if path == PIPE or path.lower().endswith(".avq"):
        return True
    with open_input(path) as (stream, _):
        return stream.read(len(MAGIC)) == MAGIC


def write_tokens(
    path: str, output: str, coder_of: Callable[[], Coder | None], codebooks: int | None = None
) -> tuple[tuple[int, ...], str]:
    """Write the codes of a compressed file as a NumPy file; their shape, and what is wrong with the file.

    Args:
        codebooks: the first ones, which every chunk is to have; None: all, with holes where there are some.

    Raises:
        InputError: as of `read_tokens`, there are holes where none may be, or `output` cannot be written.
    """
    check_target(output)
    with open_input(path) as (stream, name):
        codes, damage = read_tokens(stream, name, coder_of)
    if codebooks is not None:
        codes = _without_holes(codes, codebooks, name, damage)
    with replacing(output) as file:
        np.save(file, codes, allow_pickle=False)
    return codes.shape, damage


def _without_holes(codes: np.ndarray, codebooks: int, name: str, damage: str) -> np.ndarray:
    whole = codes[..., :codebooks, :]
    if damage and (whole == MISSING).any():
        raise InputError(f"{name}: expected a whole file, for --codebooks leaves no holes; found that {damage}")
    everywhere = int((codes != MISSING).all(-1).reshape(-1, codes.shape[-2]).all(0).sum())
    if everywhere < codebooks:
        raise InputError(
            f"{name}: expected {codebooks} codebooks in every chunk, found {everywhere}; "
            "give the recording itself, or compress it at a higher rate"
        )
    return whole
