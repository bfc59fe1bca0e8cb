"""Corpora on real parts: a Ray cluster of two nodes on this machine, and an object storage on loopback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import soundfile
import toy_corpus
from object_storage import VARIABLES, object_storage
from synthetic_speech import RATE, vowel
from toy_corpus import shard_bytes, wait_until, write_files
from training_runs import ENVIRONMENT, ROOT

from latentmix.corpus.build import Size, build_corpus
from latentmix.corpus.cluster import RayCluster
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.reading import Corpus
from latentmix.corpus.shard import ShardJob, ShardSummary
from latentmix.corpus.storage import Folder

pytestmark = [pytest.mark.slow, pytest.mark.cluster]
PROGRAM = Path(sys.executable).parent / "audiovq"


class Nodes:
    """The cluster, from the test's side."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "ray_nodes.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=ENVIRONMENT | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "RAY_USAGE_STATS_ENABLED": "0"},
        )
        self.address = self._line("address ").split()[1]

    def _line(self, start: str) -> str:
        assert self.process.stdout
        for line in self.process.stdout:
            if line.startswith(start):
                return line
        raise AssertionError("the cluster ended")

    def do(self, what: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(what + "\n")
        self.process.stdin.flush()
        self._line("done")

    def end(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    cluster = Nodes()
    yield cluster
    cluster.end()


def workers_of(pid: int) -> list[int]:
    """Processes of actors that hold a model, among those that a process started."""
    found = []
    for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        try:
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::MapWorker"):
                found.append(child)
            found += workers_of(child)
        except OSError:  # it has just ended
            continue
    return found


def start_toy(source: str, out: str, crew: str, seconds: float, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, toy_corpus.__file__, source, out, crew, str(seconds)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"} | environment,
    )


def finish(run: subprocess.Popen[str], status: int = 0) -> str:
    with run:
        said = run.communicate()[1]
    assert run.returncode == status, said
    return said


def build_calmly(source: Path, out: Path) -> dict[str, bytes]:
    build_corpus(toy_corpus.ToyWork(), str(source), Folder(str(out)), LocalProcesses(1), size=Size(4))
    return shard_bytes(out)


def test_codes_are_the_same_on_two_nodes_of_which_a_worker_is_killed(tmp_path: Path, nodes: Nodes) -> None:
    (tmp_path / "in").mkdir()
    for i in range(12):
        soundfile.write(tmp_path / "in" / f"{i}.wav", vowel(90 + 10 * i, 0.3 + 0.25 * (i % 5)), RATE)
    command = [str(PROGRAM), "corpus", "encode", str(tmp_path / "in"), "--shard-items", "3", "-o"]
    subprocess.run([*command, str(tmp_path / "local"), "--jobs", "1"], env=ENVIRONMENT, check=True, capture_output=True)
    ray = [*command, str(tmp_path / "ray"), "--ray", nodes.address]
    with subprocess.Popen(ray, env=ENVIRONMENT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        wait_until(lambda: workers_of(nodes.process.pid))
        os.kill(workers_of(nodes.process.pid)[0], signal.SIGKILL)
        said = run.communicate()
    assert run.returncode == 0, said
    made = shard_bytes(tmp_path / "ray")
    assert len(made) == 4 and made == shard_bytes(tmp_path / "local")
    again = subprocess.run(ray, env=ENVIRONMENT, capture_output=True, text=True)
    assert again.stdout == f"{tmp_path / 'ray'}: nothing new; 12 items in 4 shards\n"


def test_a_lost_node_costs_nothing(tmp_path: Path, nodes: Nodes) -> None:
    source, out = write_files(tmp_path / "in", 24), tmp_path / "out"
    run = start_toy(str(source), str(out), nodes.address, 0.3)
    wait_until(lambda: len(workers_of(nodes.process.pid)) == 2 and list(out.glob("shard-*.json")))
    nodes.do("lose")
    finish(run)
    nodes.do("join")
    assert shard_bytes(out) == build_calmly(source, tmp_path / "calm")
    assert len({record["id"] for record in Corpus(str(out))}) == len(Corpus(str(out))) == 24


def test_a_killed_driver_on_a_cluster_costs_nothing(tmp_path: Path, nodes: Nodes) -> None:
    source, out = write_files(tmp_path / "in", 16), tmp_path / "out"
    with start_toy(str(source), str(out), nodes.address, 0.2) as run:
        wait_until(lambda: list(out.glob("shard-*.json")))
        run.kill()
    assert len(list(out.glob("shard-*.json"))) < 4
    finish(start_toy(str(source), str(out), nodes.address, 0.0))
    assert shard_bytes(out) == build_calmly(source, tmp_path / "calm")


def test_a_cluster_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    said = finish(start_toy(str(write_files(tmp_path / "in", 2)), str(tmp_path / "out"), "127.0.0.1:9", 0.0), 1)
    assert "--ray 127.0.0.1:9: expected a Ray cluster there, found none" in said and "Traceback" not in said


@pytest.fixture(scope="module")
def storage() -> Iterator[dict[str, str]]:
    with object_storage() as environment:
        yield environment


def test_object_storage_is_a_source_and_a_place(
    tmp_path: Path, storage: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_files(tmp_path / "in", 12)
    calm = build_calmly(source, tmp_path / "calm")
    for name in VARIABLES:
        monkeypatch.setenv(name, storage[name])
    for path in source.glob("*/*.dat"):
        Folder("s3://corpora/in").write(f"{path.parent.name}/{path.name}", path.read_bytes())
    out = Folder("s3://corpora/out")
    with start_toy("s3://corpora/in", out.address, "1", 0.6, **storage) as run:
        wait_until(lambda: "shard-000000.json" in out.names())
        said = finish(start_toy("s3://corpora/in", out.address, "1", 0.0, **storage), 1)
        assert "expected nobody at work in it, found process" in said
        run.kill()
    assert "shard-000002.json" not in out.names()
    finish(start_toy("s3://corpora/in/*/*.dat", out.address, "2", 0.0, **storage))
    assert {name: out.read(name) for name in calm} == calm
    assert sorted(record["id"] for record in Corpus(out.address)) == sorted(
        str(path.relative_to(source)) for path in source.glob("*/*.dat")
    )
    before = out.names()
    finish(start_toy("s3://corpora/in", out.address, "2", 0.0, **storage))
    assert out.names() == before and "running.json" not in before
    Folder("s3://corpora/in").write("a/000.dat", b"another")
    said = finish(start_toy("s3://corpora/in", out.address, "2", 0.0, **storage), 1)
    assert "a/000.dat: expected the file that is in the corpus already" in said
    said = finish(start_toy("s3://missing/in", out.address, "2", 0.0, **storage), 1)
    assert "s3://missing/in: expected something to read there, found nothing" in said


def test_an_address_without_rights_is_told_in_a_line(tmp_path: Path) -> None:
    with object_storage(asks_for_rights=True) as environment:
        source = write_files(tmp_path / "in", 2)
        for places in (("s3://corpora/in", str(tmp_path / "out")), (str(source), "s3://corpora/out")):
            said = finish(start_toy(*places, "1", 0.0, **environment), 1)
            assert said.startswith("s3://corpora/") and "expected the right to" in said
            assert said.count("\n") == 1


class LostOnce:
    """A cluster whose work ends with a node, once, after the first shard."""

    def __init__(self, ray: Any) -> None:
        self.ray, self.asked = ray, []

    def __call__(self, ray: Any, work: object, jobs: Sequence[ShardJob], needs: object) -> Iterator[ShardSummary]:
        self.asked.append([job.name for job in jobs])
        yield ShardSummary(jobs[0].name, 1, 1)
        if len(self.asked) == 1:
            raise self.ray.exceptions.ActorUnavailableError("the node is gone", None)
        yield from (ShardSummary(job.name, 1, 1) for job in jobs[1:])


def test_what_is_left_when_a_node_takes_the_work_with_it_is_handed_out_anew() -> None:
    import ray

    cluster, lost = RayCluster("auto", 1), LostOnce(ray)
    cluster._through = lost  # type: ignore[method-assign]
    jobs = [ShardJob(Folder("out"), f"shard-{i}", (), "parquet") for i in range(3)]
    made = [summary.name for summary in cluster._all_of(ray, toy_corpus.ToyWork(), jobs, {})]
    assert made == ["shard-0", "shard-1", "shard-2"]
    assert lost.asked == [["shard-0", "shard-1", "shard-2"], ["shard-1", "shard-2"]]
