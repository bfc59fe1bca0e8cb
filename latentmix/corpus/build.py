"""A source -> a corpus: what is new in it is planned, made into shards by whoever works, and written down as done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..errors import InputError
from .items import Item, check_unchanged, find_items, root_of
from .limits import FORMS, USUAL_SIZE, Size
from .records import SUFFIXES
from .shard import Description, ShardJob, ShardSummary, Work, cut_into_shards
from .state import (
    PLAN,
    Manifest,
    alone_in,
    read_manifest,
    read_plans,
    read_summary,
    write_plan,
)
from .storage import Folder, absolute


class Crew(Protocol):
    """Who makes the shards: `local.LocalProcesses`, `cluster.RayCluster`."""

    def run(self, work: Work, jobs: Sequence[ShardJob], begin: Callable[[Description], None]) -> Iterator[ShardSummary]:
        """Summaries of shards as they are done; `begin` is called before the first is made."""


@dataclass(frozen=True)
class Outcome:
    """What became of a source.

    Attributes:
        manifest: of the corpus as it is now.
        new: items that this run did.
        seconds: it took.
    """

    manifest: Manifest
    new: int
    seconds: float


def build_corpus(
    work: Work,
    source: str,
    out: Folder,
    crew: Crew,
    form: str = FORMS[0],
    size: Size = USUAL_SIZE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Make records of what is new in a source, or go on with a run that was stopped in whatever way.

    The items of a shard are decided before it is begun, and a shard is written at once: one that is made twice, because
    whoever made it first was killed before it could say so, is the same one.

    Args:
        progress: is told items done and in all.

    Raises:
        InputError: the source cannot be read, the corpus cannot be written or is another one's, a file changed under
            its name, or somebody else is at work on it.
    """
    start, root = time.perf_counter(), absolute(root_of(source))
    out.make()
    with alone_in(out):
        out.clear_away()
        manifest, plan = _plan(work, source, out, form, size)
        if not plan.left and manifest and manifest.is_complete:
            return Outcome(manifest, 0, time.perf_counter() - start)

        def begin(description: Description) -> None:
            _check_same(manifest, description, out)
            Manifest(description, form, False, source=root).write(out)
            if plan.new:
                write_plan(out, plan.number, plan.new)

        summaries, total, done = plan.summaries, sum(len(job.items) for job in plan.left), 0
        progress(0, total)
        for summary in crew.run(work, plan.left, begin):
            summaries[summary.name] = summary
            done += summary.rows + len(summary.left_out)
            progress(done, total)
        written = read_manifest(out)
        assert written is not None
        made = tuple(summaries[name] for name in sorted(summaries))
        bad = tuple(each for summary in made for each in summary.left_out if plan.latest[each[0]] == summary.name)
        manifest = Manifest(written.description, form, True, made, bad, root)
        manifest.write(out)
        return Outcome(manifest, total, time.perf_counter() - start)


@dataclass(frozen=True)
class _Plan:
    """What is to be done.

    Attributes:
        number: of plans that were made before.
        before, new: shards that were planned in earlier runs, and in this one.
        summaries: of those that are done.
    """

    number: int
    before: list[ShardJob]
    new: list[ShardJob]
    summaries: dict[str, ShardSummary]

    @property
    def left(self) -> list[ShardJob]:
        return [job for job in self.before + self.new if job.name not in self.summaries]

    @property
    def latest(self) -> dict[str, str]:
        """The shard of each item: the last one, for a bad file may have been mended."""
        return {item.id: job.name for job in self.before + self.new for item in job.items}


def _plan(work: Work, source: str, out: Folder, form: str, size: Size) -> tuple[Manifest | None, _Plan]:
    found = find_items(source, work.suffixes)
    manifest, names = read_manifest(out), set(out.names())
    if manifest and manifest.form != form:
        raise InputError(f"{out.address}: expected shards as before, {manifest.form}, found a wish for {form}")
    if manifest and work.settings != manifest.description.settings:
        raise InputError(
            f"{out.address}: expected the settings of the earlier run, {_told(manifest.description.settings)}, "
            f"found {_told(work.settings)}; give those, or another folder"
        )
    before = read_plans(out, sorted(names), form)
    _check_source(manifest, before, found, absolute(root_of(source)), out)
    summaries = {job.name: read_summary(out, job.name) for job in before if job.name + ".json" in names}
    lost = [name for name, each in summaries.items() if each.rows and name + SUFFIXES[form] not in names]
    summaries = {name: each for name, each in summaries.items() if name not in lost}
    groups = cut_into_shards(_new_items(found, before, summaries, source), size.items, size.size)
    new = [ShardJob(out, f"shard-{number:06}", items, form) for number, items in enumerate(groups, len(before))]
    return manifest, _Plan(sum(name.startswith(PLAN) for name in names), before, new, summaries)


def _check_source(
    manifest: Manifest | None, planned: Sequence[ShardJob], found: Sequence[Item], root: str, out: Folder
) -> None:
    """Raises InputError: the source is another one than before; the same that was moved has the same files."""
    known = {item.id for job in planned for item in job.items}
    if manifest and manifest.source not in ("", root) and known and known.isdisjoint(item.id for item in found):
        raise InputError(
            f"{out.address}: expected files of {manifest.source}, as it was made of so far, found {root} with none of "
            "them; give that source, or another folder"
        )


def _new_items(
    found: Sequence[Item], planned: Sequence[ShardJob], summaries: dict[str, ShardSummary], source: str
) -> list[Item]:
    """What no plan has; of what was left out, files that have changed since."""
    known = {item.id: item.version for job in planned for item in job.items}
    left_out = {id_ for summary in summaries.values() for id_, _ in summary.left_out}
    check_unchanged([item for item in found if item.id not in left_out], known, source)
    return [item for item in found if known.get(item.id) != item.version]


def _check_same(manifest: Manifest | None, description: Description, out: Folder) -> None:
    before = manifest.description if manifest else description
    if (before.kind, before.fingerprint) != (description.kind, description.fingerprint):
        raise InputError(
            f"{out.address}: expected {before.kind} of model {before.fingerprint}, as its shards have, found "
            f"{description.kind} of model {description.fingerprint}; give that model, or another folder"
        )


def _told(settings: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())
