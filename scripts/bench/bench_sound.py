"""Measure a model of sounds beside WORLD, on recordings and on morphs of two, in one run.

    LATENTMIX_EXTRAS=bench scripts/run python scripts/bench/bench_sound.py FOLDER --model sound_48k --pairs 6

Every recording goes through the model (its latent as it is, and through its codebooks) and through WORLD's analysis and
resynthesis (Morise et al. 2016: Harvest, CheapTrick, D4C). Distance: mean absolute difference of log spectra over
windows of 512 to 4096, in dB, where anything is heard. Pitch: median difference in cents between what CREPE (Kim et al.
2018) hears in the original and in what was made, where it hears a pitch in both; voicing: share of frames in which it
agrees whether there is one. Loudness: mean absolute difference of A-weighted frames, dB. Attack: correlation of how
fast levels of 2 ms rise. Time is a ratio: of the processor's time, in one thread, to that of WORLD, in alternation.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audiovq.audio_io.mono import find_recordings, read_mono
from audiovq.dsp.spectral_distance import spectral_distance
from audiovq.sound.model import Sound, SoundModel
from audiovq.sound.morph import decode, encode, level, steps_between
from latentmix.cli import run_script
from latentmix.errors import InputError
from latentmix.training import in_one_line
from scripts.attacks import rises

CONSOLE = Console(width=110)
LOWEST, HIGHEST = 40.0, 2000.0  # Hz
SURE = 0.5  # periodicity from which CREPE is believed
CREPE_HOP = 0.03  # seconds: CREPE takes most of the time
NEAR = 60.0  # cents within which a pitch counts as the same; beyond, it is another one
STEPS = 9


@dataclass(frozen=True)
class World:
    """What WORLD knows of a sound: pitch (N,) Hz, spectral envelope and aperiodicity (N, F), every 5 ms."""

    pitch: np.ndarray
    envelope: np.ndarray
    aperiodicity: np.ndarray


@dataclass
class Row:
    """Figures of one way of making sounds again, a list of one for each recording."""

    figures: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **found: float) -> None:
        for name, value in found.items():
            self.figures.setdefault(name, []).append(value)

    def mean(self, name: str) -> float:
        return float(np.nanmean(self.figures[name])) if self.figures.get(name) else float("nan")


def load_judges() -> tuple[Any, Any]:
    """pyworld and torchcrepe.

    Raises:
        InputError: they are not installed.
    """
    try:
        import pyworld  # type: ignore[import-not-found, import-untyped, unused-ignore]
        import torchcrepe  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ModuleNotFoundError as error:
        raise InputError(
            f"expected the package {error.name}, found none; LATENTMIX_EXTRAS=bench scripts/run …, "
            "or pip install 'latentmix[bench]'"
        ) from None
    return pyworld, torchcrepe


def world_of(pyworld: Any, x: np.ndarray, rate: int) -> World:
    """WORLD's analysis of samples (T,)."""
    samples = x.astype(np.float64)
    pitch, times = pyworld.harvest(samples, rate, f0_floor=LOWEST, f0_ceil=HIGHEST)
    size = pyworld.get_cheaptrick_fft_size(rate, LOWEST)
    envelope = pyworld.cheaptrick(samples, pitch, times, rate, f0_floor=LOWEST, fft_size=size)
    return World(pitch, envelope, pyworld.d4c(samples, pitch, times, rate, fft_size=size))


def by_world(pyworld: Any, world: World, rate: int, length: int) -> np.ndarray:
    """Samples (length,) that WORLD makes."""
    y = pyworld.synthesize(world.pitch, world.envelope, world.aperiodicity, rate)[:length]
    return np.pad(y, (0, length - len(y))).astype(np.float32)


def world_between(a: World, b: World, place: float) -> World:
    """WORLD's own morph: pitch in log Hz where both have one, log envelope and aperiodicity on straight lines."""
    frames = round((1.0 - place) * len(a.pitch) + place * len(b.pitch))

    def stretched(rows: np.ndarray) -> np.ndarray:
        at = np.linspace(0.0, len(rows) - 1.0, frames)
        low = np.minimum(at.astype(int), len(rows) - 2)
        share = (at - low).reshape(-1, *[1] * (rows.ndim - 1))
        return (1.0 - share) * rows[low] + share * rows[low + 1]

    def nearest(rows: np.ndarray) -> np.ndarray:
        return rows[np.rint(np.linspace(0.0, len(rows) - 1.0, frames)).astype(int)]

    pitches = [nearest(each.pitch) for each in (a, b)]
    both = (pitches[0] > 0.0) & (pitches[1] > 0.0)
    logs = [np.log(np.maximum(each, 1.0)) for each in pitches]
    pitch = np.where(both, np.exp((1.0 - place) * logs[0] + place * logs[1]), np.maximum(*pitches))
    ends = [np.log(stretched(each.envelope) + 1e-16) for each in (a, b)]
    rough = [stretched(each.aperiodicity) for each in (a, b)]
    envelope = np.exp((1.0 - place) * ends[0] + place * ends[1])
    return World(pitch, envelope, np.clip((1.0 - place) * rough[0] + place * rough[1], 0.0, 1.0))


