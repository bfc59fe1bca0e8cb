"""The language model of docs/tokens.md, on codes that follow one another as regularly as can be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fork_server import run_forked

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "token_language_model.py"


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_forked([sys.executable, EXAMPLE, *map(str, arguments)], text=True)


def test_it_learns_from_a_folder_of_codes_and_says_something(tmp_path: Path) -> None:
    (tmp_path / "codes" / "deep").mkdir(parents=True)
    for name in ("a", "deep/b"):
        np.save(tmp_path / "codes" / f"{name}.npy", np.tile(np.arange(6, dtype=np.int16).reshape(2, 3), 60))
    done = run(tmp_path / "codes", "-o", tmp_path / "said.npy", "--steps", 12, "--seconds", 0.4)
    assert done.returncode == 0, done.stderr
    first, last = (float(line.split()[2]) for line in done.stdout.splitlines())
    assert first > 9.5 > last
    said = np.load(tmp_path / "said.npy")
    assert (said.shape, said.dtype) == ((2, 20), np.int16)


def test_codes_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 9), np.int16))
    np.save(tmp_path / "b.npy", np.zeros((3, 9), np.int16))
    done = run(tmp_path, "-o", tmp_path / "said.npy")
    assert done.returncode == 1
    assert "expected .npy files of audiovq tokens --codebooks Q, all of the same Q" in done.stderr
