"""Shards made on a Ray cluster: actors of Ray Data hold the model, and Ray says who gets which shard and when."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..errors import InputError
from ..extras import load_extra
from .shard import Description, Maker, ShardJob, ShardSummary, Work, make_shard
from .storage import EXTRA

CONNECT_SECONDS = 10.0
RETRIES = 3  # of a shard whose actor or node is lost


class RayCluster:
    """The nodes of a cluster, which all reach source and result, and have this package installed.

    Args:
        address: of the head, "auto" for the one that runs on this machine, "local" for one that is started here.
        workers: actors at most; None: one for each core, or for each GPU.
        device: as torch names it; with "cuda" each actor has a GPU of its own.
    """

    def __init__(self, address: str, workers: int | None, device: str = "cpu") -> None:
        self.address, self.workers, self.device = address, workers, device

    def run(self, work: Work, jobs: Sequence[ShardJob], begin: Callable[[Description], None]) -> Iterator[ShardSummary]:
        """Make shards, in whatever order they are done; see `LocalProcesses.run`.

        Raises:
            InputError: no such cluster, or as of `LocalProcesses.run`.
        """
        ray = _connect(self.address)
        try:
            needs = {"num_gpus": 1} if self.device == "cuda" else {"num_cpus": 1}
            remote = ray.remote(max_retries=RETRIES, **needs)(_describe)
            described = _unpacked(ray.get(remote.remote(work, self.device)))
            begin(described)
            yield from self._all_of(ray, work, jobs, needs)
        except (ray.exceptions.RayError, ConnectionError) as error:
            said = " ".join(str(error).split())[:300]
            raise InputError(f"--ray {self.address}: the cluster lost what it had in hand: {said}") from error
        finally:
            ray.shutdown()

    def _all_of(self, ray: Any, work: Work, jobs: Sequence[ShardJob], needs: dict[str, int]) -> Iterator[ShardSummary]:
        """Shards of all jobs; what is left when the work ends with a node, as it may, is handed out anew."""
        left = {job.name: job for job in jobs}
        for tries in range(RETRIES + 1 if jobs else 0):
            try:
                for summary in self._through(ray, work, list(left.values()), needs):
                    del left[summary.name]
                    yield summary
                return
            except ray.exceptions.RayError:
                if tries == RETRIES:
                    raise

    def _through(self, ray: Any, work: Work, jobs: Sequence[ShardJob], needs: dict[str, int]) -> Iterator[ShardSummary]:
        data = load_extra("ray.data", EXTRA)
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        resource = "GPU" if "num_gpus" in needs else "CPU"
        most = min(len(jobs), self.workers or max(int(ray.cluster_resources().get(resource, 1)), 1))
        rows = [{"job": pickle.dumps(job)} for job in jobs]  # ours, to our own actors
        with warnings.catch_warnings():  # how retries are limited is to have another name in Ray 2.64
            warnings.simplefilter("ignore")
            made = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                ShardActor,
                fn_constructor_args=(work, self.device),
                batch_size=1,
                compute=data.ActorPoolStrategy(min_size=1, max_size=most),
                max_task_retries=RETRIES,
                **needs,
            )
        for row in made.iter_rows():
            yield _unpacked(row["result"])


class ShardActor:
    """Holds a model on a node, and makes shards."""

    def __init__(self, work: Work, device: str) -> None:
        self.maker: Maker | None = None
        self.problem = ""
        try:
            self.maker = work.load(device)
        except InputError as error:
            self.problem = str(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[bytes]]:
        results: list[Any] = []
        for job in batch["job"]:
            try:
                if self.maker is None:
                    raise InputError(self.problem)
                results.append(make_shard(pickle.loads(job), self.maker))
            except InputError as error:  # as a result: Ray would try again, and tell it with a traceback
                results.append(error)
        return {"result": [pickle.dumps(result) for result in results]}


def _describe(work: Work, device: str) -> bytes:
    try:
        return pickle.dumps(work.load(device).description)
    except InputError as error:
        return pickle.dumps(error)


def _unpacked(result: bytes) -> Any:
    value = pickle.loads(result)
    if isinstance(value, InputError):
        raise value
    return value


def _connect(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    for name in ("ray.data", "ray.data._internal"):  # what goes wrong is told by us, in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)
    ray = load_extra("ray", EXTRA)
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit():  # Ray asks for minutes before it says that nobody is there
            socket.create_connection((host.removeprefix("ray://"), int(port)), CONNECT_SECONDS).close()
        with open(os.devnull, "w") as silent, contextlib.redirect_stderr(silent):
            ray.init(address=address, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        said = " ".join(str(error).split())[:200]
        raise InputError(
            f"--ray {address}: expected a Ray cluster there, found none ({said}); `ray start --head` starts one"
        ) from None
    return ray
