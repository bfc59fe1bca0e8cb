"""Corpora on real parts: a Ray cluster of two nodes on this machine, and an object storage on loopback."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import soundfile
import toy_corpus
from fork_server import ForkedProgram
from object_storage import forbidden_google_storage, free_port, google_storage, object_storage
from synthetic_speech import RATE, vowel
from toy_corpus import shard_bytes, wait_until, write_files
from training_runs import ENVIRONMENT, ROOT

from latentmix.corpus.build import Size, build_corpus
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.ray_driver import Cluster
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


def family_of(pid: int) -> list[int]:
    """Processes that a process started, and those that they did."""
    try:
        children = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # it has just ended
        return []
    return [each for child in children for each in (child, *family_of(child))]


def workers_of(pid: int) -> list[int]:
    """Processes of actors that hold a model, among those that a process started."""
    found = []
    for child in family_of(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child}/cmdline").read_bytes().startswith(b"ray::MapWorker"):
                found.append(child)
    return found


def start_toy(
    source: str, out: str, crew: str, seconds: float, device: str = "cpu", **environment: str
) -> subprocess.Popen[str]:
    return ForkedProgram(
        [sys.executable, toy_corpus.__file__, source, out, crew, str(seconds), device],
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
    subprocess.run([*command, str(tmp_path / "local"), "--jobs", "2"], env=ENVIRONMENT, check=True, capture_output=True)
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


def test_each_actor_has_a_gpu_of_its_own_where_that_is_asked_for(tmp_path: Path, nodes: Nodes) -> None:
    (tmp_path / "in").mkdir()
    for i in range(6):
        (tmp_path / "in" / f"{i}.dat").write_bytes(b"device")
    finish(start_toy(str(tmp_path / "in"), str(tmp_path / "out"), nodes.address, 0.0, "cuda"))
    told = [bytes(record["codes"][0].astype("uint8")) for record in Corpus(str(tmp_path / "out"))]
    assert (
        told == [b"cuda, GPU 0"] * 6
    )  # of a node that says that it has one: no GPU is needed to see what is asked for


@contextlib.contextmanager
def a_head() -> Iterator[tuple[str, list[int]]]:
    """The address of a cluster of one node that `ray start` made, and its processes."""
    port, client, agent = free_port(), free_port(), free_port()
    options = f"--port {port} --ray-client-server-port {client} --dashboard-agent-listen-port {agent}"
    ray = [str(PROGRAM.parent / "ray"), "start", "--head", "--block", "--num-cpus", "1", "--num-gpus", "0"]
    more = ["--include-dashboard", "false", "--object-store-memory", "80000000"]
    with subprocess.Popen(
        [*ray, *more, *options.split()],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=ENVIRONMENT | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "RAY_USAGE_STATS_ENABLED": "0"},
    ) as started:
        try:
            assert started.stdout and any("--block" in line for line in started.stdout)
            yield f"127.0.0.1:{port}", [*family_of(started.pid), started.pid]
        finally:
            for pid in (*family_of(started.pid), started.pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def test_a_lost_head_is_told_in_a_line_and_what_is_done_is_kept(tmp_path: Path) -> None:
    source, out = write_files(tmp_path / "in", 80), tmp_path / "out"
    with a_head() as (address, processes):
        said = finish(start_toy(str(source), str(out), address, 0.0, "cuda"), 1)
        assert said == f"--ray {address}: expected a node with a GPU for --device cuda, found none\n"
        soon = {"RAY_gcs_rpc_server_reconnect_timeout_s": "3"}
        run = start_toy(str(source), str(out), address, 0.2, **soon)
        wait_until(lambda: list(out.glob("shard-*.json")))
        for pid in processes:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        said = finish(run, 1)
    assert said == (
        f"--ray {address}: expected the head of the cluster to be there until all is done, found it lost; start a "
        "cluster, and the same command goes on\n"
    )
    done = {path: path.stat().st_mtime_ns for path in out.glob("shard-*.json")}
    assert 0 < len(done) < 20 and not (out / "running.json").exists()
    assert build_calmly(source, out) == build_calmly(source, tmp_path / "calm")
    assert all(path.stat().st_mtime_ns == time for path, time in done.items())


def test_a_cluster_that_is_none_is_told_in_a_line(tmp_path: Path) -> None:
    said = finish(start_toy(str(write_files(tmp_path / "in", 2)), str(tmp_path / "out"), "127.0.0.1:9", 0.0), 1)
    assert "--ray 127.0.0.1:9: expected a Ray cluster there, found none" in said and "Traceback" not in said


@pytest.mark.parametrize(("scheme", "server"), [("s3", object_storage), ("gs", google_storage)])
def test_object_storage_is_a_source_and_a_place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    server: Callable[[], AbstractContextManager[dict[str, str]]],
) -> None:
    source = write_files(tmp_path / "in", 12)
    calm = build_calmly(source, tmp_path / "calm")
    files = Folder(f"{scheme}://corpora/in")
    with server() as storage:
        for name, value in storage.items():
            monkeypatch.setenv(name, value)
        for path in source.glob("*/*.dat"):
            files.write(f"{path.parent.name}/{path.name}", path.read_bytes())
        out = Folder(f"{scheme}://corpora/out")
        with start_toy(files.address, out.address, "1", 0.6, **storage) as run:
            wait_until(lambda: "shard-000000.json" in out.names())
            run.send_signal(signal.SIGSTOP)  # still at work, however long the other one takes to begin
            said = finish(start_toy(files.address, out.address, "1", 0.0, **storage), 1)
            assert "expected nobody at work in it, found process" in said
            run.kill()
        assert "shard-000002.json" not in out.names()
        finish(start_toy(f"{files.address}/*/*.dat", out.address, "2", 0.0, **storage))
        assert {name: out.read(name) for name in calm} == calm
        assert sorted(record["id"] for record in Corpus(out.address)) == sorted(
            str(path.relative_to(source)) for path in source.glob("*/*.dat")
        )
        before = out.names()
        assert finish(start_toy(files.address, out.address, "2", 0.0, **storage)) == ""
        assert out.names() == before and "running.json" not in before
        files.write("a/000.dat", b"another")
        said = finish(start_toy(files.address, out.address, "2", 0.0, **storage), 1)
        assert "a/000.dat: expected the file that is in the corpus already" in said
        said = finish(start_toy(f"{scheme}://missing/in", out.address, "2", 0.0, **storage), 1)
        assert f"{scheme}://missing/in: expected something to read there, found nothing" in said


@pytest.mark.parametrize(
    ("scheme", "server"), [("s3", partial(object_storage, asks_for_rights=True)), ("gs", forbidden_google_storage)]
)
def test_an_address_without_rights_is_told_in_a_line(
    tmp_path: Path, scheme: str, server: Callable[[], AbstractContextManager[dict[str, str]]]
) -> None:
    with server() as environment:
        source = write_files(tmp_path / "in", 2)
        for places in ((f"{scheme}://corpora/in", str(tmp_path / "out")), (str(source), f"{scheme}://corpora/out")):
            said = finish(start_toy(*places, "1", 0.0, **environment), 1)
            assert said.startswith(f"{scheme}://corpora/") and "expected the right to" in said
            assert said.count("\n") == 1


class LostOnce:
    """A cluster whose work ends with a node, once, after the first shard."""

    def __init__(self, ray: Any) -> None:
        self.ray, self.asked = ray, []

    def __call__(self, work: object, jobs: Sequence[ShardJob]) -> Iterator[ShardSummary]:
        self.asked.append([job.name for job in jobs])
        yield ShardSummary(jobs[0].name, 1, 1)
        if len(self.asked) == 1:
            raise self.ray.exceptions.ActorUnavailableError("the node is gone", None)
        yield from (ShardSummary(job.name, 1, 1) for job in jobs[1:])


def test_what_is_left_when_a_node_takes_the_work_with_it_is_handed_out_anew() -> None:
    import ray

    cluster, lost = object.__new__(Cluster), LostOnce(ray)
    cluster.ray, cluster.address, cluster.through = ray, "auto", lost  # type: ignore[method-assign]
    jobs = [ShardJob(Folder("out"), f"shard-{i}", (), "parquet") for i in range(3)]
    made = [summary.name for summary in cluster.summaries(toy_corpus.ToyWork(), jobs)]
    assert made == ["shard-0", "shard-1", "shard-2"]
    assert lost.asked == [["shard-0", "shard-1", "shard-2"], ["shard-1", "shard-2"]]
