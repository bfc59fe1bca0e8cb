"""From a source to shards: what is taken, what is left out, what a second run does, what a kill -9 leaves behind."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections import Counter
from pathlib import Path

import pytest
import toy_corpus
from toy_corpus import ToyWork, shard_bytes, wait_until, write_files
from training_runs import ENVIRONMENT, ROOT

from latentmix.corpus import state
from latentmix.corpus.build import Outcome, Size, build_corpus
from latentmix.corpus.items import find_items
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.reading import Corpus
from latentmix.corpus.storage import Folder
from latentmix.errors import InputError

SUFFIXES = {".dat"}


def build(source: object, out: Path, workers: int = 1, work: ToyWork | None = None, form: str = "parquet") -> Outcome:
    return build_corpus(work or ToyWork(), str(source), Folder(str(out)), LocalProcesses(workers), form, Size(4))


def ids(out: Path) -> list[str]:
    return [record["id"] for record in Corpus(str(out))]


def test_folders_globs_lists_and_shards_name_the_same_items(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "in", 6)
    wanted = [f"{'ab'[i % 2]}/{i:03}.dat" for i in (0, 2, 4, 1, 3, 5)]
    (folder / "list.txt").write_text("\n".join(wanted))
    (folder / "a" / ".hidden.dat").write_bytes(b"x")
    with tarfile.open(tmp_path / "part.tar", "w") as archive:
        for name in wanted:
            archive.add(folder / name, name)
    sources = {
        str(folder): "",
        str(folder / "*" / "*.dat"): "",
        str(folder / "list.txt"): "",
        str(tmp_path / "part.tar"): "part/",
    }
    for source, prefix in sources.items():
        found = find_items(source, SUFFIXES)
        assert [item.id for item in found] == [prefix + name for name in wanted], source
        for item in found:
            with item.local() as path:
                assert Path(path).read_bytes() == (folder / item.id.removeprefix("part/")).read_bytes()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("nothing", "expected files that end in .dat, or .tar shards with them, found none"),
        ("missing", "expected a folder, a glob, a list or an address, found nothing there"),
        ("twice.txt", "expected a name of its own for every item, found a.dat twice"),
        ("gone.txt", "expected something to read there, found nothing"),
        ("noise.tar", "expected an uncompressed WebDataset shard"),
        ("s4://bucket/x", "s4://bucket/x: cannot reach it: Protocol not known: s4"),
    ],
)
def test_sources_that_are_none_are_told_in_a_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "a.dat").write_bytes(b"a")
    (tmp_path / "twice.txt").write_text("a.dat\na.dat\n")
    (tmp_path / "gone.txt").write_text("a.dat\nb.dat\n")
    (tmp_path / "noise.tar").write_bytes(b"noise" * 300)
    with pytest.raises(InputError) as error:
        find_items(source if "://" in source else str(tmp_path / source), SUFFIXES)
    assert said in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("form", ["parquet", "webdataset"])
def test_shards_do_not_depend_on_the_number_of_workers(tmp_path: Path, form: str) -> None:
    source = write_files(tmp_path / "in", 11)
    for workers in (1, 3):
        build(source, tmp_path / str(workers), workers, form=form)
    made = shard_bytes(tmp_path / "1")
    assert len(made) == 3 and made == shard_bytes(tmp_path / "3")
    records = list(Corpus(str(tmp_path / "1")))
    for record in records:
        content = (source / record["id"]).read_bytes()
        assert record["codes"].tolist() == [list(content), [-each for each in content]]
        assert record["bytes"] == len(content) and record["levels"].tolist() == [each / 2 for each in content]
    assert len(records) == 11


def test_a_second_run_does_what_is_new_and_nothing_else(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 6), tmp_path / "out"
    (source / "bad.dat").write_bytes(b"bad")
    first = build(source, out)
    assert (first.new, first.manifest.rows) == (7, 6)
    assert first.manifest.left_out == (("bad.dat", "bad.dat: expected something good, found bad"),)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    again = build(source, out)
    assert again.new == 0 and again.manifest.left_out == first.manifest.left_out
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (source / "new.dat").write_bytes(b"new")
    (source / "bad.dat").write_bytes(b"mended")
    third = build(source, out)
    assert third.new == 2 and not third.manifest.left_out
    assert len(ids(out)) == len(set(ids(out))) == 8 and {"bad.dat", "new.dat"} < set(ids(out))
    assert all(before[name] == (out / name).stat().st_mtime_ns for name in before if name.startswith("shard"))


def test_what_is_mixed_up_is_told_in_a_line(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 5), tmp_path / "out"
    build(source, out)
    with pytest.raises(InputError, match="expected shards as before, parquet, found a wish for webdataset"):
        build(source, out, form="webdataset")
    (source / "more.dat").write_bytes(b"more")
    with pytest.raises(
        InputError, match=r"expected toy.bytes of model a, as its shards have, found toy.bytes of model b"
    ):
        build(source, out, work=ToyWork("b"))
    (source / "a" / "000.dat").write_bytes(b"another")
    with pytest.raises(InputError, match=r"000.dat: expected the file that is in the corpus already .* found another"):
        build(source, out)
    assert len(ids(out)) == 5
    build(source, other := tmp_path / "other", work=ToyWork("b"))
    shutil.copy(other / "shard-000000.parquet", out / "shard-000000.parquet")
    with pytest.raises(InputError, match=r"shard-000000.parquet: expected toy.bytes of model a, .* of model b"):
        ids(out)


def test_another_source_is_told_and_the_same_one_moved_is_not(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 5), tmp_path / "out"
    build(source, out)
    before = shard_bytes(out)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "new.dat").write_bytes(b"new")
    with pytest.raises(InputError) as error:
        build(tmp_path / "other", out)
    assert str(error.value) == (
        f"{out}: expected files of {source}, as it was made of so far, found {tmp_path / 'other'} with none of them; "
        "give that source, or another folder"
    )
    source.rename(tmp_path / "moved")
    assert build(tmp_path / "moved", out).new == 0 and shard_bytes(out) == before
    for path in (tmp_path / "moved").glob("*/*.dat"):  # used up
        path.unlink()
    (tmp_path / "moved" / "new.dat").write_bytes(b"new")
    with pytest.raises(InputError, match=r"expected files of .*/in, as it was made of so far"):
        build(tmp_path / "moved", out)
    (tmp_path / "moved").rename(source)
    assert build(source, out).new == 1 and shard_bytes(out).items() > before.items()


@pytest.mark.parametrize("half", [True, False])
def test_files_of_a_corpus_that_are_cut_or_are_none_are_told_with_what_to_do(tmp_path: Path, half: bool) -> None:
    source, out = write_files(tmp_path / "in", 5), tmp_path / "out"
    build(source, out)
    before = shard_bytes(out)
    for name, what, then in (
        (
            "manifest.json",
            "latentmix.corpus version 1",
            "remove it, and the command that made the corpus writes it anew",
        ),
        ("shard-000000.json", "the summary of a shard", "remove it, and the same command makes its shard anew"),
        ("plan-00000.jsonl", "a plan of shards", "make the corpus anew in another folder"),
    ):
        whole = (out / name).read_bytes()
        (out / name).write_bytes(whole[: len(whole) // 2] if half else b"[" * 200_000)
        with pytest.raises(InputError) as error:
            build(source, out)
        said = str(error.value)
        assert said.startswith(f"{out / name}: expected {what}, found ") and said.endswith(then) and "\n" not in said
        (out / name).write_bytes(whole)
        if "remove it" in then:  # and so it is
            (out / name).unlink()
            build(source, out)
            assert (out / name).read_bytes() == whole and shard_bytes(out) == before


def test_a_shard_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 9), tmp_path / "out"
    build(source, out)
    before = shard_bytes(out)
    (out / "shard-000001.parquet").unlink()
    with pytest.raises(InputError, match="found nothing there; the command that made the corpus makes it anew"):
        ids(out)
    assert build(source, out).new == 4
    assert shard_bytes(out) == before


def test_a_killed_worker_costs_nothing(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", 9)
    (source / "k.dat").write_bytes(b"kill " + bytes(tmp_path / "killed"))
    build(source, tmp_path / "out", 2)
    assert (tmp_path / "killed").exists()
    build(source, tmp_path / "calm")
    assert shard_bytes(tmp_path / "out") == shard_bytes(tmp_path / "calm")
    assert Counter(ids(tmp_path / "out")).most_common(1)[0][1] == 1


def test_an_item_that_kills_each_worker_is_named(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", 5)
    (source / "k.dat").write_bytes(b"kill always")
    with pytest.raises(
        InputError, match=r"expected to make shard-000001, found its process killed 3 times.*b/003.dat to k.dat"
    ):
        build(source, tmp_path / "out", 2)
    (source / "k.dat").unlink()


def start_run(source: Path, out: Path, workers: int, seconds: float, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, toy_corpus.__file__, source, out, str(workers), str(seconds)],
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        cwd=ROOT,
        preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))) if limit else None,
    )


def family_of(pid: int) -> list[int]:
    children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [each for child in children for each in (child, *family_of(child))]


def is_alive(pid: int) -> bool:
    """One that has ended and that nobody has asked for, as in a container whose first process asks for none, is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_driver_costs_nothing_and_leaves_no_worker(tmp_path: Path, workers: int) -> None:
    source, out = write_files(tmp_path / "in", 16), tmp_path / "out"
    with start_run(source, out, workers, 0.05) as run:
        wait_until(lambda: list(out.glob("shard-*.parquet")))
        children = family_of(run.pid)
        run.kill()
    assert len(list(out.glob("shard-*.json"))) < 4
    wait_until(lambda: not any(is_alive(child) for child in children))
    with pytest.raises(InputError, match="expected a complete corpus, found one under way"):
        Corpus(str(out))
    (source / "new.dat").write_bytes(b"new")
    build(source, out)
    assert len(ids(out)) == len(set(ids(out))) == 17
    (source / "new.dat").unlink()
    build(source, tmp_path / "calm")
    calm = shard_bytes(tmp_path / "calm")
    assert {name: shard_bytes(out)[name] for name in calm} == calm
    assert not [path for path in out.iterdir() if path.name.startswith(".") or "running" in path.name]


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 8), tmp_path / "out"
    with start_run(source, out, 1, 0.2) as run:
        wait_until(lambda: (out / "running.json").exists())
        with pytest.raises(InputError, match=f"expected nobody at work in it, found process {run.pid} on "):
            build(source, out)
        assert run.wait() == 0, run.stderr and run.stderr.read()
    assert build(source, out).new == 0


