"""The process that workers are forked from: begun early, and soon gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from audiovq.cli import early
from latentmix import processes


def test_the_process_that_workers_are_forked_from_looks_for_no_cycles_at_its_end():
    code = (
        "import atexit, gc\n"
        "atexit.register(lambda: print(gc.get_freeze_count() > 0, gc.isenabled()))\n"
        f"import {processes.FIRST}"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "True False\n"


@pytest.mark.parametrize("arguments, is_kept", [("corpus encode in -o out", True), ("compress in -o out", False)])
def test_workers_on_a_corpus_keep_the_memory_of_a_batch_for_the_next(monkeypatch, arguments, is_kept):
    begun: list[dict[str, str]] = []
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setattr(processes, "start_early", lambda modules: begun.append(dict(os.environ)))
    early.begin(arguments.split())
    assert [early.KEPT.items() <= each.items() for each in begun] == [True] * is_kept


def test_what_somebody_has_set_for_memory_stays(monkeypatch):
    monkeypatch.setattr(os, "environ", {"MALLOC_TRIM_THRESHOLD_": "1"})
    monkeypatch.setattr(processes, "start_early", lambda modules: None)
    early.begin(["corpus", "encode", "in", "-o", "out"])
    assert os.environ["MALLOC_TRIM_THRESHOLD_"] == "1"
