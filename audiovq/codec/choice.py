"""Which of the bundled weights suit a recording: the one rule that commands and functions go by."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator

import numpy as np
import torch

from ..audio_io.channels import Downmix
from ..audio_io.reader import AudioSource
from ..dsp.pitch import SAMPLE_RATE, frequency_at, track_pitch
from ..dsp.resampling import resampled
from .codec import Codec, bundled_codec

AUTO = "auto"  # in place of the name of a model: chosen here
USUAL, HIGH = "speech_16k", "high_voices_16k"
LISTEN = 20.0  # seconds of a recording that decide
HIGH_PITCH = 300.0  # Hz, median by power, which hum between words has little of; below, children fare better by `USUAL`
MIN_VOICED = 0.3  # share of the power: with less there is no voice to go by
FRAME, BINS = 160, 175  # samples between frames; pitches up to 807 Hz
TOO_HIGH = f"pitched above {HIGH_PITCH:g} Hz, of which {USUAL} knows little"
BETTER = f"{TOO_HIGH}: --model {HIGH} codes it better"
BETTER_TOKENS = f"{BETTER}; whatever decodes it must name that too"
CANNOT_GO_ON = f"{TOO_HIGH}; {HIGH}, which does not, cannot go on"


def choose_weights(source: AudioSource) -> tuple[str, AudioSource]:
    """`HIGH` for a recording of children, singing or calling, by its median pitch, else `USUAL`; and the recording.

    Its first `LISTEN` seconds are read ahead and kept; what is returned begins where the source did.

    Raises:
        InputError: it cannot be read.
    """
    held: list[np.ndarray] = []
    pitch = _median_pitch(source, held)
    name = HIGH if pitch is not None and pitch > HIGH_PITCH else USUAL
    return name, dataclasses.replace(source, blocks=itertools.chain(held, source.blocks))


def suited(codec: Codec, *sources: AudioSource) -> tuple[Codec, list[AudioSource]]:
    """The bundled codec for recordings that are coded alike: `HIGH` if one asks for it, which costs others little.

    Args:
        codec: the one at hand, given back where it is the one.
        sources: are replaced by those that are returned.

    Raises:
        InputError: one of them cannot be read.
    """
    chosen = [choose_weights(source) for source in sources]
    name = HIGH if any(each == HIGH for each, _ in chosen) else USUAL
    same = codec.name == name
    return codec if same else bundled_codec(name, codec.device.type), [source for _, source in chosen]


class Overheard:
    """A recording on its way to a codec that cannot be chosen any more, by the same rule.

    Attributes:
        source: the recording, which is not waited for.
    """

    def __init__(self, source: AudioSource) -> None:
        self._origin, self._held = source, list[np.ndarray]()
        self.source = dataclasses.replace(source, blocks=self._passing())

    def _passing(self) -> Iterator[np.ndarray]:
        left = round(LISTEN * self._origin.sample_rate)
        for block in self._origin.blocks:
            if left > 0:
                self._held.append(block)
                left -= block.shape[1]
            yield block

    def advice(self, codec: Codec, line: str) -> list[str]:
        """The line, once all was read, where other weights would have suited."""
        heard = dataclasses.replace(self._origin, blocks=iter(self._held))
        return [line] if codec.name == USUAL and choose_weights(heard)[0] == HIGH else []


def _median_pitch(source: AudioSource, held: list[np.ndarray]) -> float | None:
    """Hz, of the first seconds; None where there is too little voice. Blocks that are read go to `held`."""

    def read() -> Iterator[np.ndarray]:
        for block in source.blocks:
            held.append(block)
            yield block

    mono = Downmix(source.channels, source.layout, source.sample_rate)(read())
    wanted, samples = round(LISTEN * SAMPLE_RATE), np.zeros(0, np.float32)
    for block in resampled(mono, source.sample_rate, SAMPLE_RATE):
        samples = np.append(samples, block[0])
        if len(samples) >= wanted:
            break
    samples = samples[:wanted]
    samples = samples[: len(samples) // FRAME * FRAME]
    track = track_pitch(torch.from_numpy(samples), FRAME, FRAME // 2, BINS)
    power = np.square(samples.reshape(-1, FRAME)).mean(1)
    voiced = np.where(track.voiced, power, 0.0)
    if voiced.sum() <= MIN_VOICED * power.sum():
        return None
    order = np.argsort(track.bin)
    half = int(np.searchsorted(np.cumsum(voiced[order]), 0.5 * voiced.sum()))
    return float(frequency_at(torch.tensor(track.bin[order[half]])))