def test_what_somebody_is_writing_is_left_to_them(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 2), tmp_path / "out"
    out.mkdir()
    written = out / ".shard-00000.parquet.1234.tmp"
    with state.alone_in(Folder(str(out))):
        written.write_bytes(b"half")
        with pytest.raises(InputError, match="expected nobody at work in it"):
            build(source, out)
        assert written.exists()
    build(source, out)
    assert not written.exists()


def test_who_has_not_signed_yet_is_waited_for_and_two_who_find_one_left_behind_do_not_both_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = write_files(tmp_path / "in", 2), tmp_path / "out"
    out.mkdir()
    lock, other = out / "running.json", {"host": "another", "pid": 1, "token": "x", "time": time.time()}
    lock.touch()  # somebody has just made it
    monkeypatch.setattr(state.time, "sleep", lambda seconds: lock.write_text(json.dumps(other)))
    with pytest.raises(InputError, match="expected nobody at work in it, found process 1 on another"):
        build(source, out)
    lock.write_text(json.dumps(other | {"time": 0.0}))  # left behind, and another one finds it too

    def steal(seconds: float) -> None:
        if lock.exists() and json.loads(lock.read_text())["token"] != other["token"]:  # ours, by now
            lock.write_text(json.dumps(other))

    monkeypatch.setattr(state.time, "sleep", steal)
    with pytest.raises(InputError, match="expected nobody at work in it, found process 1 on another"):
        build(source, out)


def test_a_full_disk_is_told_and_nothing_is_left_half_written(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 4), tmp_path / "out"
    (source / "z.dat").write_bytes(os.urandom(100_000))
    with start_run(source, out, 1, 0.0, 20_000) as run:
        said = run.stderr.read() if run.stderr else ""
    assert run.returncode == 1 and "shard-000001.parquet: cannot write the file: File too large" in said
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []
    with start_run(source, tmp_path / "none", 1, 0.0, 10) as run:  # not even the sign that somebody is at work
        said = run.stderr.read() if run.stderr else ""
    assert run.returncode == 1 and "running.json: cannot write it: " in said and not list((tmp_path / "none").iterdir())
    build(source, out)
    assert len(ids(out)) == 5


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", 2)
    with pytest.raises(InputError, match="/proc/corpus: cannot make the folder"):
        build(source, Path("/proc/corpus"))


def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 12), tmp_path / "out"
    with start_run(source, out, 2, 0.05) as run:
        wait_until(lambda: list(out.glob("shard-*.parquet")))
        run.send_signal(signal.SIGINT)
        assert run.wait() != 0
    assert not (out / "running.json").exists()
    build(source, out)
    assert len(ids(out)) == len(set(ids(out))) == 12
