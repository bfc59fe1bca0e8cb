"""The engine in WebAssembly beside onnxruntime-web: decodes of the same latents in turn, in one run of one Chromium.

    LATENTMIX_EXTRAS=test scripts/run python scripts/bench/bench_wasm.py

Fetches onnxruntime-web from npm into a temporary folder (or takes it, unpacked, from `--onnxruntime FOLDER`). Both
compute on one thread. `--before engine.wasm`, an engine built earlier (`livemix web --export` leaves it in the cache of
plugins), is asked in the same turns. Times are those of ten decodes by the page's clock; prints JSON: milliseconds of
one decode (median, quickest tenth), the ratios, the engine's memory, the bytes that each takes beside the weights, and
how many windows are equal.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from latentmix.cli import run_script
from midi_vae.onnx_export import onnx_files
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.plugins import make, single_page
from realtime.web.opening import opening_melodies
from scripts.browser_page import running_chromium

PACKAGE = "onnxruntime-web@1.22.0"
SCRIPTS = ("wasm.js", "engine.js")
PAGE = "<!doctype html>" + "".join(f'<script src="{name}"></script>' for name in ("ort/ort.wasm.min.js", *SCRIPTS))
# Times of `rounds` turns of ten decodes each, and the tokens of both.
BENCH = """async ([rounds, hasBefore]) => {
    const read = async (file) => new Uint8Array(await (await fetch(file)).arrayBuffer());
    const z = new Float32Array((await read("z.f32")).buffer);
    const weights = await read("weights.lmw"), engine = await Engine.create(await read("engine.wasm"), weights);
    const former = hasBefore ? await Engine.create(await read("before.wasm"), weights) : null;
    ort.env.wasm.numThreads = 1;
    ort.env.wasm.wasmPaths = new URL("ort/", location.href).href;
    const session = await ort.InferenceSession.create("decoder.onnx", { executionProviders: ["wasm"] });
    const size = engine.size, count = z.length / size;
    const decoder = (engine) => {
        const at = engine.c.malloc(4 * size), to = engine.c.malloc(128);
        return async (one) => {
            engine.floats(at, size).set(one);
            engine.c.lm_decode(engine.network, at, 1, to, 0, 0);
            return [...engine.ints(to, 32)];
        };
    };
    const ours = decoder(engine);
    const theirs = async (one) => {
        const said = await session.run({ latents: new ort.Tensor("float32", one, [1, size]) });
        return [...said.tokens.data].map(Number);
    };
    const all = [["ours", ours], ["theirs", theirs], ...(former ? [["before", decoder(former)]] : [])];
    const out = { ours: [], theirs: [], before: [], equal: 0, count, memory: engine.c.memory.buffer.byteLength };
    for (let i = 0; i < count; i++) {
        const one = z.slice(i * size, (i + 1) * size), a = await ours(one), b = await theirs(one);
        out.equal += a.every((token, k) => token === b[k]);
    }
    for (let turn = 0; turn < rounds; turn++)
        for (const [name, decode] of all) {
            const start = performance.now();
            for (let i = 0; i < 10; i++) {
                const which = (10 * turn + i) % count;
                await decode(z.subarray(which * size, (which + 1) * size));
            }
            out[name].push((performance.now() - start) / 10);
        }
    return out;
}"""


class Files(SimpleHTTPRequestHandler):
    """Files of a folder, without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def fetch(folder: Path) -> Path:
    """The unpacked package of onnxruntime-web."""
    subprocess.run(["npm", "pack", PACKAGE, "--silent"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    subprocess.run(["tar", "xzf", archive.name], cwd=folder, check=True)
    return folder / "package"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="turns of ten decodes each")] = 60,
    onnxruntime: Annotated[Path | None, typer.Option(help="onnxruntime-web, unpacked")] = None,
    before: Annotated[Path | None, typer.Option(help="engine.wasm of an earlier build")] = None,
) -> None:
    model = MelodyVAE.from_pretrained()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "ort").symlink_to((onnxruntime or fetch(folder)).resolve() / "dist")
        modules = make.wasm_modules()
        files = {
            "index.html": PAGE.encode(),
            # a class of a script is no property of the window, but seen by what is evaluated
            **{name: (single_page.STANDALONE / name).read_bytes() for name in SCRIPTS},
            "engine.wasm": modules["engine"],
            "weights.lmw": plugin_weights(model, "bench", "org.latentmix.bench", opening_melodies()),
            "decoder.onnx": onnx_files(model)["decoder.onnx"],
            "z.f32": model.sample_latents(100, seed=1).numpy().astype(np.float32).tobytes(),
        }
        if before is not None:
            files["before.wasm"] = before.read_bytes()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=scratch))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with running_chromium() as browser:
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            said = page.evaluate(BENCH, [rounds, before is not None])
            version = browser.version
        server.shutdown()
        runtime = sum((folder / "ort" / f"ort-wasm-simd-threaded.{end}").stat().st_size for end in ("wasm", "mjs"))
        figures: dict[str, object] = {"chromium": version, "equal": f"{said['equal']} of {said['count']}"}
        for share, name in ((0.5, "median_ms"), (0.1, "quickest_tenth_ms")):
            ours, theirs = (float(np.quantile(said[each], share)) for each in ("ours", "theirs"))
            row = {"engine": round(ours, 2), PACKAGE: round(theirs, 2), "ratio": round(ours / theirs, 3)}
            if before is not None:
                former = float(np.quantile(said["before"], share))
                row |= {"before": round(former, 2), "ratio to before": round(ours / former, 3)}
            figures[name] = row
        figures["memory_mb"] = round(said["memory"] / 1e6, 1)
        figures["bytes"] = {PACKAGE: runtime} | {
            name: {"instantiated": len(data), "deflated, as base64": len(single_page.packed(data))}
            for name, data in modules.items()
        }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    run_script(main)
