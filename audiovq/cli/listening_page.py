"""A page to listen to and look at sounds: one file, which opens from disk and asks nothing of any network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from latentmix.errors import InputError
from latentmix.files import replace_file

from ..training.sound_picture import spectrograms_png

MAX_SECONDS = 1800.0  # of all sounds: a page holds them, a third larger than FLAC
PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }}
figure {{ margin: 0 0 2rem; }} img {{ width: 100%; height: auto; border-radius: .3rem; }} audio {{ width: 100%; }}
figcaption {{ font-weight: 600; }}
</style></head>
<body><h1>{title}</h1>
{sounds}
</body></html>
"""
SOUND = """<figure><figcaption>{name}</figcaption>
<img alt="spectrogram of {name}: time to the right, frequency upwards" src="data:image/png;base64,{picture}">
<audio controls preload="metadata" aria-label="{name}" src="data:audio/flac;base64,{audio}"></audio></figure>"""


def write_page(page: str, title: str, sounds: Sequence[tuple[str, np.ndarray]], sample_rate: int) -> None:
    """Sounds (name, samples (T,)) with their spectrograms, in the order given; the page is whole or not there.

    Raises:
        InputError: they are longer than `MAX_SECONDS`, or it cannot be written.
    """
    seconds = sum(len(each) for _, each in sounds) / sample_rate
    if seconds > MAX_SECONDS:
        raise InputError(f"{page}: expected at most {MAX_SECONDS:g} s of sound in a page, found {seconds:.0f}")
    parts = [
        SOUND.format(
            name=html.escape(name),
            picture=_text(spectrograms_png([("", each)], sample_rate)),
            audio=_flac(each, sample_rate),
        )
        for name, each in sounds
    ]
    replace_file(Path(page), PAGE.format(title=html.escape(title), sounds="\n".join(parts)).encode())


def _flac(samples: np.ndarray, sample_rate: int) -> str:
    stream = io.BytesIO()
    soundfile.write(stream, samples.clip(-1.0, 1.0), sample_rate, "PCM_16", format="FLAC")
    return _text(stream.getvalue())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
