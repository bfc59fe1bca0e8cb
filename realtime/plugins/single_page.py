"""The mixer as one HTML file that needs no server: engine, weights and melodies are inside, as base64.

It opens from a disk or any static host; nothing is fetched.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from latentmix.errors import check_count
from latentmix.files import check_target, replace_file
from midi_vae.music.melody import Melody

STANDALONE = Path(__file__).parent / "standalone"
SCRIPTS = ("engine.js", "midi.js", "app.js")
MAX_SLOTS = 4


def page(engine: bytes, weights: bytes) -> str:
    """The file's text.

    Args:
        engine: WebAssembly (`make.wasm_engine`).
        weights: what `midi_vae.plugin_weights` makes of a model.
    """
    text = (STANDALONE / "page.html").read_text(encoding="utf-8")
    script = "".join((STANDALONE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for mark, content in (
        ("@SCRIPT@", script),
        ("@WASM@", base64.b64encode(engine).decode()),
        ("@WEIGHTS@", base64.b64encode(weights).decode()),
    ):
        text = text.replace(mark, content)
    return text


def export(path: Path, model: str, melodies: Sequence[Melody]) -> int:
    """Write the page of a model with 1 to 4 melodies, of which two bars are taken; how many bytes.

    Raises:
        InputError: another number of melodies, no such model, no engine and nothing to build it with.
    """
    check_count(len(melodies), 1, MAX_SLOTS, "melodies for a page without a server")
    check_target(path)
    from midi_vae.plugin_weights import plugin_weights
    from midi_vae.vae import MelodyVAE

    from . import make

    weights = plugin_weights(MelodyVAE.from_pretrained(model), make.NAME, make.PLUGIN_ID, melodies)
    data = page(make.wasm_engine(), weights).encode()
    replace_file(path, data)
    return len(data)
