"""Shards made on a Ray cluster, as a crew: a process of its own speaks to Ray, which ends it when its head is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ..errors import InputError
from ..processes import worker_pool
from . import ray_driver
from .shard import Description, ShardJob, ShardSummary, Work


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
            InputError: no such cluster, or it is lost, or as of `LocalProcesses.run`.
        """
        from concurrent.futures.process import BrokenProcessPool

        given = (self.address, self.workers, self.device)
        try:
            with worker_pool(1, ray_driver.start, ()) as pool:
                connected = pool.submit(ray_driver.connect, *given)
                description = work.load("cpu").description  # meanwhile: on any device it is the same
                connected.result()
                begin(description)
                pool.submit(ray_driver.hand_out, work, jobs).result()
                while (summary := pool.submit(ray_driver.next_done).result()) is not None:
                    yield summary
        except BrokenProcessPool:
            raise InputError(
                f"--ray {self.address}: expected the head of the cluster to be there until all is done, found it "
                "lost; start a cluster, and the same command goes on"
            ) from None
