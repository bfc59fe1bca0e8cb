"""The mixer as one HTML file that needs no server: engine, reader of MIDI files, weights and melodies are inside.

They are deflated, as base64. It opens from a disk or any static host; nothing is fetched.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from latentmix.errors import check_count
from latentmix.files import check_target, replace_file
from midi_vae.music.melody import Melody
from midi_vae.plugin_limits import PLUGIN_PIECES

STANDALONE = Path(__file__).parent / "standalone"
SCRIPTS = ("wasm.js", "engine.js", "reader.js", "midi.js", "app.js")
SUFFIXES = (".html", ".htm")


def page(modules: Mapping[str, bytes], weights: bytes) -> str:
    """The file's text.

    Args:
        modules: WebAssembly, engine and reader (`make.wasm_modules`).
        weights: what `midi_vae.plugin_weights` makes of a model.
    """
    text = (STANDALONE / "page.html").read_text(encoding="utf-8")
    script = "".join((STANDALONE / name).read_text(encoding="utf-8") for name in SCRIPTS)
    for mark, content in (
        ("@SCRIPT@", script),
        *((f"@{name.upper()}@", packed(data)) for name, data in {**modules, "weights": weights}.items()),
    ):
        text = text.replace(mark, content)
    return text


def packed(data: bytes) -> str:
    """Deflated, which browsers undo by themselves, and as base64, a third more, for a page is text."""
    return base64.b64encode(zlib.compress(data, 9)).decode()


def export(path: Path, model: str, melodies: Sequence[Melody]) -> int:
    """Write the page of a model with 1 to 4 melodies, of which two bars are taken; how many bytes.

    Raises:
        InputError: another number of melodies, no such model, no engine and nothing to build it with.
    """
    check_count(len(melodies), 1, PLUGIN_PIECES, "melodies for a page without a server")
    check_target(path)
    from midi_vae.plugin_weights import plugin_weights
    from midi_vae.vae import MelodyVAE

    from . import make

    weights = plugin_weights(MelodyVAE.from_pretrained(model), make.NAME, make.PLUGIN_ID, melodies)
    data = page(make.wasm_modules(), weights).encode()
    replace_file(path, data)
    return len(data)
