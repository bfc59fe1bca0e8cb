"""Recordings -> records of labelled speech, or of analysed sounds, for a corpus that training reads shard by shard."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from latentmix.corpus.reading import Corpus
from latentmix.corpus.records import Column, Record
from latentmix.corpus.shard import Description, OneByOne
from latentmix.errors import InputError

from ..audio_io.kinds import readable_suffixes

if TYPE_CHECKING:
    from ..model.config import VQVAEConfig
    from ..sound.config import SoundConfig

# torch takes seconds to import: who only plans the work of others does without

SPEECH, SOUNDS = "audiovq.speech", "audiovq.sounds"
SPEECH_COLUMNS = (
    Column("id", "string"),
    Column("samples", "int16", 1),
    Column("bins", "float16", 1),
    Column("voiced", "uint8", 1),
    Column("periodicity", "float16", 2),
)
SOUND_COLUMNS = (
    Column("id", "string"),
    Column("samples", "int16", 1),
    Column("controls", "float32", 2),
    Column("features", "float16", 2),
)


def speech_settings(config: VQVAEConfig) -> dict[str, Any]:
    """What of a configuration decides how speech is labelled."""
    return {name: getattr(config, name) for name in ("frame", "frames_per_code", "bands", "pitch_bins")}


def sound_settings(config: SoundConfig) -> dict[str, Any]:
    """What of a configuration decides how sounds are analysed."""
    return {name: getattr(config, name) for name in ("sample_rate", "hop", "window", "bands")}


def check_settings(corpus: Corpus, wanted: dict[str, Any]) -> None:
    """Raises InputError: a corpus was made for another model."""
    found = corpus.manifest.description.settings
    wrong = [name for name in wanted if found.get(name) != wanted[name]]
    if wrong:
        told = ", ".join(f"{name} {wanted[name]}" for name in wrong)
        other = ", ".join(f"{name} {found.get(name)}" for name in wrong)
        raise InputError(
            f"{corpus.folder.address}: expected {told}, as the model has, found {other}; make a corpus for this model"
        )


@dataclass(frozen=True)
class _Recordings:
    """What both kinds have in common: recordings, read one after the other."""

    @property
    def suffixes(self) -> frozenset[str]:
        return readable_suffixes()


@dataclass(frozen=True)
class LabelledSpeech(_Recordings):
    """What `audiovq corpus label` does with files.

    Attributes:
        pitch_bins: of the model that is to be trained.
    """

    pitch_bins: int

    @property
    def config(self) -> VQVAEConfig:
        """Raises InputError: no model has so many bins."""
        from ..model.config import MAX_SIZES, VQVAEConfig

        most = MAX_SIZES["pitch_bins"]
        if not 1 <= self.pitch_bins <= most:
            raise InputError(f"--pitch-bins {self.pitch_bins}: expected 1 to {most}, as models may have")
        return VQVAEConfig(pitch_bins=self.pitch_bins)

    @property
    def settings(self) -> dict[str, Any]:
        return speech_settings(self.config)

    @property
    def modules(self) -> tuple[str, ...]:
        return (f"{__package__}.dataset", "pyarrow.parquet")

    def load(self, device: str) -> OneByOne:
        from .dataset import label_file

        config = self.config

        def labelled(id_: str, path: str) -> Record | str:
            found = label_file(path, config)
            if isinstance(found, str):
                return found
            if not len(found.bins):
                return f"{path}: expected at least {config.hop / config.sample_rate:g} s of audio, found less"
            record = {field.name: getattr(found, field.name) for field in dataclasses.fields(found)}
            return record | {"voiced": found.voiced.astype("uint8")}

        _one_thread()
        return OneByOne(Description(SPEECH, "pitch and periodicity 1", self.settings, SPEECH_COLUMNS), labelled)


@dataclass(frozen=True)
class AnalysedSounds(_Recordings):
    """What `audiovq corpus analyse` does with files.

    Attributes:
        sample_rate: of the model that is to be trained.
    """

    sample_rate: int

    @property
    def config(self) -> SoundConfig:
        """Raises InputError: no model has that rate."""
        from ..sound.config import RATES, SoundConfig

        if self.sample_rate not in RATES:
            raise InputError(f"--rate {self.sample_rate}: expected {RATES[0]} or {RATES[1]}, as models have")
        return SoundConfig.at_rate(self.sample_rate)

    @property
    def settings(self) -> dict[str, Any]:
        return sound_settings(self.config)

    @property
    def modules(self) -> tuple[str, ...]:
        return (f"{__package__}.sound_dataset", "audiovq.sound.model", "pyarrow.parquet")

    def load(self, device: str) -> OneByOne:
        from .sound_dataset import NAMES, Analyser

        analyse = Analyser(self.config)

        def analysed(id_: str, path: str) -> Record:
            return dict(zip(NAMES, analyse.file(path), strict=True))

        _one_thread()
        return OneByOne(Description(SOUNDS, "analysis 1", self.settings, SOUND_COLUMNS), analysed)


def _one_thread() -> None:
    """One a worker: others are at work beside it."""
    import torch

    torch.set_num_threads(1)
