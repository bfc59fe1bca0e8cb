"""Mixes of sounds, faster than real time: recordings that loop under a moving puck, and an instrument of them."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from audiovq.audio_io.writer import open_sink
from audiovq.sound.fitting import read_recording
from audiovq.sound.model import SoundModel

from ..audio.sound_instrument import SoundInstrument
from ..audio.sound_mix import SoundMix
from ..music.automation import Automation
from ..music.parameters import Value

BEATS_A_BAR = 4.0


def load_instrument(
    model: str, files: Sequence[Path], shares: Callable[[float], np.ndarray], tell: Callable[[str], None]
) -> SoundInstrument:
    """An instrument of recordings.

    Args:
        shares: as of `SoundInstrument`.
        tell: as of `read_recording`.

    Raises:
        InputError: no such model, or a recording that cannot be used.
    """
    sounds = SoundModel.from_pretrained(model)
    return SoundInstrument(sounds, [read_recording(sounds, path, tell, is_instrument=True) for path in files], shares)


def shares_in_time(moves: Sequence[tuple[float, np.ndarray]]) -> Callable[[float], np.ndarray]:
    """What was heard of each sound at a time, out of when it changed; before that what there was first."""
    times = [at for at, _ in moves]

    def at(seconds: float) -> np.ndarray:
        return moves[max(0, bisect_right(times, seconds) - 1)][1]

    return at


def render_mix(
    path: str | os.PathLike[str],
    mix: SoundMix,
    automation: Automation,
    settings: Mapping[str, Value],
    tempo: float,
) -> float:
    """Write a mix that an automation moves, to its end; how many seconds it has.

    Args:
        settings: of parameters, to begin with.
        tempo: beats a minute, where the automation counts beats or bars, of four beats.

    Raises:
        InputError: the file cannot be written.
    """
    config = mix.model.config
    late, beat = mix.model.delay, 60.0 / tempo
    unit = {"seconds": 1.0, "beat": beat, "bar": BEATS_A_BAR * beat}[automation.unit]
    length = round(automation.end * unit * config.sample_rate)
    mix.move(settings)
    with open_sink(path, config.sample_rate, 1, length) as sink:
        made = -late  # so that what is heard at a time is what was moved then
        while made < length:
            seconds = max(made + late, 0) / config.sample_rate
            mix.move(automation.values_at(seconds / unit))
            samples = mix.render(config.hop)
            made += len(samples)
            if made > 0:
                fresh = samples[max(0, len(samples) - made) :]
                sink.write(fresh[: length - sink.samples][None])
        return sink.samples / config.sample_rate