class Judge:
    """Compares what was made with the original."""

    def __init__(self, torchcrepe: Any, model: SoundModel) -> None:
        self.crepe, self.model, self.rate = torchcrepe, model, model.config.sample_rate

    def hears(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pitch in Hz and how sure it is, every `CREPE_HOP`."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self.crepe.predict(
                torch.from_numpy(x)[None], self.rate, round(CREPE_HOP * self.rate), 50.0, HIGHEST, "tiny",
                decoder=self.crepe.decode.weighted_argmax, return_periodicity=True,
            )  # fmt: skip
        return found[0][0].numpy(), found[1][0].numpy()

    def compare(
        self, real: np.ndarray, made: np.ndarray, heard_before: tuple[np.ndarray, np.ndarray]
    ) -> dict[str, float]:
        """Figures of samples (T,) beside their original, whose pitch was heard before."""
        wave = [torch.from_numpy(np.ascontiguousarray(each))[None] for each in (made, real)]
        distance = float(spectral_distance(wave[0], wave[1], self.rate, only_heard=True).mean)
        loudness = [encode(self.model, each).sound.controls.loudness[0].numpy() for each in (real, made)]
        heard = loudness[0] > loudness[0].max() - 40.0
        (before, sure), (after, sure_after) = heard_before, self.hears(made)
        frames = len(before)
        is_loud = heard[np.minimum(np.arange(frames) * round(100 * CREPE_HOP), len(heard) - 1)]
        voiced = [(each > SURE) & is_loud for each in (sure, sure_after)]
        both = voiced[0] & voiced[1]
        cents = np.abs(1200.0 * np.log2(after[both] / before[both])) if both.any() else np.array([np.nan])
        begun = [rises(each, self.rate) for each in (real, made)]
        return {
            "distance": distance,
            "cents": float(np.median(cents)),
            "astray": float((cents > NEAR).mean()) if both.any() else float("nan"),
            "voicing": float((voiced[0] == voiced[1])[is_loud].mean()),
            "loudness": float(np.abs(loudness[0] - loudness[1])[heard].mean()),
            "attack": float(np.corrcoef(begun[0], begun[1])[0, 1]),
        }


def timed(work: Callable[[], Any], row: Row) -> Any:
    """What work gives; its processor time is added to a row."""
    begun = time.process_time()
    found = work()
    row.add(seconds=time.process_time() - begun)
    return found


def through_world(pyworld: Any, x: np.ndarray, rate: int) -> np.ndarray:
    """Samples (T,) analysed and made again by WORLD."""
    return by_world(pyworld, world_of(pyworld, x, rate), rate, len(x))


def through_model(model: SoundModel, x: np.ndarray, coded: bool = False) -> np.ndarray:
    """Samples (T,) encoded and decoded, through the codebooks or not."""
    found = encode(model, x)
    timbre = model.from_codes(model.codes(found.sound.timbre)) if coded else found.sound.timbre
    return decode(model, Sound(found.sound.controls, timbre), found.samples)


def measure(model: SoundModel, judges: tuple[Any, Any], recordings: Sequence[np.ndarray]) -> dict[str, Row]:
    """Analysis and resynthesis of recordings (T,)."""
    pyworld, crepe = judges
    judge, rate = Judge(crepe, model), model.config.sample_rate
    rows = {name: Row() for name in ("WORLD", "model", "its codes")}
    for x in track(recordings, "recordings", console=CONSOLE, transient=True):
        ways = {
            "WORLD": partial(through_world, pyworld, x, rate),
            "model": partial(through_model, model, x),
            "its codes": partial(through_model, model, x, coded=True),
        }
        made = {name: timed(way, rows[name]) for name, way in ways.items()}
        pitch = judge.hears(x)
        for name, y in made.items():
            rows[name].add(**judge.compare(x, y, pitch))
    return rows


