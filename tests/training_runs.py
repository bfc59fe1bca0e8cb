"""Training scripts as processes that are run, stopped and killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A script of scripts/, under way."""
    return subprocess.Popen(
        [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT,
    )


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """What it said until it ended with this status."""
    with process:
        output = process.communicate()[0]
    assert process.returncode == status, output
    return output


def unbroken_run(script: str, factory: pytest.TempPathFactory, *arguments: object) -> tuple[Path, str]:
    """The folder of a run from start to end, and what it said."""
    out = factory.mktemp("runs") / "deep" / "unbroken"
    return out, finish(start(script, *arguments, "--out", out))


def finite_model(kind: Any, run: Path) -> Any:
    """The model that a run has made, of a class that is `Pretrained`: numbers all through."""
    model = kind.from_pretrained(run / "model")
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    return model


def events_of(run: Path) -> Any:
    """What TensorBoard has to show of a run."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(run / "tensorboard")).Reload()


def interrupt(process: subprocess.Popen[str], number: int, when: Callable[[], bool]) -> str:
    """Send a signal once something is so; what it said."""
    with process:
        try:
            while not when():
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.01)
            process.send_signal(number)
            return process.communicate()[0]
        finally:
            process.kill()


# main() of a script with several command lines, in one process because it takes long to import; processes that it
# starts import this file anew.
DRIVER = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
script = importlib.import_module(sys.argv[2])
import typer
from typer.testing import CliRunner
if __name__ == "__main__":
    app = typer.Typer()
    app.command()(script.main)
    results = [CliRunner().invoke(app, args) for args in json.loads(sys.argv[3])]
    print(json.dumps([[r.exit_code, r.output] for r in results]))
"""


def run_each(script: str, folder: Path, commands: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Exit status and output of each command line of a script of scripts/; `folder` is for a file."""
    (folder / "driver.py").write_text(DRIVER)
    done = subprocess.run(
        [sys.executable, folder / "driver.py", ROOT / "scripts", script.removesuffix(".py"), json.dumps(commands)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    return [(status, output) for status, output in json.loads(done.stdout.splitlines()[-1])]


def check_refusals(script: str, folder: Path, cases: Sequence[tuple[Sequence[str], str]]) -> None:
    """Each command line ends with status 1 and one line that has the text in it."""
    results = run_each(script, folder, [list(command) for command, _ in cases])
    for (status, output), (_, text) in zip(results, cases, strict=True):
        assert status == 1, output
        assert text in output
        assert len(output.strip().splitlines()) == 1, output


def saved(out: Path) -> dict[str, int]:
    """The steps of each phase in a run's last saved state; empty before the first.

    Read by hand, for `safe_open` opens a file twice and the run may put another in its place in between.
    """
    try:
        with open(out / "state.safetensors", "rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return {}
    return {name: int(value) for name, value in header["__metadata__"].items() if name not in ("version", "base")}
