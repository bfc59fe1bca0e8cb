"""Training scripts on two nodes, under torchrun or told what it tells: they learn as one process with two shares."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import soundfile
import torch
from fork_server import ForkedProgram
from safetensors.torch import load_file
from synthetic_speech import RATE, hiss, vowel
from toy_sounds import RATE as SOUND_RATE
from toy_sounds import SMALL, played, small_model
from training_runs import ENVIRONMENT, ROOT, events_of, finish_group, run_here, saved, start_group
from typer import Typer
from typer.testing import CliRunner

from audiovq.cli.app import app as audiovq
from audiovq.sound.config import SoundConfig
from midi_vae.cli.app import app as midi_vae

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
PATIENCE = 400  # seconds; only so that a test that hangs fails
TORCHRUN = "from torch.distributed.run import main; main()"
TWO_NODES = ["--nodes", 2, "--device", "cpu", "--threads", 1]
TINY = ["--width", 16, "--latent-size", 8, "--batch", 12, "--critic-steps", 3, "--steps", 8, "--prior-steps", 2]


@dataclass(frozen=True)
class Learned:
    """What a training script learns here, and how little of it."""

    script: str
    arguments: tuple[object, ...]
    phase: str


def corpus(app: Typer, folder: Path, *what: str) -> Path:
    """Of a folder, a shard for each file; those that cannot be used are left out."""
    out = folder.with_name("corpus")
    given = ["corpus", *what, str(folder), "-o", str(out), "-j", "1", "--shard-items", "1"]
    assert CliRunner().invoke(app, given).exit_code in (0, 1)
    return out


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder = tmp_path_factory.mktemp("speech") / "in"
    folder.mkdir()
    for i in range(4):
        sound = vowel(100 + 20 * i, 2.0, "aiu"[i % 3]) + hiss(2.0, 0.02, i)
        soundfile.write(folder / f"{i}.wav", sound, RATE)
    sizes = ["--encoder-width", 16, "--decoder-width", 16, "--latent-size", 8, "--batch", 3, "--frames", 12]
    when = ["--steps", 24, "--quantize-from", 0.2, "--judge-from", 0.5]
    return Learned("train_vq.py", (corpus(audiovq, folder, "label"), *sizes, *when), "codec")


@pytest.fixture(scope="module")
def drums(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder = tmp_path_factory.mktemp("drums") / "in"
    shutil.copytree(ROOT / "examples" / "drums", folder)
    sizes = ["--width", 16, "--latent-size", 16, "--batch", 4, "--steps", 60, "--feel-steps", 2, "--prior-steps", 2]
    return Learned("train_drums.py", (corpus(midi_vae, folder, "read", "--drums"), *sizes), "model")


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    folder = tmp_path_factory.mktemp("sounds") / "in"
    folder.mkdir()
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", played(110.0 * (i + 1), 1.5), SOUND_RATE)
    small_model(replace(SMALL, bands=SoundConfig.bands)).save_pretrained(folder.with_name("model"))
    sizes = ["--from", folder.with_name("model"), "--steps", 40, "--batch", 2, "--frames", 30]
    return Learned("train_sound.py", (corpus(audiovq, folder, "analyse"), *sizes), "sound")


@pytest.fixture(scope="module", params=["speech", "drums", "sounds"])
def streamed(request: pytest.FixtureRequest) -> Learned:
    found: Learned = request.getfixturevalue(request.param)
    return found


@pytest.fixture(scope="module")
def unbroken(streamed: Learned, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run on two nodes that nothing stopped."""
    folder = tmp_path_factory.mktemp("unbroken")
    arguments = [*streamed.arguments, "--save-every", 50, "--out", folder / "run"]
    finish_group(start_group(streamed.script, 2, 1, *arguments, *TWO_NODES))
    return folder / "run"


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
    command = [sys.executable, "-c", TORCHRUN, *how, ROOT / "scripts" / script, *arguments]
    command += TWO_NODES
    return [
        ForkedProgram(
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
    """What all said, once their processes have ended.

    Whoever ends last may remove the file that they met in before the other has seen in it that both are there; that
    torchrun then waits five minutes. So once one of them has ended, the other is not waited for.
    """
    end = time.monotonic() + PATIENCE
    try:
        while all(node.poll() is None for node in nodes):
            assert time.monotonic() < end
            time.sleep(0.05)
        said = [said_until_end(node) for node in nodes]
    finally:
        for node in nodes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(node.pid, signal.SIGKILL)  # nothing goes on after a test
    ended = {node.returncode for node in nodes} - {-signal.SIGKILL}
    assert ended == {status}, said
    return said


def run_alone(script: str, arguments: list[object]) -> None:
    run_here(script, *arguments, "--accumulate", 2, "--device", "cpu", "--threads", 1)


def curves(run: Path) -> dict[str, list[float]]:
    events = events_of(run)
    return {name: [each.value for each in events.Scalars(name)] for name in events.Tags()["scalars"]}


def assert_same_curves(one: Path, other: Path) -> None:
    found, wanted = curves(one), curves(other)
    losses = [name for name in wanted if name.endswith("/loss")]
    assert losses and found.keys() == wanted.keys()
    for name in losses:
        assert found[name] == pytest.approx(wanted[name], rel=2e-4), name


def test_melodies_are_streamed_to_two_nodes_as_to_one(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "in")
    arguments = [corpus(midi_vae, tmp_path / "in", "read"), *TINY, "--save-every", 4, "--out"]
    finish_group(start_group("train_melody.py", 2, 1, *arguments, tmp_path / "two", *TWO_NODES))
    run_alone("train_melody.py", [*arguments, tmp_path / "one"])
    assert_same_curves(tmp_path / "two", tmp_path / "one")


def test_speech_drums_and_sounds_are_streamed_to_two_nodes_as_to_one(
    tmp_path: Path, streamed: Learned, unbroken: Path
) -> None:
    run_alone(streamed.script, [*streamed.arguments, "--save-every", 50, "--out", tmp_path / "one"])
    assert_same_curves(unbroken, tmp_path / "one")


def test_who_is_lost_in_mid_epoch_stops_all_and_the_run_ends_as_if_nobody_had_been(
    tmp_path: Path, streamed: Learned, unbroken: Path
) -> None:
    arguments = [*streamed.arguments, "--save-every", 10, "--out", tmp_path / "run"]
    group = start_group(streamed.script, 2, 1, *arguments, *TWO_NODES)
    wait_for(lambda: saved(tmp_path / "run").get(streamed.phase, 0) >= 10, group)
    group[1].kill()
    said_by_those_left(streamed.script, group)
    stopped = saved(tmp_path / "run")[streamed.phase]
    assert 10 <= stopped < saved(unbroken)[streamed.phase]
    finish_group(start_group(streamed.script, 2, 1, *arguments, *TWO_NODES))
    found, wanted = (load_file(run / "state.safetensors") for run in (tmp_path / "run", unbroken))
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def below(pid: int) -> list[int]:
    """Its children; none of one that is gone."""
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def said_until_end(node: subprocess.Popen[str]) -> str:
    """What our process said; torchrun, which may wait five minutes for the one of a lost machine, is not waited for."""
    end = time.monotonic() + PATIENCE
    while node.poll() is None and (below(node.pid) or TORCHRUN not in node.args):
        assert time.monotonic() < end
        time.sleep(0.1)
    try:
        return node.communicate(timeout=5)[0]
    except subprocess.TimeoutExpired:
        os.killpg(node.pid, signal.SIGKILL)
        return node.communicate()[0]


def wait_for(is_so: Callable[[], bool], nodes: list[subprocess.Popen[str]]) -> None:
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end and all(node.poll() is None for node in nodes)
        time.sleep(0.02)


def said_by_those_left(script: str, nodes: list[subprocess.Popen[str]]) -> None:
    """One line, once, and no traceback before it."""
    said = "\n".join(said_until_end(node) for node in nodes)
    assert all(node.returncode for node in nodes)
    line = ": expected all processes of the run to go on, found that another one was lost; the same command"
    line = script.removesuffix(".py") + line
    assert said.count(line) == 1 and "Traceback" not in said.partition(line)[0], said


def test_a_node_that_is_lost_stops_all_with_a_line_and_the_run_goes_on(tmp_path: Path) -> None:
    arguments = [ROOT / "examples", *TINY, "--critic-steps", 3000, "--save-every", 5, "--out", tmp_path / "run"]
    nodes = start_nodes("train_melody.py", arguments, tmp_path / "meeting")
    wait_for((tmp_path / "run" / "state.safetensors").exists, nodes)
    (worker,) = below(nodes[1].pid)
    nodes[1].kill()
    os.kill(worker, signal.SIGKILL)
    said_by_those_left("train_melody.py", nodes)
    again = [ROOT / "examples", *TINY, "--save-every", 5, "--out", tmp_path / "run"]
    finish(start_nodes("train_melody.py", again, tmp_path / "meeting again"))
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
