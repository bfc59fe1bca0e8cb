"""How quick the plugins' engine is, beside Python's live decoder and MusicVAE's, all in turn in one run on one thread.

    scripts/run python scripts/bench/bench_plugin.py [--musicvae WEIGHTS.npz]

Prints JSON: milliseconds of the processor for one decode (median, and the quickest tenth, which other programs on the
machine disturb least), ratios of both, the time of a line (33) and of a pad (17 x 17), of the drums' pad and of the
feel laid on it, what one call of the audio thread's part takes of a period of 64 frames at 48 kHz (by the clock), and
the memory of weights and of an instance.
"""

from __future__ import annotations

import ctypes
import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from latentmix.cli import run_script
from midi_vae.drums.vae import GrooveVAE
from midi_vae.plugin_grooves import groove_weights
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder
from realtime.plugins import sources
from realtime.plugins.compiler import SourceFile, find_compiler
from realtime.web.opening import opening_melodies

PATHS = ("avx512", "avx2", "plain")
PERIOD_US = 64 / 48_000 * 1e6
WARM_UPS = 20


def engine(library: ctypes.CDLL, data: bytes, path: str) -> Callable[[np.ndarray], None] | None:
    """Decodes latents (W, D) on one path of kernels; None where this machine has it not."""
    for name in ("lm_model_parse", "lm_network_new"):
        getattr(library, name).restype = ctypes.c_void_p
    model = library.lm_model_parse(data, ctypes.c_ulonglong(len(data)), path.encode(), None, 0)
    if not model:
        return None
    network = ctypes.c_void_p(library.lm_network_new(ctypes.c_void_p(model)))
    tokens = np.zeros((1024, 32), np.int32)

    def decode(z: np.ndarray) -> None:
        places = [each.ctypes.data_as(ctypes.c_void_p) for each in (z, tokens)]
        library.lm_decode(network, places[0], len(z), places[1], ctypes.c_float(0.0), 0)

    return decode


def main(
    musicvae: Annotated[Path | None, typer.Option(help="MusicVAE's mel_2bar_small decoder, .npz")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="decodes of each")] = 300,
) -> None:
    torch.set_num_threads(1)
    model = MelodyVAE.from_pretrained()
    data = plugin_weights(model, "bench", "org.latentmix.bench", opening_melodies())
    compiler = find_compiler()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        objects = compiler.objects(sources.engine(compiler.target), folder / "engine")
        library = ctypes.CDLL(str(compiler.link(objects, folder / "engine.so", ("-shared",))))
        made = {path: engine(library, data, path) for path in PATHS}
        engines = {path: decode for path, decode in made.items() if decode}
        live = Decoder(model)
        live.warm_up(1)
        decoders: dict[str, Callable[[np.ndarray], object]] = {"live decoder": live.decode, **engines}
        if musicvae:
            from bench_melody import read_musicvae  # type: ignore[import-not-found]  # beside this script

            theirs = read_musicvae(musicvae)
            decoders["MusicVAE"] = lambda z: theirs(torch.from_numpy(z))
        z = model.sample_latents(64, seed=1).numpy()
        times: dict[str, list[float]] = {name: [] for name in decoders}
        with torch.inference_mode():
            for turn in range(WARM_UPS + rounds):
                one = np.ascontiguousarray(z[turn % len(z)][None])
                for name, decode in decoders.items():
                    start = time.thread_time()
                    decode(one)
                    times[name].append(time.thread_time() - start)
        figures: dict[str, object] = {}
        for share, name in ((0.5, "median_ms"), (0.1, "quickest_tenth_ms")):
            at = {each: 1e3 * float(np.quantile(taken[WARM_UPS:], share)) for each, taken in times.items()}
            figures[name] = {each: round(value, 3) for each, value in at.items()}
            for other in ("live decoder", "MusicVAE"):
                if other in at:
                    figures[f"{name} over {other}"] = {path: round(at[path] / at[other], 3) for path in engines}
        figures["line_ms"], figures["pad_ms"] = (
            {path: round(1e3 * min(timed(decode, z, count) for _ in range(5)), 1) for path, decode in engines.items()}
            for count in (33, 289)
        )
        figures["drum_pad_ms"] = drum_pads(library, list(engines))
        host = SourceFile(sources.source_folder() / "hosts" / "audio_thread.cpp", ("-fno-builtin",))
        objects = compiler.objects([host, *sources.device(compiler.target)], folder / "device")
        program = compiler.link(objects, folder / "audio_thread", ("-ldl", "-pthread"))
        (folder / "weights.lmw").write_bytes(data)
        done = subprocess.run(
            [program, folder / "weights.lmw", "64", "50000"], capture_output=True, text=True, check=True
        )
        said = json.loads(done.stdout)
        figures["audio_thread"] = said | {
            f"{name}_of_period": round(said[f"{name}_us"] / PERIOD_US, 4) for name in ("p50", "p999")
        }
    print(json.dumps(figures, indent=2))


def drum_pads(library: ctypes.CDLL, paths: Sequence[str]) -> dict[str, dict[str, float]]:
    """Milliseconds for the 17 x 17 grooves of the drum plugin's pad: decoded, and given a drummer's feel."""
    model = GrooveVAE.from_pretrained()
    data, z = groove_weights(model, "bench", "org.latentmix.bench"), model.sample_latents(289, seed=1).numpy()
    library.lm_drums_parse.restype = ctypes.c_void_p
    cells, place = np.zeros((len(z), 32, 3, 9), np.float32), lambda array: array.ctypes.data_as(ctypes.c_void_p)
    figures: dict[str, dict[str, float]] = {}
    for path in paths:
        drums = ctypes.c_void_p(library.lm_drums_parse(data, ctypes.c_ulonglong(len(data)), path.encode(), None, 0))
        taken: dict[str, list[float]] = {"decoded": [], "feel": []}
        for _ in range(5):
            start = time.thread_time()
            library.lm_drums_decode(drums, place(z), len(z), place(cells), ctypes.c_float(0.0), 0)
            middle = time.thread_time()
            for each in cells:
                library.lm_drums_humanise(drums, place(each), 1, ctypes.c_float(120.0), ctypes.c_float(1.0))
            taken["decoded"].append(middle - start)
            taken["feel"].append(time.thread_time() - middle)
        figures[path] = {name: round(1e3 * float(np.median(each)), 1) for name, each in taken.items()}
        library.lm_drums_free(drums)
    return figures


def timed(decode: Callable[[np.ndarray], None], z: np.ndarray, count: int) -> float:
    """Seconds for so many latents at once."""
    many = np.ascontiguousarray(np.resize(z, (count, z.shape[1])))
    start = time.thread_time()
    decode(many)
    return time.thread_time() - start


if __name__ == "__main__":
    run_script(main)
