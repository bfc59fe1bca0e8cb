"""`audiovq export neutone`, in an environment of its own: neutone_sdk takes an older NumPy than the tests do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from audiovq.cli.app import app

ROOT = Path(__file__).parents[3]
PYTHON = ROOT / ".venv-neutone" / "bin" / "python"


def test_without_neutone_sdk_a_line_says_what_to_do(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["export", "neutone", "-o", str(tmp_path / "out")])
    assert done.exit_code == 1 and "neutone_sdk" in done.output and "environment of its own" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not PYTHON.exists(), reason=".venv-neutone is not there; docs/plugins.md says how it is made")
def test_neutones_checks_pass_and_the_stream_is_the_codecs(tmp_path: Path) -> None:
    command = ["-c", "from audiovq.cli import main; main()", "export", "neutone", "-o", str(tmp_path)]
    done = subprocess.run([PYTHON, *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "exported successfully" in done.stderr
    beside = [
        ROOT / "plugins" / "hosts" / "neutone_stream.py",
        tmp_path / "model.nm",
        ROOT / "examples" / "speech.flac",
    ]
    done = subprocess.run([PYTHON, *beside], cwd=ROOT, capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        difference, loudest = map(float, line.split())
        assert difference < 1e-3 * loudest  # frame by frame rounds otherwise than a second at a time
