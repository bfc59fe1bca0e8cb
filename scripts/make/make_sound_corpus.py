"""Recordings to train and to judge the general model of sounds on, from free material.

    scripts/run python scripts/make/make_sound_corpus.py OUT --melodies data/melody/train --soundfont FluidR3_GM.sf2 \
        --recordings karoryfer.weresax --recordings upright-piano-KW --recordings dataset-voice-kerstin

Melodies are played on many programs of a soundfont by the command `fluidsynth`, and recordings are linked. Some
programs, and one recording in eight, go to OUT/dev, the rest to OUT/train.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import mido
import numpy as np
import typer

from audiovq.audio_io.mono import find_recordings
from latentmix.cli import run_script
from latentmix.files import make_folder
from latentmix.training import in_one_line
from scripts.soundfont import render

TAUGHT = (  # General MIDI programs, from 0: keys, plucked, bowed, blown, sung, electronic
    *(4, 6, 8, 9, 12, 16, 19, 21, 22, 24, 25, 26, 27, 29, 32, 33, 38, 40, 41, 43, 46, 48, 52, 54),
    *(56, 58, 59, 60, 61, 64, 66, 67, 69, 70, 71, 72, 73, 74, 75, 78, 80, 81, 85, 104, 105, 107, 109, 111),
)
JUDGED = (11, 42, 53, 57, 68, 77, 106, 108)  # vibraphone, cello, voice, trombone, oboe, shakuhachi, shamisen, kalimba
SECONDS = 25.0  # of a melody
EVERY = 8  # one recording in so many is kept for judging
MOST = 200  # recordings of one folder


def play(melody: Path, program: int, soundfont: Path, out: Path, generator: np.random.Generator) -> None:
    """Render the beginning of a melody, transposed by up to an octave, at a loudness that varies."""
    song = mido.MidiFile(melody)
    kept, track, seconds = mido.MidiFile(ticks_per_beat=480), mido.MidiTrack(), 0.0
    kept.tracks.append(track)
    track.append(mido.Message("program_change", program=program))
    shift, level, waited = int(generator.integers(-12, 8)), 80.0, 0.0
    held: int | None = None
    for message in song:
        seconds, waited = seconds + message.time, waited + message.time
        if seconds > SECONDS:
            break
        if message.type in ("note_on", "note_off"):
            level = float(np.clip(level + generator.normal(0.0, 8.0), 35, 120))
            velocity = round(level) if message.type == "note_on" and message.velocity else 0
            ticks, waited = round(waited * 960), 0.0  # at the 120 beats a minute of a file without a tempo
            note = min(max(message.note + shift, 24), 103)
            track.append(mido.Message("note_on", note=note, velocity=velocity, time=ticks))
            held = note if velocity else None
    if held is not None:  # it would sound for ever, and so would the file grow
        track.append(mido.Message("note_off", note=held, time=480))
    render(kept, soundfont, out)


def main(
    out: Annotated[Path, typer.Argument(help="folder to make")],
    melodies: Annotated[Path | None, typer.Option(help="folder of MIDI files of one voice")] = None,
    soundfont: Annotated[Path, typer.Option(help="to play them with")] = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    recordings: Annotated[list[Path] | None, typer.Option(help="folders of recordings")] = None,
    each: Annotated[int, typer.Option(help="melodies of each program")] = 3,
    seed: Annotated[int, typer.Option(help="of what is played and how")] = 0,
) -> None:
    """Make a folder of recordings for the general model of sounds."""
    generator = np.random.default_rng(seed)
    for name in ("train", "dev"):
        make_folder(out / name)
    with in_one_line("make_sound_corpus", subprocess.CalledProcessError):
        for folder in recordings or ():
            files = find_recordings(folder)
            chosen = [files[i] for i in np.sort(generator.permutation(len(files))[:MOST])]
            for number, path in enumerate(chosen):
                link = out / ("dev" if number % EVERY == EVERY - 1 else "train") / f"{folder.name}_{path.name}"
                if not link.is_symlink():
                    link.symlink_to(path.resolve())
        tunes = sorted(melodies.rglob("*.mid")) if melodies else []
        for program in (*TAUGHT, *JUDGED) if tunes else ():
            part, count = ("dev", 1) if program in JUDGED else ("train", each)
            for number in range(count):
                tune = tunes[int(generator.integers(len(tunes)))]
                play(tune, program, soundfont, out / part / f"program{program:03}_{number}.wav", generator)


if __name__ == "__main__":
    run_script(main)
