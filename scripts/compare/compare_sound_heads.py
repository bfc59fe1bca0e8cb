"""Chords, drums and textures: the model's pulses and noise beside a second head that would give magnitudes to invert.

    scripts/run python scripts/compare/compare_sound_heads.py

The material is made here: chords and textures of a soundfont of General MIDI, and its drums, each by `fluidsynth`. The
second head is taken at its best: it is not learned, but has the true magnitudes, of as many bands as the model has or
of all bins, and `SpectrogramInversion` finds phases for them in its sixteen rounds, from those of noise or of pulses
and noise as the model knows them. Distance and attack are those of `scripts/bench/bench_sound.py`; time is a ratio, of
the processor's time in one thread to that of the model.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import mido
import numpy as np
import torch
import torch.nn.functional as F
import typer
from rich.console import Console
from rich.table import Table

from audiovq.audio_io.mono import read_mono
from audiovq.dsp.bands import band_triangles
from audiovq.dsp.spectral_distance import spectral_distance
from audiovq.dsp.stft import squared
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import decode, encode
from latentmix.cli import run_script
from latentmix.training import in_one_line
from scripts.attacks import rises
from scripts.compare.compare_phases import inverted
from scripts.soundfont import render

CONSOLE = Console()
SOUNDFONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
CHORDS = {"piano": 0, "organ": 19, "guitar": 25, "strings": 48, "choir": 52, "brass": 61}  # programs, from 0
TEXTURES = {"rain": 96, "seashore": 122, "applause": 126}
TRIADS = ((60, 64, 67), (57, 60, 64, 69), (53, 57, 60, 64), (55, 59, 62, 65))
BEAT = ((36, 42), (42,), (38, 42), (42,), (36, 42), (36, 46), (38, 42), (42, 45), (49, 36), (51,), (38, 51), (47, 43))
SECONDS = 3.0


def song(notes: Sequence[Sequence[int]], program: int, channel: int) -> mido.MidiFile:
    """Notes together, one after another, in `SECONDS`."""
    file, track = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack()
    file.tracks.append(track)
    track.append(mido.Message("program_change", program=program, channel=channel))
    ticks = round(960 * SECONDS / len(notes))
    for each in notes:
        for kind, wait in (("note_on", 0), ("note_off", ticks)):
            for at, note in enumerate(each):
                track.append(mido.Message(kind, note=note, velocity=90, channel=channel, time=0 if at else wait))
    return file


def material(soundfont: Path, rate: int) -> dict[str, list[np.ndarray]]:
    """Samples (T,) by kind."""
    songs = {
        "chords": [song(TRIADS, program, 0) for program in CHORDS.values()],
        "drums": [song(BEAT, kit, 9) for kit in (0, 8, 25)],
        "textures": [song([(60,)], program, 0) for program in TEXTURES.values()],
    }
    found: dict[str, list[np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, files in songs.items():
            for number, file in enumerate(files):
                path = Path(folder) / f"{kind}{number}.wav"
                render(file, soundfont, path)
                found.setdefault(kind, []).append(read_mono(path, rate)[: round(SECONDS * rate)])
    return found


class Ways:
    """What makes samples (T,) of samples (T,)."""

    def __init__(self, model: SoundModel) -> None:
        self.model = model
        self.triangles = band_triangles(model.stft.bins, model.config.bands, model.config.sample_rate)
        self.generator = torch.Generator().manual_seed(0)

    def all(self) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
        return {
            "the model": self.by_model,
            "true bands, inverted from noise": lambda x: self.by_inversion(x, in_bands=True),
            "true bands, inverted from the model's phases": lambda x: self.by_inversion(x, in_bands=True, begun=True),
            "true bins, inverted from noise": lambda x: self.by_inversion(x, in_bands=False),
        }

    def by_model(self, x: np.ndarray) -> np.ndarray:
        found = encode(self.model, x)
        return decode(self.model, found.sound, found.samples)

    @torch.inference_mode()
    def by_inversion(self, x: np.ndarray, in_bands: bool, begun: bool = False) -> np.ndarray:
        power = squared(self._frames(x))
        if in_bands:
            bands = power @ self.triangles.T / self.triangles.sum(1)
            power = ((bands + 1e-12).log() @ self.triangles).exp()
        if begun:
            phase = self._frames(self.by_model(x)).angle()
        else:
            phase = 2.0 * torch.pi * torch.rand(power.shape, generator=self.generator)
        return inverted(power.sqrt(), phase, self.model.stft)[: len(x)]

    def _frames(self, x: np.ndarray) -> torch.Tensor:
        """(1, N, F), of samples that end in silence."""
        stft = self.model.stft
        padded = F.pad(torch.from_numpy(x.astype(np.float32))[None], (0, -len(x) % stft.hop + stft.delay))
        padded = F.pad(padded, (0, -padded.shape[1] % stft.hop))
        return stft.analyse(padded, stft.past(1))[0]


def main(
    model: Annotated[str, typer.Option(help="by name or folder")] = SoundModel.default,
    soundfont: Annotated[Path, typer.Option(help="of General MIDI")] = SOUNDFONT,
) -> None:
    """Compare the noise path with a second head."""
    torch.set_num_threads(1)
    with in_one_line("compare_sound_heads"):
        sounds = SoundModel.from_pretrained(model)
        rate, ways = sounds.config.sample_rate, Ways(sounds).all()
        made = material(soundfont, rate)
    took = dict.fromkeys(ways, 0.0)
    table = Table(title=f"{', '.join(f'{len(each)} {kind}' for kind, each in made.items())} of {SECONDS:g} s")
    for column in ("", *(f"{kind}: dB, attack" for kind in made), "time"):
        table.add_column(column)
    cells: dict[str, list[str]] = {name: [] for name in ways}
    for recordings in made.values():
        figures: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for x in recordings:
            for name, way in ways.items():  # in turn, so that a busy second of the machine meets all
                begun = time.process_time()
                y = way(x)
                took[name] += time.process_time() - begun
                pair = [torch.from_numpy(np.ascontiguousarray(each, np.float32))[None] for each in (y, x)]
                distance = float(spectral_distance(pair[0], pair[1], rate, only_heard=True).mean)
                figures[name].append((distance, float(np.corrcoef(rises(x, rate), rises(y, rate))[0, 1])))
        for name, found in figures.items():
            distance, attack = np.mean(found, 0)
            cells[name].append(f"{distance:.2f}, {attack:.2f}")
    for name, row in cells.items():
        table.add_row(name, *row, f"{took[name] / took['the model']:.1f}")
    CONSOLE.print(table)


if __name__ == "__main__":
    run_script(main)
