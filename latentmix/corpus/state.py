"""What is done of a corpus: its manifest, its plans, the summaries beside its shards; and who works on it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from .items import Item
from .limits import FORMS
from .records import SUFFIXES
from .shard import Description, ShardJob, ShardSummary
from .storage import Folder

FORMAT, VERSION = "latentmix.corpus", 1
MANIFEST, LOCK = "manifest.json", "running.json"
PLAN = "plan-"  # and a number: what the shards of a run are made of, written before the first of them
MALFORMED = (ValueError, KeyError, TypeError, RecursionError)  # what JSON of anybody's gives
BEAT, STALE = 15.0, 60.0  # seconds: who works on a corpus says so, and counts as gone after
MOMENT = 0.5  # seconds in which who has made a file has written it


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says.

    Attributes:
        is_complete: whether all that was found is in it, or listed as left out.
        shards: of the records, where it is complete.
        left_out: ids and reasons.
        source: the folder that ids are relative to, as of the last run; "" where nobody has written it down.
    """

    description: Description
    form: str
    is_complete: bool
    shards: tuple[ShardSummary, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    source: str = ""

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def write(self, out: Folder) -> None:
        """Raises InputError where it cannot be."""
        told = {
            "format": FORMAT,
            "version": VERSION,
            "complete": self.is_complete,
            **self.description.as_json(),
            "form": self.form,
            "source": self.source,
            "rows": self.rows,
            "shards": [
                {"name": s.name + SUFFIXES[self.form], "rows": s.rows, "bytes": s.size} for s in self.shards if s.rows
            ],
            "left_out": [list(each) for each in self.left_out],
        }
        out.write(MANIFEST, json.dumps(told, indent=1).encode() + b"\n")


def read_manifest(out: Folder) -> Manifest | None:
    """The manifest of a corpus; None where none is begun.

    Raises:
        InputError: it cannot be read, or is something else.
    """
    content = out.read(MANIFEST)
    if content is None:
        return None
    try:
        raw = json.loads(content)
        if (raw.get("format"), raw.get("version")) != (FORMAT, VERSION) or raw["form"] not in FORMS:
            raise ValueError(f"format {raw.get('format')} version {raw.get('version')}")
        shards = tuple(
            ShardSummary(str(s["name"]).removesuffix(SUFFIXES[raw["form"]]), int(s["rows"]), int(s["bytes"]))
            for s in raw["shards"]
        )
        left_out = tuple((str(id_), str(reason)) for id_, reason in raw["left_out"])
        source = str(raw.get("source", ""))
        return Manifest(Description.from_json(raw), raw["form"], bool(raw["complete"]), shards, left_out, source)
    except (*MALFORMED, AttributeError) as error:
        raise InputError(
            f"{out.join(MANIFEST)}: expected {FORMAT} version {VERSION}, found something else ({error}); remove it, "
            "and the command that made the corpus writes it anew"
        ) from None


def read_plans(out: Folder, names: list[str], form: str) -> list[ShardJob]:
    """All shards that were ever planned, in order.

    Raises:
        InputError: a plan is damaged.
    """
    jobs = []
    for name in names:
        if name.startswith(PLAN):
            for line in (out.read(name) or b"").splitlines():
                try:
                    raw = json.loads(line)
                    items = tuple(Item(*map(_as_typed, item)) for item in raw["items"])
                    jobs.append(ShardJob(out, str(raw["name"]), items, form))
                except MALFORMED as error:
                    raise InputError(
                        f"{out.join(name)}: expected a plan of shards, found something else ({error}); make the corpus "
                        "anew in another folder"
                    ) from None
    return jobs


def _as_typed(value: Any) -> Any:
    if not isinstance(value, str | int):
        raise TypeError(f"{value!r} in an item")
    return value


def write_plan(out: Folder, number: int, jobs: list[ShardJob]) -> None:
    """Raises InputError where it cannot be written."""
    lines = [json.dumps({"name": j.name, "items": [dataclasses.astuple(item) for item in j.items]}) for j in jobs]
    out.write(f"{PLAN}{number:05}.jsonl", "\n".join(lines).encode() + b"\n")


def read_summary(out: Folder, name: str) -> ShardSummary:
    """Raises InputError where it is damaged."""
    content = out.read(name + ".json") or b""
    try:
        raw = json.loads(content)
        left_out = tuple((str(id_), str(reason)) for id_, reason in raw["left_out"])
        return ShardSummary(name, int(raw["rows"]), int(raw["bytes"]), left_out)
    except MALFORMED as error:
        raise InputError(
            f"{out.join(name)}.json: expected the summary of a shard, found something else ({error}); remove it, and "
            "the same command makes its shard anew"
        ) from None


@contextlib.contextmanager
def alone_in(out: Folder) -> Iterator[None]:
    """Keep others from working on the same corpus while the block lasts.

    Who was killed without a word does not keep them: on the same machine its process is missed at once, from others
    its sign of life after a minute.

    Raises:
        InputError: somebody is at work in it.
    """
    token, waited = secrets.token_hex(8), 0
    while not out.create(LOCK, _sign(token)):
        _check_nobody(out)
        if waited:  # or somebody has just made it, and has not signed yet
            out.remove(LOCK)
        waited += 1
        time.sleep(MOMENT)
    if waited:  # somebody who found the same left behind may have removed ours, as we removed that
        time.sleep(MOMENT)
        _check_nobody(out, token)
    ended = threading.Event()
    beat = threading.Thread(target=_keep_saying, args=(out, token, ended), daemon=True)
    beat.start()
    try:
        yield
    finally:
        ended.set()
        beat.join()
        with contextlib.suppress(InputError):
            out.remove(LOCK)


def _check_nobody(out: Folder, token: str = "") -> None:
    """Raises InputError: somebody is at work in a corpus who signs by another token."""
    found = _owner(out)
    if found is not None and found.get("token") != token and _is_alive(found):
        raise InputError(
            f"{out.address}: expected nobody at work in it, found process {found.get('pid')} on {found.get('host')}; "
            "wait for it, or give another folder"
        )


def _sign(token: str) -> bytes:
    told = {"host": socket.gethostname(), "pid": os.getpid(), "token": token, "time": time.time()}
    return json.dumps(told).encode()


def _owner(out: Folder) -> dict[str, Any] | None:
    content = out.read(LOCK) or b""
    try:
        raw = json.loads(content)
        return raw if isinstance(raw, dict) else {}
    except MALFORMED:
        return None


def _is_alive(owner: dict[str, Any]) -> bool:
    if owner.get("host") == socket.gethostname() and isinstance(owner.get("pid"), int):
        try:
            os.kill(owner["pid"], 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True
    return time.time() - float(owner.get("time") or 0.0) < STALE


def _keep_saying(out: Folder, token: str, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with contextlib.suppress(InputError):  # where nothing can be written the run will find out itself
            out.write(LOCK, _sign(token))