def morph_figures(model: SoundModel, steps: Sequence[np.ndarray]) -> dict[str, float]:
    """Path over the distance of its ends and largest of its jumps, of pitch, level, centroid; dip of level, dB."""
    rows, rate = [], model.config.sample_rate
    for x in steps:
        sound = encode(model, x).sound
        sung = sound.controls.harmonicity[0] > 0.0
        pitch = sound.controls.pitch[0][sung].log2().median() if sung.any() else torch.tensor(float("nan"))
        power = np.square(np.abs(np.fft.rfft(x)))
        hertz = np.fft.rfftfreq(len(x), 1.0 / rate)
        rows.append((float(pitch), float(level(sound)), float(np.log2((power * hertz).sum() / power.sum()))))
    found: dict[str, float] = {}
    for name, way in zip(("pitch", "level", "centroid"), np.array(rows).T, strict=True):
        whole, moves = abs(way[-1] - way[0]), np.abs(np.diff(way))
        far = whole > {"pitch": 0.1, "level": 1.0, "centroid": 0.2}[name]  # ends alike say nothing about a path
        found[f"{name} path"] = float(moves.sum() / whole) if far else float("nan")
        found[f"{name} jump"] = float(moves.max() / whole) if far else float("nan")
    levels = np.array(rows)[:, 1]
    found["dip"] = float(max(0.0, (np.linspace(levels[0], levels[-1], len(levels)) - levels).max()))
    return found


def measure_morphs(model: SoundModel, pyworld: Any, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Row]:
    """Nine steps between two recordings: by the model, by WORLD, and by fading one into the other."""
    rate, rows = model.config.sample_rate, {name: Row() for name in ("model", "WORLD", "crossfade")}
    for a, b in track(pairs, "morphs", console=CONSOLE, transient=True):
        places = np.linspace(0.0, 1.0, STEPS)
        worlds = [world_of(pyworld, each, rate) for each in (a, b)]
        length = max(len(a), len(b))
        ends = [np.pad(each, (0, length - len(each))) for each in (a, b)]
        lengths = [round((1.0 - place) * len(a) + place * len(b)) for place in places]
        made = {
            "model": list(steps_between(model, encode(model, a), encode(model, b), STEPS)),
            "WORLD": [
                by_world(pyworld, world_between(worlds[0], worlds[1], place), rate, n)
                for place, n in zip(places, lengths, strict=True)
            ],
            "crossfade": [((1.0 - place) * ends[0] + place * ends[1]).astype(np.float32) for place in places],
        }
        for name, steps in made.items():
            rows[name].add(**morph_figures(model, steps))
    return rows


def show(title: str, rows: dict[str, Row], columns: Sequence[str]) -> None:
    table = Table(title=title)
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for name, row in rows.items():
        table.add_row(name, *(f"{row.mean(column):.3f}" for column in columns))
    CONSOLE.print(table)


def main(
    folder: Annotated[Path, typer.Argument(help="recordings that the model has not heard")],
    model: Annotated[str, typer.Option(help="by name or folder")] = SoundModel.default,
    seconds: Annotated[float, typer.Option(help="of each recording, at most")] = 4.0,
    count: Annotated[int, typer.Option(help="recordings, spread over the folder")] = 40,
    pairs: Annotated[int, typer.Option(help="morphs of two of them")] = 6,
    out: Annotated[Path | None, typer.Option(help="JSON file for the figures")] = None,
) -> None:
    """Measure a model of sounds beside WORLD."""
    torch.set_num_threads(1)
    with in_one_line("bench_sound"):
        judges, sounds = load_judges(), SoundModel.from_pretrained(model)
        paths = find_recordings(folder)
        chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, count).astype(int))]
        recordings = [
            read_mono(path, sounds.config.sample_rate)[: round(seconds * sounds.config.sample_rate)] for path in chosen
        ]
        heard = [x for x in recordings if len(x) >= sounds.config.sample_rate // 4 and np.abs(x).max() > 0.01]
        rows = measure(sounds, judges, heard)
        for row in rows.values():
            row.add(ratio=row.mean("seconds") / rows["WORLD"].mean("seconds"))
        columns = ("distance", "cents", "astray", "voicing", "loudness", "attack", "ratio")
        show(f"{len(heard)} recordings of {folder}", rows, columns)
        half = len(heard) // 2
        chosen_pairs = [(heard[i % half], heard[half + i % half]) for i in np.linspace(0, half - 1, pairs).astype(int)]
        morphs = measure_morphs(sounds, judges[0], chosen_pairs) if pairs else {}
        names = ("pitch path", "pitch jump", "level path", "level jump", "centroid path", "centroid jump", "dip")
        if morphs:
            show(f"{pairs} morphs in {STEPS} steps; ideal: path 1, jump {1 / (STEPS - 1):.3f}, dip 0", morphs, names)
        if out:
            found = {name: row.figures for name, row in rows.items()}
            told = {"files": [str(path) for path in chosen], "resynthesis": found}
            out.write_text(json.dumps({**told, "morphs": {n: r.figures for n, r in morphs.items()}}, indent=1))


if __name__ == "__main__":
    run_script(main)
