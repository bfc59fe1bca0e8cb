"""Scripts as commands: what their input can cause is one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import pytest
import typer

from audiovq.audio_io.mono import find_recordings
from latentmix.cli import run_script

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


def main(folder: Annotated[Path, typer.Argument()]) -> None:
    find_recordings(folder)


def test_errors_of_input_end_a_script_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["/somewhere/bench_it.py", str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        run_script(main)
    assert end.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"bench_it: {tmp_path}: expected recordings in the folder, found none")


@pytest.mark.parametrize("script", sorted(SCRIPTS.rglob("*.py")), ids=lambda path: path.name)
def test_scripts_begin_alike_and_look_for_recordings_alike(script: Path) -> None:
    text = script.read_text()
    assert "typer.run(" not in text
    assert "in SUFFIXES" not in text or "audio_io" not in text
