"""Every command takes recordings in alike: what is changed is said, and the pitch chooses the weights."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fork_server import run_forked
from synthetic_speech import RATE, vowel
from typer.testing import CliRunner, Result

import audiovq
from audiovq.bitstream.container import Reader
from audiovq.cli import app as cli
from audiovq.codec.choice import HIGH, USUAL
from audiovq.codec.codec import bundled_codec

SPEECH = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"
CALL = vowel(500.0, 1.0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, list(map(str, arguments)))


def weights_of(data: bytes) -> str:
    """Whose a compressed file is."""
    found = Reader(io.BytesIO(data)).header.model
    return next(name for name in (USUAL, HIGH) if bundled_codec(name).model.fingerprint == found)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody calls, at 500 Hz."""
    path = tmp_path_factory.mktemp("call") / "call.wav"
    soundfile.write(path, CALL, RATE)
    return path


def through_pipes(call: Path, output: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", "from audiovq.cli import main; main()", "compress", "-", "-o", output]
    return run_forked(command, call.read_bytes())


@pytest.mark.slow
def test_what_comes_through_a_pipe_is_coded_as_its_file_is(call: Path, tmp_path: Path) -> None:
    assert run("compress", call, "-o", tmp_path / "file.avq").exit_code == 0
    expected = (tmp_path / "file.avq").read_bytes()
    assert weights_of(expected) == HIGH
    assert through_pipes(call, str(tmp_path / "pipe.avq")).returncode == 0
    assert (tmp_path / "pipe.avq").read_bytes() == expected
    live = through_pipes(call, "-")  # is heard as it is spoken: nothing is waited for
    assert live.returncode == 0 and weights_of(live.stdout) == USUAL
    assert b"audiovq: -: pitched above 300 Hz" in live.stderr and b"--model high_voices_16k" in live.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_read_once(call: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.wav")
    feeding = threading.Thread(target=lambda: (tmp_path / "fifo.wav").write_bytes(call.read_bytes()))
    feeding.start()
    done = run("compress", tmp_path / "fifo.wav", "-o", tmp_path / "a.avq")
    feeding.join()
    assert done.exit_code == 0, done.output
    assert weights_of((tmp_path / "a.avq").read_bytes()) == HIGH


def test_the_function_chooses_as_the_command_does(call: Path, tmp_path: Path) -> None:
    data = audiovq.compress(CALL, RATE)
    assert weights_of(data) == HIGH and weights_of(audiovq.compress(CALL, RATE, model=USUAL)) == USUAL
    back, _ = audiovq.decompress(data)
    assert (
        abs(20 * np.log10(float(back.square().mean().sqrt()) / np.sqrt(np.square(CALL).mean()))) < 8
    )  # 15 and more with the others


def test_codes_that_say_not_whose_they_are_are_not_chosen_but_it_is_said(call: Path, tmp_path: Path) -> None:
    done = run("tokens", call, "-o", tmp_path / "a.npy")
    assert done.exit_code == 0 and "--model high_voices_16k" in done.stderr
    done = run("tokens", call, "-o", tmp_path / "b.npy", "--model", HIGH)
    assert done.exit_code == 0 and "--model" not in done.stderr


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two channels, quiet, with an offset."""
    samples, rate = soundfile.read(SPEECH, dtype="float32", frames=2 * RATE, start=RATE)
    path = tmp_path_factory.mktemp("odd") / "odd.wav"
    quiet = samples * 10 ** (-30 / 20)
    soundfile.write(path, np.stack([quiet, 0.9 * quiet], 1) + 0.02, rate, subtype="FLOAT")
    return path


CHANGES = "2 channels are mixed to one", "(rumble, or an offset), is taken out", "dB louder to be coded"


@pytest.mark.parametrize(
    "command",
    [("compress", "-o", "a.avq"), ("tokens", "-o", "a.npy"), ("continue", "--seconds", 0.2, "-o", "a.wav")],
    ids=lambda command: command[0],
)
def test_what_is_changed_is_said(command: tuple[object, ...], odd: Path, tmp_path: Path) -> None:
    what, *rest, output = command
    done = run(what, odd, *rest, tmp_path / str(output))
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert [sum(each in line for line in lines) for each in CHANGES] == [1, 1, 1], done.stderr
    assert all(line.startswith(f"audiovq: {odd}: ") for line in lines if not line.startswith("seed"))


def test_a_mix_says_it_of_each_and_gives_levels_back(odd: Path, tmp_path: Path) -> None:
    """Both ends are as loud as they were, and the middle between."""
    done = run("mix", odd, SPEECH, "--steps", 3, "--separate", "-o", tmp_path / "steps")
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    assert [sum(each in line for line in lines) for each in CHANGES] == [1, 1, 1]
    levels = [loudest(soundfile.read(path)[0]) for path in sorted((tmp_path / "steps").iterdir())]
    quiet = soundfile.read(odd)[0].mean(1)
    assert levels[0] == pytest.approx(loudest(quiet - quiet.mean()), abs=3)
    assert levels[2] == pytest.approx(loudest(soundfile.read(SPEECH)[0]), abs=3)
    assert levels[0] + 6 < levels[1] < levels[2] - 6
    assert run("mix", odd, SPEECH, "--steps", 3, "-o", tmp_path / "mix.wav").exit_code == 0
    together, steps = soundfile.read(tmp_path / "mix.wav")[0], len(soundfile.read(tmp_path / "steps/step-01.wav")[0])
    thirds = [loudest(together[i : i + steps - RATE // 10]) for i in range(0, 3 * steps, steps)]
    assert thirds == pytest.approx(levels, abs=1.5)


def loudest(samples: np.ndarray) -> float:
    """dB of the loudest half second."""
    pieces = np.square(samples[: len(samples) // 8000 * 8000]).reshape(-1, 8000).mean(1)
    return float(10 * np.log10(pieces.max()))


def test_what_is_the_same_of_many_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(7):
        soundfile.write(tmp_path / f"in/{number}.wav", np.zeros((1600, 2)), RATE)
    done = run("compress", tmp_path / "in", "-o", tmp_path / "out", "--jobs", 1, "--model", USUAL)
    assert done.exit_code == 0
    (line,) = [line for line in done.stderr.splitlines() if "mixed" in line]
    assert line.endswith("and 2 more: 2 channels are mixed to one; --channels keep keeps each")
    said = json.loads(run("mix", tmp_path / "in/0.wav", SPEECH, "-o", tmp_path / "m.wav", "--json").stdout)
    assert list(said["notices"].values()) == [["2 channels are mixed to one"]]
