"""What a run of several processes learns from: the same for all, and what one of them meets is told by that one."""

from __future__ import annotations

import os
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
from latentmix.read_once import Found, open_corpus, read_once
from latentmix.run_state import RunState
from latentmix.training import TrainingRun, in_one_line


class TwoProcesses:
    """Fabric as one of two sees it; the first one finds what it is told."""

    world_size, device, is_global_zero = 2, torch.device("cpu"), True

    def __init__(self, first: str | None = None) -> None:
        self.first = first

    def broadcast(self, own: str | None) -> str | None:
        return own if self.first is None or own is None else self.first

    def all_reduce(self, value: torch.Tensor, reduce_op: str) -> torch.Tensor:
        return value


def test_a_corpus_is_the_same_for_all_processes(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 3), tmp_path / "out"
    build_corpus(ToyWork(), str(source), Folder(str(out)), LocalProcesses(1))
    alike, kept = TwoProcesses(), tmp_path / "kept"
    assert open_corpus(alike, str(source), "toy.bytes", kept) is None and open_corpus(
        alike, str(out), "toy.bytes", kept
    )
    for address in (out, source):
        with pytest.raises(InputError, match="expected the same corpus for all processes, found another one or none"):
            open_corpus(TwoProcesses("another"), str(address), "toy.bytes", tmp_path / "other")
    with pytest.raises(InputError, match=r"expected records of toy\.codes, found"):
        open_corpus(alike, str(out), "toy.codes", kept)


def test_a_run_does_not_go_on_with_what_it_did_not_learn_from(tmp_path: Path) -> None:
    source, out, kept = write_files(tmp_path / "in", 3), tmp_path / "out", tmp_path / "train.npy"
    build_corpus(ToyWork(), str(source), Folder(str(out)), LocalProcesses(1))

    def read(folder: Path) -> None:
        def found(tell: object) -> Found:
            if not list(folder.glob("*/*.dat")):
                raise InputError(f"{folder}: expected files, found none")
            kept.write_bytes(b"kept")
            return Found("some files")

        read_once(None, folder, kept, kept.is_file, found)

    with pytest.raises(InputError, match="expected files"):  # a slip is not held against the run
        read(tmp_path / "inn")
    read(source)
    read(source)
    for again in (lambda: read(tmp_path / "inn"), lambda: open_corpus(TwoProcesses(), str(out), "toy.bytes", kept)):
        with pytest.raises(InputError) as error:
            again()
        said = str(error.value)
        assert f"{kept}: expected what the run has learned from so far, {source}, found {tmp_path}/" in said
        assert said.endswith(f"if it was only moved, remove {kept}.source") and "\n" not in said
    assert open_corpus(TwoProcesses(), str(out), "toy.bytes", tmp_path / "dev")
    with pytest.raises(InputError, match=f"learned from so far, {out}, found {source}"):
        open_corpus(TwoProcesses(), str(source), "toy.bytes", tmp_path / "dev")


@pytest.mark.parametrize("name", [b"caf\xe9", b"mine "])
def test_a_run_goes_on_with_a_folder_of_any_name(name: bytes, tmp_path: Path) -> None:
    source, kept = tmp_path / os.fsdecode(name), tmp_path / "train.npy"
    try:
        source.mkdir()
    except OSError:
        pytest.skip("the system has no such names")
    for _ in range(2):
        assert open_corpus(TwoProcesses(), str(source), "toy.bytes", kept) is None
        read_once(None, source, kept, lambda: False, lambda tell: Found("some files"))


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
