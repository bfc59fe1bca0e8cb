"""What a speech codec learns from, of what a command line names: a corpus, or a folder that is labelled first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentmix.files import make_folder
from latentmix.read_once import Found, Tell, open_corpus, read_once

from ..model.config import VQVAEConfig
from .corpora import SPEECH
from .dataset import SpeechBatches, SpeechSource, prepare
from .streamed import StreamedSpeech


def open_speech(fabric: Any, address: str, kept: Path, config: VQVAEConfig, seed: int) -> SpeechSource:
    """A corpus as it is, or the labelled speech of a folder."""
    corpus = open_corpus(fabric, address, SPEECH, kept)
    return StreamedSpeech(corpus, config, seed) if corpus else read_folder(fabric, Path(address), kept, config)


def read_folder(fabric: Any, folder: Path, kept: Path, config: VQVAEConfig) -> SpeechBatches:
    """The labelled speech of a folder, kept in the run's folder."""

    def read(tell: Tell) -> Found:
        make_folder(kept)
        data = prepare(folder, kept, config, tell)
        return Found(f"{data.seconds / 3600:.2f} hours from {data.files} files", data.refused)

    read_once(fabric, folder, kept, lambda: SpeechBatches.is_complete(kept), read)
    return SpeechBatches(kept, config)
