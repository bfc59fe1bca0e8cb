"""Recordings -> records of codes for a corpus (`latentmix.corpus`), short ones together, as `Codec.compress` does."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from latentmix.corpus.records import Column, Record
from latentmix.corpus.shard import Description
from latentmix.errors import InputError

from ..audio_io.kinds import readable_suffixes
from ..audio_io.reader import open_source
from . import TO_ENCODE

if TYPE_CHECKING:
    from .codec import Codec
    from .intake import Intake

# torch takes seconds to import: who only plans the work of others does without

KIND = "audiovq.codes"
COLUMNS = (
    Column("id", "string"),
    Column("codes", "int16", 2),
    Column("frames", "int32"),
    Column("samples", "int64"),
    Column("sample_rate", "int32"),
    Column("gain", "int16"),
)
SHORT_SECONDS = 8.0  # what is longer fills the networks by itself, and is never whole in memory
CPU_FRAMES, GPU_FRAMES = 400, 40_000  # code frames of a batch: so many fit a core's cache, so many fill a GPU


@dataclass(frozen=True)
class CodesOfRecordings:
    """What `audiovq corpus encode` does with files.

    Attributes:
        model: a bundled name or a folder.
        codebooks: of each frame; None: all. Those of `compress --kbps 3.5` are all, those of 1.5 the first four.
    """

    model: str
    codebooks: int | None = None

    @property
    def suffixes(self) -> frozenset[str]:
        return readable_suffixes()

    @property
    def settings(self) -> dict[str, Any]:
        return {"model": self.model, "codebooks": self.codebooks}

    @property
    def modules(self) -> tuple[str, ...]:
        return TO_ENCODE

    def load(self, device: str) -> CodesMaker:
        """Raises InputError: no such model, or more codebooks than it has."""
        import torch

        from ..model.vqvae import VQVAE
        from .codec import Codec

        if device == "cpu":
            torch.set_num_threads(1)  # one a worker: others are at work beside it
        codec = Codec(VQVAE.from_pretrained(self.model, device))  # without the coder, which only files need
        if self.codebooks is not None and self.codebooks > codec.codebooks:
            raise InputError(f"--codebooks {self.codebooks}: expected at most {codec.codebooks}, those of {self.model}")
        return CodesMaker(codec, self)


class CodesMaker:
    """A loaded codec that makes records."""

    def __init__(self, codec: Codec, work: CodesOfRecordings) -> None:
        self.codec, self.codebooks = codec, work.codebooks or codec.codebooks
        self.most = CPU_FRAMES if codec.device.type == "cpu" else GPU_FRAMES
        self.description = Description(KIND, codec.model.fingerprint.hex(), work.settings, COLUMNS)

    def records(self, files: Sequence[tuple[str, str]]) -> list[Record | str]:
        """Codes (Q, N) int16 of each file, samples and rate of the original, dB by which it was made louder."""
        results: list[Record | str] = [""] * len(files)
        waiting: dict[int, tuple[np.ndarray, dict[str, Any]]] = {}
        for place, (id_, path) in enumerate(files):
            try:
                with _told_as(id_, path), open_source(path) as source:
                    intake = self._intake(source)
                    blocks = iter(intake)
                    if source.samples is not None and source.samples <= SHORT_SECONDS * source.sample_rate:
                        waveform = np.concatenate(list(blocks), 1)
                        waiting[place] = waveform[0], _figures(intake)
                    else:
                        chunks = list(self.codec.encode_chunks(blocks, 1, self.codebooks))
                        results[place] = _record(np.concatenate(chunks, 2)[0], _figures(intake))
            except InputError as error:
                results[place] = str(error)
            except Exception as error:  # a fault of ours, perhaps, but none of the other files'
                results[place] = f"{id_}: {type(error).__name__}: {error}"
        for group in self._groups({place: len(waveform) for place, (waveform, _) in waiting.items()}):
            made = self.codec.encode_together([waiting[place][0] for place in group], self.codebooks)
            for place, codes in zip(group, made, strict=True):
                results[place] = _record(codes, waiting[place][1])
        return results

    def _intake(self, source: Any) -> Intake:
        from .intake import LOOK_AHEAD, Intake

        return Intake(source, self.codec.sample_rate, self.codec.model.cutoff, look_ahead=LOOK_AHEAD, is_noticed=False)

    def _groups(self, lengths: dict[int, int]) -> Iterator[list[int]]:
        """Places of recordings of about the same length, as many together as are worth it."""
        group: list[int] = []
        for place in sorted(lengths, key=lambda place: lengths[place]):
            frames = -(-lengths[place] // self.codec.hop)
            if group and (len(group) + 1) * frames > self.most:
                yield group
                group = []
            group.append(place)
        if group:
            yield group


def _figures(intake: Intake) -> dict[str, Any]:
    return {"samples": intake.samples, "sample_rate": intake.source.sample_rate, "gain": intake.gain}


def _record(codes: np.ndarray, figures: dict[str, Any]) -> Record:
    return {"codes": codes, "frames": codes.shape[1], **figures}


@contextlib.contextmanager
def _told_as(id_: str, path: str) -> Iterator[None]:
    """Messages name the item, not the copy of it on this machine."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error).replace(path, id_)) from None
