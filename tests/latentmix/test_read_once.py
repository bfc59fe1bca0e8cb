"""What a run of several processes learns from: the same for all, and what one of them meets is told by that one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from toy_corpus import ToyWork, write_files

from latentmix import training
from latentmix.corpus.build import build_corpus
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.storage import Folder
from latentmix.errors import InputError
from latentmix.read_once import open_corpus
from latentmix.run_state import RunState
from latentmix.training import TrainingRun, in_one_line


class TwoProcesses:
    """Fabric as one of two sees it; the first one finds what it is told."""

    world_size, device = 2, torch.device("cpu")

    def __init__(self, first: str | None = None) -> None:
        self.first = first

    def broadcast(self, own: str) -> str:
        return own if self.first is None else self.first

    def all_reduce(self, value: torch.Tensor, reduce_op: str) -> torch.Tensor:
        return value


def test_a_corpus_is_the_same_for_all_processes(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 3), tmp_path / "out"
    build_corpus(ToyWork(), str(source), Folder(str(out)), LocalProcesses(1))
    alike = TwoProcesses()
    assert open_corpus(alike, str(out), "toy.bytes") and open_corpus(alike, str(source), "toy.bytes") is None
    for address in (out, source):
        with pytest.raises(InputError, match="expected the same corpus for all processes, found another one or none"):
            open_corpus(TwoProcesses("another"), str(address), "toy.bytes")
    with pytest.raises(InputError, match=r"expected records of toy\.codes, found"):
        open_corpus(alike, str(out), "toy.codes")


@pytest.mark.parametrize("in_a_step", [True, False])
def test_what_one_process_meets_in_a_step_is_told_by_that_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_a_step: bool
) -> None:
    monkeypatch.setattr(training, "_is_first", lambda: False)
    run = TrainingRun(RunState(tmp_path / "state", {"model": torch.nn.Linear(1, 1)}, ("model",)), 1)

    def advance(step: int) -> Any:
        raise InputError("shard-000001.parquet: expected a shard, found none")

    with pytest.raises(SystemExit) as ended, in_one_line("train_toy"):
        if in_a_step:
            run.train("model", 1, {}, advance)
        advance(0)
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said == ("train_toy: shard-000001.parquet: expected a shard, found none\n" if in_a_step else "")
