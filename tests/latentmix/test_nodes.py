"""Training scripts under torchrun: two nodes of one process each, that learn as one process with two shares does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import soundfile
from synthetic_speech import RATE, hiss, vowel
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from training_runs import ENVIRONMENT, ROOT
from typer.testing import CliRunner

from midi_vae.cli.app import app

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
PATIENCE = 400  # seconds; only so that a test that hangs fails
TINY = ["--width", 16, "--latent-size", 8, "--batch", 12, "--critic-steps", 3, "--steps", 8, "--prior-steps", 2]


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    for i in range(4):
        sound = vowel(100 + 20 * i, 2.0, "aiu"[i % 3]) + hiss(2.0, 0.02, i)
        soundfile.write(folder / f"{i}.wav", sound, RATE)
    return folder


def start_nodes(script: str, arguments: list[object], meeting: Path) -> list[subprocess.Popen[str]]:
    """torchrun on two nodes, each of one process, on this machine.

    They meet in a file that is not there yet, so that no port has to be free; torch takes those that it needs itself.
    """
    how = ["--nnodes", 2, "--nproc-per-node", 1, "--max-restarts", 0, "--local-addr", "127.0.0.1"]
    how += [
        "--rdzv-backend",
        "c10d",
        "--rdzv-conf",
        "store_type=file",
        "--rdzv-id",
        "nodes",
        "--rdzv-endpoint",
        meeting,
    ]
    command = [sys.executable, "-m", "torch.distributed.run", *how, ROOT / "scripts" / script, *arguments]
    command += ["--nodes", 2, "--device", "cpu", "--threads", 1]
    return [
        subprocess.Popen(
            [*map(str, command)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=ENVIRONMENT,
            start_new_session=True,
        )
        for _ in range(2)
    ]


def finish(nodes: list[subprocess.Popen[str]], status: int = 0) -> list[str]:
    try:
        said = [node.communicate(timeout=PATIENCE)[0] for node in nodes]
    finally:
        for node in nodes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)  # nothing goes on after a test
    assert [node.returncode for node in nodes] == [status] * len(nodes), said
    return said


def run_alone(script: str, arguments: list[object]) -> None:
    command = [
        sys.executable,
        ROOT / "scripts" / script,
        *arguments,
        "--accumulate",
        2,
        "--device",
        "cpu",
        "--threads",
        1,
    ]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, env=ENVIRONMENT)
    assert done.returncode == 0, done.stdout + done.stderr


def curves(run: Path) -> dict[str, list[float]]:
    events = EventAccumulator(str(run / "tensorboard")).Reload()
    return {name: [each.value for each in events.Scalars(name)] for name in events.Tags()["scalars"]}


def assert_same_curves(one: Path, other: Path) -> None:
    found, wanted = curves(one), curves(other)
    losses = [name for name in wanted if name.endswith("/loss")]
    assert losses and found.keys() == wanted.keys()
    for name in losses:
        assert found[name] == pytest.approx(wanted[name], rel=2e-4), name


def test_melodies_are_streamed_to_two_nodes_as_to_one(tmp_path: Path) -> None:
    read = ["corpus", "read", str(ROOT / "examples"), "-o", str(tmp_path / "windows"), "-j", "1", "--shard-items", "1"]
    assert CliRunner().invoke(app, read).exit_code in (0, 1)  # those without a melody are left out
    arguments = [tmp_path / "windows", *TINY, "--save-every", 4, "--out"]
    finish(start_nodes("train_melody.py", [*arguments, tmp_path / "two"], tmp_path / "meeting"))
    run_alone("train_melody.py", [*arguments, tmp_path / "one"])
    assert_same_curves(tmp_path / "two", tmp_path / "one")


def test_speech_is_learned_on_two_nodes_as_on_one_codebooks_and_all(tmp_path: Path, speech: Path) -> None:
    arguments = [speech, "--steps", 22, "--quantize-from", 0.2, "--judge-from", 0.5, "--batch", 3, "--frames", 12]
    arguments += ["--encoder-width", 16, "--decoder-width", 16, "--latent-size", 8, "--save-every", 50, "--out"]
    finish(start_nodes("train_vq.py", [*arguments, tmp_path / "two"], tmp_path / "meeting"))
    run_alone("train_vq.py", [*arguments, tmp_path / "one"])
    assert_same_curves(tmp_path / "two", tmp_path / "one")


def below(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def said_until_end(node: subprocess.Popen[str]) -> str:
    """What our process said; torchrun, which may wait five minutes for the one of a lost machine, is not waited for."""
    end = time.monotonic() + PATIENCE
    while node.poll() is None and below(node.pid):
        assert time.monotonic() < end
        time.sleep(0.1)
    try:
        return node.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        os.killpg(node.pid, signal.SIGKILL)
        return node.communicate()[0]


@pytest.mark.parametrize("lost", ["process", "node"])
def test_who_is_lost_stops_all_with_a_line_and_the_run_goes_on(tmp_path: Path, lost: str) -> None:
    arguments = [ROOT / "examples", *TINY, "--critic-steps", 3000, "--save-every", 5, "--out", tmp_path / "run"]
    nodes = start_nodes("train_melody.py", arguments, tmp_path / "meeting")
    end = time.monotonic() + PATIENCE
    while not (tmp_path / "run" / "state.safetensors").exists():
        assert time.monotonic() < end and all(node.poll() is None for node in nodes)
        time.sleep(0.1)
    (worker,) = below(nodes[1].pid)
    if lost == "node":
        nodes[1].kill()
    os.kill(worker, signal.SIGKILL)
    said = "\n".join(said_until_end(node) for node in nodes)
    assert all(node.returncode for node in nodes)
    line = "train_melody: expected all processes of the run to go on, found that another one was lost; the same command"
    assert said.count(line) == 1 and "Traceback" not in said.partition(line)[0], said
    if lost == "node":  # what follows is the same
        return
    again = [ROOT / "examples", *TINY, "--save-every", 5, "--out", tmp_path / "run"]
    finish(start_nodes("train_melody.py", again, tmp_path / "meeting again"))
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
