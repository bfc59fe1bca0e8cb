"""What is being recorded is on the disk long before the end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mido
import pytest
from virtual_players import A, EngineBench, small_model, wait_for

from realtime.cli import recording


@pytest.fixture
def bench() -> Iterator[EngineBench]:
    bench = EngineBench()
    bench.open(small_model())
    yield bench
    bench.engine.close()


def test_what_was_played_is_written_meanwhile(
    bench: EngineBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recording, "KEEP_SECONDS", 0.01)
    path = tmp_path / "take.mid"
    with recording.keeping(bench.engine, path, A):
        bench.engine.set("record", True)
        wait_for(lambda: bool(bench.engine.snapshot().values["record"]))
        bench.engine.start()
        bench.settled()
        bench.go_on(2.0)
        wait_for(path.is_file)
        first = mido.MidiFile(path).length
        assert first > 0.5
        bench.go_on(4.0)
        wait_for(lambda: mido.MidiFile(path).length > first + 2.0)
        assert capsys.readouterr().out == ""
    notes = len(bench.engine.recording())
    assert notes > 4 and capsys.readouterr().out == f"{path}: {notes} notes\n"
    assert [each.name for each in tmp_path.iterdir()] == ["take.mid"]
