"""`audiovq bench` and pages to listen to."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner, Result

from audiovq.cli import listening_page
from audiovq.cli.app import app

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


def run(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def sounds_of(page: Path) -> list[tuple[np.ndarray, int]]:
    """What can be heard on a page."""
    found = []
    for text in re.findall(r'src="data:audio/flac;base64,([^"]+)"', page.read_text()):
        held = page.with_suffix(".flac")
        held.write_bytes(base64.b64decode(text))
        found.append(soundfile.read(held))
    return found


def test_a_recording_is_tried_at_each_rate(tmp_path: Path) -> None:
    clip, rate = soundfile.read(EXAMPLE, stop=3 * 16_000)
    path = tmp_path / "a<b>[red].wav"
    soundfile.write(path, np.stack([clip, clip], 1), rate)
    done = run("bench", path, "--kbps", "1,3", "--html", tmp_path / "heard.html", "-o", tmp_path / "back", "--json")
    assert done.exit_code == 0, done.output
    low, high = json.loads(done.stdout)
    assert (low["kbps"], high["kbps"], low["recording"]) == (1.0, 3.0, "a<b>[red].wav")
    assert 0.5 < low["file_kbps"] <= 1.1 and 2.0 < high["file_kbps"] <= 3.3
    assert high["distance"] < low["distance"] < 12.0
    assert abs(high["louder"]) < 3.0
    assert all(each["encoding"] > 0.0 and each["decoding"] > 0.0 for each in (low, high))
    back, _ = soundfile.read(tmp_path / "back" / "a<b>[red]-3kbps.wav")
    heard = sounds_of(tmp_path / "heard.html")
    assert [len(each) for each, _ in heard] == [len(back)] * 3 == [3 * 16_000] * 3
    assert np.abs(heard[2][0] - back).max() < 1e-3
    page = (tmp_path / "heard.html").read_text()
    assert "a&lt;b&gt;[red].wav" in page and "a<b>" not in page and page.count("data:image/png;base64,iVBOR") == 3
    table = run("bench", path, "--kbps", "3")
    assert table.exit_code == 0 and "a<b>[red]"[:5] in table.output and "x real time" not in table.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kbps", "1,two"], "--kbps 1,two: expected rates in kbit/s"),
        (["--html", "page.txt"], "page.txt: expected a page that ends in .html"),
        (["--html", "none/page.html"], "none"),
        (["--kbps", "9"], "found 9"),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("bench", EXAMPLE, *words)
    assert done.exit_code == 1 and message in done.output and len(done.output.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_two_recordings_of_one_name_are_not_written_over_each_other(tmp_path: Path) -> None:
    clip, rate = soundfile.read(EXAMPLE, stop=8_000)
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        soundfile.write(tmp_path / folder / "talk.wav", clip, rate)
    done = run("bench", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "back")
    assert done.exit_code == 1 and "found talk twice" in done.output.replace("\n", " ")
    assert not (tmp_path / "back").exists()


def test_a_mix_can_be_heard_on_a_page(tmp_path: Path) -> None:
    clip, rate = soundfile.read(EXAMPLE, stop=16_000)
    for name in "ab":
        soundfile.write(tmp_path / f"{name}.wav", clip, rate)
    page = tmp_path / "mix.html"
    done = run(
        "mix", tmp_path / "a.wav", tmp_path / "b.wav", "--steps", 3, "--separate", "-o", tmp_path / "m", "--html", page
    )
    assert done.exit_code == 0, done.output
    assert f"{page}: to listen to and look at" in done.output.replace("\n", "")
    assert [len(each) for each, _ in sounds_of(page)] == [16_000] * 3
    done = run("mix", tmp_path / "a.wav", tmp_path / "b.wav", "-o", tmp_path / "m", "--separate", "--steps", 2)
    assert done.exit_code == 0 and "and 1 more: will be replaced" in done.output.replace("\n", " ")
    done = run("mix", tmp_path / "a.wav", tmp_path / "b.wav", "-o", "-", "--html", page)
    assert done.exit_code == 1 and "--html: expected files to show, found standard output" in done.output


def test_files_are_named_also_where_their_page_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening_page, "MAX_SECONDS", 0.05)
    path, page = tmp_path / "new.wav", tmp_path / "new.html"
    for more in ((), ("--json",)):
        done = run("sample", "-o", path, "--seconds", 0.1, "--seed", 1, "--html", page, *more)
        assert done.exit_code == 1 and "expected at most 0.05 s of sound in a page" in done.output.replace("\n", "")
        assert path.name in done.output and path.exists() and not page.exists()
        path.unlink()


def test_the_command_line_limits_threads_before_numpy_is_there() -> None:
    code = "import sys, audiovq.cli.app; print(sorted({'numpy', 'torch', 'soundfile'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
