"""`audiovq bench`: what becomes of recordings of one's own, rate by rate, and how fast."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from latentmix.cli import grouped
from latentmix.errors import InputError

from .batches import complain, tell_left_out
from .options import AUTO, ChosenModel, ResultOptions

if TYPE_CHECKING:
    import numpy as np

# as in app.py, what needs NumPy or torch is imported where it is used: threads are limited before

RATE = 16_000  # Hz, of the codec's models of speech
MAX_SECONDS = 60.0  # of each recording
Recordings = Annotated[list[str], typer.Argument(metavar="AUDIO...", help="Recordings, or folders of them.")]
Rates = Annotated[str, typer.Option("--kbps", metavar="RATES", help="kbit/s, separated by commas.")]
Folder = Annotated[
    str | None, typer.Option("-o", "--output", metavar="FOLDER", help="Keep what comes back there, as WAV.")
]


@dataclass(frozen=True)
class Trial:
    """What became of a recording at a rate.

    Attributes:
        recording: its name.
        seconds: of it that were taken.
        kbps: asked for.
        file_kbps: bits of the file a second, in thousands.
        encoding, decoding: times real time, one thread of this machine.
        louder: LU by which it comes back louder (ITU-R BS.1770); None of what is too short or too quiet to say.
        distance: dB, mean absolute difference of log spectra (windows of 512 to 4096 samples), where there is sound.
    """

    recording: str
    seconds: float
    kbps: float
    file_kbps: float
    encoding: float
    decoding: float
    louder: float | None
    distance: float


@grouped
def bench(
    recordings: Recordings,
    kbps: Rates = "1.5,3",
    output: Folder = None,
    *,
    model: ChosenModel = AUTO,
    result: ResultOptions,
) -> None:
    """Try the codec on recordings of your own: size, speed, loudness and distance from the original, rate by rate.

    The first minute of each is taken, channels mixed to one. Whether it sounds right, an ear must say: --html makes a
    page with the originals and what comes back.

    \b
    Examples:
    audiovq bench talk.wav
    audiovq bench recordings/ --kbps 1,1.5,3 --html heard.html
    """
    from ..audio_io.kinds import readable_suffixes
    from ..audio_io.mono import find_recordings
    from .listening import check_made
    from .listening_page import write_page

    rates = _rates(kbps)
    tell_left_out(recordings, readable_suffixes())
    paths = [path for each in recordings for path in find_recordings(each)]
    twice = [stem for stem, times in Counter(path.stem for path in paths).items() if times > 1]
    if output is not None and twice:
        raise InputError(f"-o {output}: expected recordings of different names, found {twice[0]} twice; try them apart")
    kept = [] if output is None else [_kept(output, path, rate) for path in paths for rate in rates]
    check_made(kept, result)
    found: list[Trial] = []
    heard: list[tuple[str, np.ndarray]] = []
    for path in paths:
        original = _beginning(path)
        heard.append((path.name, original))
        for trial, back in _trials(path.name, original, rates, model):
            found.append(trial)
            heard.append((f"{path.stem} at {trial.kbps:g} kbit/s", back))
            if output is not None:
                _keep(_kept(output, path, trial.kbps), back)
    if result.as_json:
        typer.echo(json.dumps([asdict(each) for each in found], indent=2))
    else:
        _print(found)
    if result.page is not None:
        write_page(result.page, "What came back", heard, RATE)


def _rates(text: str) -> list[float]:
    try:
        rates = [float(each) for each in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0.0 < rate < 1000.0 for rate in rates):
        raise InputError(f"--kbps {text}: expected rates in kbit/s, separated by commas, such as 1.5,3")
    return rates


def _beginning(path: Path) -> np.ndarray:
    """Samples (T,) of the first minute at the codec's rate."""
    from ..audio_io.mono import read_mono

    samples = read_mono(path, RATE, tell=complain, first=MAX_SECONDS)
    if len(samples) < RATE // 10:
        raise InputError(f"{path}: expected at least 0.1 s of sound, found {len(samples) / RATE:.3f} s")
    return samples


def _trials(name: str, original: np.ndarray, rates: Sequence[float], model: str) -> Iterator[tuple[Trial, np.ndarray]]:
    from ..codec.in_memory import compress, decompress

    for rate in rates:  # what is loaded, and what the first time takes, is not timed
        decompress(compress(original, RATE, rate, model=model), model="speech_16k" if model == AUTO else model)
    for rate in rates:
        start = time.thread_time()
        data = compress(original, RATE, rate, model=model)
        encoded = time.thread_time()
        back = decompress(data, model="speech_16k" if model == AUTO else model)[0][0].numpy()
        decoded = time.thread_time()
        seconds = len(original) / RATE
        trial = Trial(
            recording=name,
            seconds=round(seconds, 3),
            kbps=rate,
            file_kbps=round(len(data) * 8 / seconds / 1000, 3),
            encoding=round(seconds / max(encoded - start, 1e-6), 1),
            decoding=round(seconds / max(decoded - encoded, 1e-6), 1),
            louder=_louder(original, back),
            distance=round(_distance(original, back), 2),
        )
        yield trial, back


def _louder(original: np.ndarray, back: np.ndarray) -> float | None:
    import numpy as np
    import torch
    from torchaudio.functional import loudness

    if len(original) < 0.4 * RATE:  # a block of the meter
        return None
    before, after = (float(loudness(torch.from_numpy(each)[None], RATE)) for each in (original, back))
    return round(after - before, 2) if np.isfinite(before) and np.isfinite(after) else None


def _distance(original: np.ndarray, back: np.ndarray) -> float:
    import numpy as np
    import torch

    from ..dsp.spectral_distance import spectral_distance

    short = max(0, 4096 - len(original))  # the longest window
    made, real = (torch.from_numpy(np.pad(each, (0, short)))[None] for each in (back, original))
    return float(spectral_distance(made, real, RATE, only_heard=True).mean)


def _kept(folder: str, recording: Path, kbps: float) -> str:
    """Where what comes back of a recording is kept."""
    return os.path.join(folder, f"{recording.stem}-{kbps:g}kbps.wav")


def _keep(path: str, samples: np.ndarray) -> None:
    from latentmix.files import make_folder

    from ..audio_io.writer import open_sink

    make_folder(os.path.dirname(path))
    with open_sink(path, RATE, 1) as sink:
        sink.write(samples[None])


def _print(found: Sequence[Trial]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    titles = ("recording", "kbit/s", "file", "encoding", "decoding", "louder", "apart")
    table = Table(*titles)
    for each in found:
        louder = "" if each.louder is None else f"{each.louder:+.1f}"
        speeds = (f"{speed:.0f} x" for speed in (each.encoding, each.decoding))
        table.add_row(
            escape(each.recording), f"{each.kbps:g}", f"{each.file_kbps:.2f}", *speeds, louder, f"{each.distance:.1f}"
        )
    Console().print(table)
    typer.echo("kbit/s asked for and of the file; times real time, one thread; LU louder; dB between the spectra")
