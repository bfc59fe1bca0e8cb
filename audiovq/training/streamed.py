"""Pieces of speech and of sounds out of the shards of a corpus, of which only those of the moment are in memory."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch

from latentmix.corpus.reading import Corpus
from latentmix.corpus.records import Record
from latentmix.corpus.streaming import Arrays, StreamedPieces

from ..model.config import VQVAEConfig
from ..sound.config import SoundConfig
from .corpora import check_settings, sound_settings, speech_settings
from .dataset import NAMES as LABELS
from .dataset import SpeechBatch, at_random_levels
from .sound_dataset import ASIDE, NAMES, SoundBatch, random_gain, sound_batch


class StreamedSpeech:
    """Random pieces of a corpus of `audiovq corpus label`, one of each recording of an epoch; a `SpeechSource`.

    Raises:
        InputError: the corpus is labelled for another model.
    """

    def __init__(self, corpus: Corpus, config: VQVAEConfig, seed: int) -> None:
        check_settings(corpus, speech_settings(config))
        self.config = config
        units = (config.hop, *(config.frames_per_code for _ in LABELS[1:]))
        self.pieces = StreamedPieces(corpus, seed, lambda record: tuple(record[name] for name in LABELS), units)

    def draw(self, size: int, code_frames: int, generator: torch.Generator, share: int = 0) -> SpeechBatch:
        """As of `SpeechSource`."""
        return at_random_levels(*self.pieces.draw(size, code_frames, generator, share), generator=generator)


class StreamedSounds:
    """Random pieces of a corpus of `audiovq corpus analyse`, one of each recording of an epoch; a `SoundSource`.

    One recording in `ASIDE`, told by its name, is never drawn to be trained on; of few recordings all are.

    Raises:
        InputError: the corpus is analysed for another model.
    """

    def __init__(self, corpus: Corpus, config: SoundConfig, seed: int) -> None:
        check_settings(corpus, sound_settings(config))
        many = len(corpus) >= 2 * ASIDE
        units = (config.hop, 1, 1)

        def arrays(is_wanted: Callable[[str], bool]) -> Callable[[Record], Arrays]:
            return lambda record: tuple(record[name] if is_wanted(record["id"]) else record[name][:0] for name in NAMES)

        self._drawn = StreamedPieces(corpus, seed, arrays(lambda id_: not (many and _is_aside(id_))), units)
        self._aside = StreamedPieces(corpus, seed, arrays(lambda id_: not many or _is_aside(id_)), units)

    def draw(self, size: int, frames: int, generator: torch.Generator, share: int = 0) -> SoundBatch:
        """As of `SoundSource`."""
        return sound_batch(self._drawn.draw(size, frames, generator, share), random_gain(size, generator))

    def aside(self, size: int, frames: int) -> SoundBatch:
        """As of `SoundSource`."""
        pieces = self._aside.draw(size, frames, torch.Generator().manual_seed(0), 0)
        return sound_batch(pieces, torch.zeros(size, 1))


def _is_aside(id_: str) -> bool:
    return zlib.crc32(id_.encode()) % ASIDE == ASIDE - 1
