"""How samples and continuations of a codec's prior sound: naturalness, silence, and whether the voice stays.

    scripts/run pip install distillmos resemblyzer
    scripts/run python scripts/compare/compare_samples.py --temperatures 0.3,0.6,0.9,1.2
    scripts/run python scripts/compare/compare_samples.py --prompts DEV_FOLDER --temperatures 0.9

Both measures bring their weights. DistillMOS (Stahl & Gamper 2025) guesses what listeners would give, 1 to 5. The voice
is compared by the cosine of Resemblyzer's embeddings, of a continuation to its prompt, of a sample's second half to its
first. Silence is below the loudest 20 ms by 40 dB.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from audiovq import Codec
from audiovq.audio_io.mono import find_recordings, read_mono
from audiovq.codec.generation import following_frames, late_frames, load_prior, new_frames
from latentmix.cli import run_script
from latentmix.errors import InputError

FRAME, SILENT = 320, -40.0  # samples; dB beside the loudest frame


def measure(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(f"{name}: expected it to be installed, found {error}; pip install {name}") from None


def longest_silence(waveform: np.ndarray, rate: int) -> float:
    """Seconds."""
    frames = waveform[: len(waveform) // FRAME * FRAME].reshape(-1, FRAME)
    level = 10.0 * np.log10(np.square(frames).mean(1) + 1e-12)
    is_silent = level < max(level.max() + SILENT, -80.0)
    longest = run = 0
    for silent in is_silent:
        run = run + 1 if silent else 0
        longest = max(longest, run)
    return longest * FRAME / rate


def main(
    model: Annotated[str, typer.Option(help="bundled name or folder, with a prior")] = "speech_16k",
    prompts: Annotated[Path | None, typer.Option(help="folder of recordings to go on from; none: samples")] = None,
    prompt_seconds: Annotated[float, typer.Option(help="of each prompt, its beginning")] = 8.0,
    temperatures: Annotated[str, typer.Option(help="with commas between")] = "0.9",
    count: Annotated[int, typer.Option(help="samples, or prompts", min=1)] = 8,
    seconds: Annotated[float, typer.Option(help="of each", min=2.0)] = 10.0,
    seed: int = 0,
) -> None:
    """Make and measure."""
    scorer = measure("distillmos").ConvTransformerSQAModel().eval()
    voices = measure("resemblyzer")
    encoder = voices.VoiceEncoder("cpu", verbose=False)
    codec, prior = Codec.from_pretrained(model), load_prior(model)
    files = find_recordings(prompts) if prompts else []
    files = files[:: max(1, len(files) // count)][:count]
    heard = [read_mono(str(path), codec.sample_rate)[: round(prompt_seconds * codec.sample_rate)] for path in files]
    frames, rate = round(seconds * codec.sample_rate / codec.hop) + late_frames(codec), codec.sample_rate / codec.hop

    def made(number: int, temperature: float) -> np.ndarray:
        if heard:
            codes = codec.encode(torch.from_numpy(heard[number])[None], codec.sample_rate).numpy()
            found = list(following_frames(prior, codes, frames, temperature, seed + number, rate))
            start = codes.shape[1] * codec.hop
        else:
            codes = np.zeros((codec.codebooks, 0), np.int64)
            found, start = list(new_frames(prior, frames, temperature, seed + number)), 0
        whole = codec.decode(np.concatenate([codes.astype(np.int64), *found], 1))[0].numpy()
        return whole[start:][: round(seconds * codec.sample_rate)]

    def voice(waveform: np.ndarray) -> np.ndarray:
        return encoder.embed_utterance(voices.preprocess_wav(waveform, codec.sample_rate))

    table = Table("temperature", "DistillMOS", "lowest", "longest silence, s", "longest of all", "voice", "lowest")
    for temperature in map(float, temperatures.split(",")):
        scores, silences, kept = [], [], []
        for number in range(len(heard) or count):
            sound = made(number, temperature)
            with torch.inference_mode():
                scores.append(float(scorer(torch.from_numpy(sound)[None])))
            silences.append(longest_silence(sound, codec.sample_rate))
            first, second = (heard[number], sound) if heard else np.array_split(sound, 2)
            kept.append(float(voice(first) @ voice(second)))
        table.add_row(
            f"{temperature:g}",
            *(f"{each:.2f}" for each in (np.mean(scores), min(scores), np.mean(silences), max(silences))),
            *(f"{each:.2f}" for each in (np.mean(kept), min(kept))),
        )
    Console().print(table)


if __name__ == "__main__":
    run_script(main)
