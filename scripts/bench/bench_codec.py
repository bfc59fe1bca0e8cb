"""Measure the speech codec at several rates, beside classical codecs and Lyra v2.

    scripts/run python scripts/bench/bench_codec.py DEV_FOLDER --out runs/bench --lab LAB --scorer codec_score.py \\
        --classical codec_anchors.sh --lyra lyra_anchor.py --lyra-weights lyra/

Every recording goes through an .avq file, whose bytes are counted, and back. Quality is measured by the scorer, which
runs in an environment of its own (LAB/venv) because its measures bring their own weights and versions: PESQ-WB, STOI,
DistillMOS, speaker cosine, dWER. Without --lab only rates, speed, usage and entropy coding are measured. Rows of other
systems are kept in OUT and not measured again.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import soundfile
import torch
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audiovq import Codec
from audiovq.audio_io.mono import find_recordings
from audiovq.audio_io.reader import open_source
from audiovq.cli.inspection import read_tokens
from audiovq.dsp.resampling import resampled
from latentmix.cli import run_script
from latentmix.errors import InputError

CONSOLE = Console()
RATE = 16000
SHOWN = {"codec2_3200": 3.2, "opus_6": 6.0}  # of what the classical script decodes
COLUMNS = ("kbps", "pesq_wb", "stoi", "distillmos", "spk", "dWER")


@dataclass(frozen=True)
class Coded:
    """One rate.

    Attributes:
        kbps, raw_kbps: kbit/s of the files, and of their codes as plain bits.
        usage: share of the codes that occur.
        speed: seconds of audio a second, files to files and back.
        step: milliseconds of one thread in which a code frame, 20 ms, is coded and decoded as it comes; the median.
    """

    kbps: float
    raw_kbps: float
    usage: float
    speed: float
    step: float


def write_references(folder: Path, references: Path, count: int) -> list[str]:
    """Up to `count` recordings, spread over the folder, as 16 kHz mono WAV; their names."""
    paths = find_recordings(folder)
    references.mkdir(parents=True, exist_ok=True)
    names = []
    for i in np.unique(np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)):
        with open_source(paths[i]) as source:
            mono = (block.mean(0, keepdims=True) for block in source.blocks)
            samples = np.concatenate(list(resampled(mono, source.sample_rate, RATE)), 1)[0]
        soundfile.write(references / f"{paths[i].stem}.wav", samples, RATE)
        names.append(paths[i].stem)
    for old in references.glob("*.wav"):
        if old.stem not in names:
            old.unlink()
    return names


def code(codec: Codec, references: Path, names: list[str], kbps: float, out: Path) -> Coded:
    """Every reference to .avq bytes and back, on one thread."""
    out.mkdir(parents=True, exist_ok=True)
    size = seconds = spent = 0.0
    used: list[np.ndarray] = []
    for name in track(names, f"{kbps:g} kbit/s", console=CONSOLE, transient=True):
        began = time.perf_counter()
        stream = io.BytesIO()
        with open_source(references / f"{name}.wav") as source:
            made = codec.compress(source, stream, kbps)
        stream.seek(0)
        decoded = np.concatenate(list(codec.open(stream, name)), 1)
        spent += time.perf_counter() - began
        size, seconds = size + made.size, seconds + made.seconds
        soundfile.write(out / f"{name}.wav", decoded.T, RATE)
        stream.seek(0)
        used.append(read_tokens(stream, name, lambda: codec.coder)[0])
    codes = np.concatenate(used, 1)
    usage = np.mean([len(np.unique(row[row >= 0])) / codec.codes for row in codes])
    raw = (codes >= 0).sum() * np.log2(codec.codes) / seconds / 1000
    step = stepped(codec, references / f"{names[0]}.wav", codec.codebooks_for(kbps))
    return Coded(size * 8 / seconds / 1000, float(raw), float(usage), seconds / spent, step)


def stepped(codec: Codec, path: Path, codebooks: int) -> float:
    """Milliseconds of one thread that a code frame of a recording takes, coded and decoded one by one; the median."""
    samples, _ = soundfile.read(path, dtype="float32")
    model, spent = codec.model, []
    to_code, to_decode = model.initial_encoder_state(1), model.initial_decoder_state(1)
    for frame in torch.from_numpy(samples)[None].split(codec.hop, 1)[:-1]:
        began = time.thread_time()
        codes, to_code = model.encode_step(frame, to_code, codebooks)
        _, to_decode = model.decode_step(codes, to_decode)
        spent.append(time.thread_time() - began)
    return 1000.0 * float(np.median(spent))


def score(lab: Path, scorer: Path, references: Path, systems: dict[str, Path]) -> dict[str, dict[str, float]]:
    """What the scorer says of each folder of decoded recordings."""
    command = [lab / "venv/bin/python", scorer, references, *(f"{name}={folder}" for name, folder in systems.items())]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        raise InputError(f"{scorer}: expected scores, found {(done.stderr.strip().splitlines() or ['nothing'])[-1]}")
    rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {row["system"]: row for row in rows}


def decode_anchors(
    references: Path, out: Path, classical: Path | None, lyra: Path | None, weights: Path | None, lab: Path
) -> tuple[dict[str, float], dict[str, str]]:
    """Runs the other systems; kbit/s of each, and what Lyra says of its own speed."""
    kbps: dict[str, float] = {}
    speeds: dict[str, str] = {}
    if classical:
        subprocess.run(["bash", str(classical), str(references), str(out)], check=True)
        kbps |= SHOWN
    if lyra and weights:
        command = [lab / "venv/bin/python", lyra, weights, references, out]
        said = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout
        for rate, speed in re.findall(r"lyra ([\d.]+) kbps: ([\d.]+) x", said):
            speeds[f"lyra_{rate}"] = speed
        kbps["lyra_3.2"] = 3.2
    return kbps, speeds


def measure_anchors(
    references: Path, names: list[str], out: Path, lab: Path, scorer: Path, **tools: Path | None
) -> dict[str, Any]:
    """Rows of the other systems, from OUT/anchors.json if they are of the same recordings."""
    kept = out / "anchors.json"
    key = hashlib.sha256("\n".join([*names, *(str(bool(t)) for t in tools.values())]).encode()).hexdigest()
    if kept.is_file() and (found := json.loads(kept.read_text()))["key"] == key:
        return found["rows"]
    kbps, speeds = decode_anchors(references, out / "anchors", lab=lab, **tools)
    rows = score(lab, scorer, references, {name: out / "anchors" / name for name in kbps}) if kbps else {}
    for name, row in rows.items():
        row["kbps"] = kbps[name]
        if name in speeds:
            row["speed"] = float(speeds[name])
    kept.write_text(json.dumps({"key": key, "rows": rows}))
    return rows


def show(rows: dict[str, dict[str, Any]]) -> None:
    table = Table("system", *COLUMNS, "raw kbps", "saved %", "usage", "× real time", "step, ms")
    for name, row in rows.items():
        cells = [f"{row[c]:.3g}" if row.get(c) is not None else "" for c in COLUMNS]
        if "raw_kbps" in row:
            saved = 100 * (1 - row["kbps"] / row["raw_kbps"])
            cells += [f"{row['raw_kbps']:.2f}", f"{saved:.1f}", f"{row['usage']:.3f}"]
        else:
            cells += ["", "", ""]
        cells += [f"{row['speed']:.0f}" if "speed" in row else "", f"{row['step']:.2f}" if "step" in row else ""]
        table.add_row(name, *cells)
    CONSOLE.print(table)


def main(
    speech: Annotated[Path, typer.Argument(help="folder of recordings that the model was not trained on")],
    out: Annotated[Path, typer.Option(help="folder for what is decoded")],
    model: Annotated[str, typer.Option(help="bundled name or folder of a checkpoint")] = "speech_16k",
    kbps: Annotated[str, typer.Option(help="rates, separated by commas")] = "0.5,1,1.5,3",
    count: Annotated[int, typer.Option(help="recordings")] = 1000,
    lab: Annotated[Path | None, typer.Option(help="folder whose venv has the measures")] = None,
    scorer: Annotated[Path | None, typer.Option(help="codec_score.py")] = None,
    classical: Annotated[Path | None, typer.Option(help="codec_anchors.sh")] = None,
    lyra: Annotated[Path | None, typer.Option(help="lyra_anchor.py")] = None,
    lyra_weights: Annotated[Path | None, typer.Option(help="folder of Lyra's weights")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON rather than a table")] = False,
) -> None:
    """Measure the codec on recordings, beside other codecs."""
    torch.set_num_threads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    try:
        names = write_references(speech, out / "reference", count)
        rows: dict[str, dict[str, Any]] = {}
        if lab and scorer:
            tools = {"classical": classical, "lyra": lyra, "weights": lyra_weights}
            rows |= measure_anchors(out / "reference", names, out, lab, scorer, **tools)
        codec = Codec.from_pretrained(model)
        for rate in map(float, kbps.split(",")):
            name = f"latentmix_{rate:g}"
            rows[name] = vars(code(codec, out / "reference", names, rate, out / name))
            if lab and scorer:
                rows[name] |= score(lab, scorer, out / "reference", {name: out / name})[name] | rows[name]
    except (InputError, OSError, ValueError, subprocess.CalledProcessError) as error:
        CONSOLE.print(str(error), highlight=False, soft_wrap=True, markup=False)
        raise typer.Exit(1) from None
    typer.echo(json.dumps({"recordings": len(names), "rows": rows}, indent=2)) if as_json else show(rows)


if __name__ == "__main__":
    run_script(main)
