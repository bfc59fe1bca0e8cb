"""Draw the pictures of `docs/`: a morph of two sounds as spectrograms, by a model, and by fading one into the other.

scripts/run python scripts/make/make_sound_pictures.py --model sound_48k
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from audiovq.audio_io.mono import read_mono
from audiovq.sound.model import SoundModel
from audiovq.sound.morph import encode, steps_between
from audiovq.training.sound_picture import draw_spectrograms
from latentmix.cli import run_script
from latentmix.training import in_one_line

ROOT = Path(__file__).resolve().parents[2]
STEPS = 5


def main(
    first: Annotated[Path, typer.Argument(help="a recording")] = ROOT / "examples" / "reed.flac",
    second: Annotated[Path, typer.Argument(help="another one")] = ROOT / "examples" / "bell.flac",
    model: Annotated[str, typer.Option(help="by name or folder")] = SoundModel.default,
    out: Annotated[Path, typer.Option(help="PNG to write")] = ROOT / "docs" / "sound-morph.png",
) -> None:
    """Draw the morph of two sounds."""
    with in_one_line("make_sound_pictures"):
        sounds = SoundModel.from_pretrained(model)
        rate = sounds.config.sample_rate
        a, b = (read_mono(path, rate) for path in (first, second))
        length = min(len(a), len(b))
        a, b = a[:length], b[:length]
        shares = np.linspace(0.0, 1.0, STEPS)
        morph = list(steps_between(sounds, encode(sounds, a), encode(sounds, b), STEPS))
        faded = [((1.0 - share) * a + share * b).astype(np.float32) for share in shares]
        names = [f"{share:.0%} {second.stem}" for share in shares]
        rows = [(f"morph, {name}", x) for name, x in zip(names, morph, strict=True)]
        rows += [(f"crossfade, {name}", x) for name, x in zip(names, faded, strict=True)]
        draw_spectrograms(out, rows, rate, columns=STEPS)
        typer.echo(str(out))


if __name__ == "__main__":
    run_script(main)
