"""What the process does that speaks to Ray: it hands shards to actors of Ray Data; Ray says who gets which and when.

Its functions are called one after another, in the order in which they stand here.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from ..errors import InputError
from ..extras import load_extra
from .shard import Maker, ShardJob, ShardSummary, Work, make_shard
from .storage import EXTRA

CONNECT_SECONDS = 10.0
HEAD_SECONDS = 30  # without its head after which a cluster is lost
RETRIES = 3  # of a shard whose actor or node is lost

_cluster: list[Cluster] = []  # of this process
_summaries: list[Iterator[ShardSummary]] = []


def start() -> None:
    """What Ray reads when it is imported; and what it says when it ends this process nobody is to see."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", str(HEAD_SECONDS))
    with open(os.devnull, "w") as silent:
        os.dup2(silent.fileno(), 2)
    for name in ("ray.data", "ray.data._internal"):  # what goes wrong is told by us, in a line
        logging.getLogger(name).setLevel(logging.CRITICAL)


def connect(address: str, workers: int | None, device: str) -> None:
    """Become part of a cluster.

    Raises:
        InputError: there is none, or it has no such device.
    """
    _cluster.append(Cluster(address, workers, device))


def hand_out(work: Work, jobs: Sequence[ShardJob]) -> None:
    """Begin with shards."""
    _summaries.append(_cluster[0].summaries(work, jobs))


def next_done() -> ShardSummary | None:
    """Wait for the next shard that is done; None: all are, and the cluster is left.

    Raises:
        InputError: it cannot be made, or the cluster cannot go on.
    """
    return next(_summaries[0], None)


class Cluster:
    """A connection to a cluster; arguments as of `cluster.RayCluster`."""

    def __init__(self, address: str, workers: int | None, device: str) -> None:
        self.address, self.workers, self.device = address, workers, device
        self.ray = load_extra("ray", EXTRA)
        host, _, port = address.rpartition(":")
        try:
            if host and port.isdigit():  # Ray asks for minutes before it says that nobody is there
                socket.create_connection((host.removeprefix("ray://"), int(port)), CONNECT_SECONDS).close()
            self.ray.init(address=address, logging_level="ERROR", log_to_driver=False)
        except (ConnectionError, ValueError, RuntimeError, OSError) as error:
            said = " ".join(str(error).split())[:200]
            raise InputError(
                f"--ray {address}: expected a Ray cluster there, found none ({said}); `ray start --head` starts one"
            ) from None
        has = self.ray.cluster_resources()
        if device == "auto":
            self.device = "cuda" if has.get("GPU", 0) >= 1 else "cpu"
        self.resource = "GPU" if self.device == "cuda" else "CPU"
        self.units = int(has.get(self.resource, 0))
        if not self.units:
            raise InputError(
                f"--ray {address}: expected a node with a {self.resource} for --device {device}, found none"
            )

    def summaries(self, work: Work, jobs: Sequence[ShardJob]) -> Iterator[ShardSummary]:
        """Of all shards, as they are done; what is left where the work ends with a node is handed out anew."""
        left = {job.name: job for job in jobs}
        try:
            for tries in range(RETRIES + 1 if jobs else 0):
                try:
                    for summary in self.through(work, list(left.values())):
                        del left[summary.name]
                        yield summary
                    break
                except self.ray.exceptions.RayError:
                    if tries == RETRIES:
                        raise
        except (self.ray.exceptions.RayError, ConnectionError) as error:
            said = " ".join(str(error).split())[:300]
            raise InputError(f"--ray {self.address}: the cluster lost what it had in hand: {said}") from error
        self.ray.shutdown()

    def through(self, work: Work, jobs: Sequence[ShardJob]) -> Iterator[ShardSummary]:
        """Shards through actors that each hold a model, all of them started at once."""
        data = load_extra("ray.data", EXTRA)
        context = data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = False
        rows = [{"job": pickle.dumps(job)} for job in jobs]  # ours, to our own actors
        with warnings.catch_warnings():  # how retries are limited is to have another name in Ray 2.64
            warnings.simplefilter("ignore")
            made = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                ShardActor,
                fn_constructor_args=(work, self.device),
                batch_size=1,
                compute=data.ActorPoolStrategy(size=min(len(jobs), self.workers or self.units)),
                max_task_retries=RETRIES,
                **{f"num_{self.resource.lower()}s": 1},
            )
        for row in made.iter_rows():
            summary = pickle.loads(row["result"])
            if isinstance(summary, InputError):
                raise summary
            yield summary


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
