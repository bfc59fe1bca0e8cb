"""Training scripts: as processes that are run, stopped and killed, or in this one."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer
from fork_server import ForkedProgram
from object_storage import free_port
from typer.testing import CliRunner

from latentmix.cli import grouped

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def start(
    script: str | Path, *arguments: object, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A script of scripts/, or of another path, under way; `environment` is told it besides."""
    return ForkedProgram(
        [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=ENVIRONMENT | dict(environment or {}),
    )


def start_group(script: str | Path, nodes: int, processes: int, *arguments: object) -> list[subprocess.Popen[str]]:
    """A script on so many nodes, each of so many processes, told what torchrun tells them, by rank.

    torchrun, and the processes that a script starts for `--devices`, take seconds to come to that. A script of ours
    is to be told `--nodes` and `--devices` too.
    """
    size = nodes * processes
    same = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port(), "TORCHELASTIC_RUN_ID": "group"}
    same |= {"WORLD_SIZE": size, "LOCAL_WORLD_SIZE": processes, "GROUP_WORLD_SIZE": nodes}
    group = []
    for rank in range(size):
        own = {"RANK": rank, "GROUP_RANK": rank // processes, "LOCAL_RANK": rank % processes}
        told = {name: str(value) for name, value in (same | own).items()}
        group.append(start(script, *arguments, environment=told))
    return group


def finish_group(group: Sequence[subprocess.Popen[str]], status: int = 0) -> list[str]:
    """What each said until all ended with this status; nobody goes on after a test."""
    try:
        return [finish(process, status) for process in group]
    finally:
        for process in group:
            process.kill()


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


@contextlib.contextmanager
def script_here(script: str) -> Iterator[ModuleType]:
    """A script of scripts/ as a module of this process, which keeps its handlers of signals and its warnings."""
    from latentmix.training import CONSOLE

    name = script.removesuffix(".py")
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    sys.modules[name] = module  # dataclasses look themselves up there
    width, CONSOLE.width = CONSOLE._width, int(ENVIRONMENT["COLUMNS"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            spec.loader.exec_module(module)
            yield module
    finally:
        CONSOLE._width = width
        del sys.modules[name]
        for number, handler in handlers.items():
            signal.signal(number, handler)


def run_each(script: str, commands: Sequence[Sequence[object]]) -> list[tuple[int, str]]:
    """Exit status and output of each command line of a script of scripts/, in this process: to import takes seconds."""
    with script_here(script) as module:
        app = typer.Typer()
        app.command()(grouped(module.main))
        results = [CliRunner().invoke(app, [*map(str, command)]) for command in commands]
    for result in results:
        if isinstance(result.exception, Exception):
            raise result.exception
    return [(result.exit_code, result.output) for result in results]


def run_here(script: str, *arguments: object) -> str:
    """What a script of scripts/ says, which ends well, in this process."""
    ((status, output),) = run_each(script, [arguments])
    assert status == 0, output
    return output


def check_refusals(script: str, cases: Sequence[tuple[Sequence[object], str]]) -> None:
    """Each command line ends with status 1 and one line that has the text in it."""
    results = run_each(script, [command for command, _ in cases])
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
