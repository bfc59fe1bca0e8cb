"""A source -> the items in it: files of a folder, a glob, a list or an address, and members of WebDataset shards."""

from __future__ import annotations

import contextlib
import itertools
import os
import posixpath
import tarfile
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..files import find_files
from .storage import Folder, is_local, resolve, told

MAX_ITEM_BYTES = 1 << 31
SHARD = ".tar"
LIST = ".txt"


@dataclass(frozen=True)
class Item:
    """A file, or the member of a shard that is `size` bytes from `start` on.

    Attributes:
        id: its name in the corpus.
        address: of the file that it is in.
        start, size: bytes; a whole file starts at 0.
        version: changes when the file does: its size, and its time or tag as the storage has it.
    """

    id: str
    address: str
    start: int
    size: int
    version: str

    @contextlib.contextmanager
    def local(self) -> Iterator[str]:
        """A path under which this machine has it, while the block lasts.

        Raises:
            InputError: it cannot be read, or is too large.
        """
        if self.size > MAX_ITEM_BYTES:
            raise InputError(f"{self.id}: expected at most {MAX_ITEM_BYTES} bytes, found {self.size}")
        fs, path = resolve(self.address)
        is_member = self.address.endswith(SHARD)
        if is_local(fs) and not is_member:
            yield path
            return
        with told(self.address, "read"):
            content = fs.cat_file(path, start=self.start, end=self.start + self.size) if self.size else b""
        with tempfile.TemporaryDirectory() as folder:
            copy = os.path.join(folder, "item" + posixpath.splitext(self.id)[1])
            with told(copy, "write"), open(copy, "wb") as file:
                file.write(content)
            yield copy


def find_items(source: str, suffixes: Collection[str]) -> list[Item]:
    """What a source holds, sorted by id.

    A folder is searched with those in it, for files and WebDataset shards (.tar); a glob names either. A list is a
    .txt file with an address on each line, those without a scheme relative to it.

    Args:
        suffixes: of the files to take, in lower case.

    Raises:
        InputError: nothing is there, it cannot be read, or two items have the same id.
    """
    named = _listed(source) if source.lower().endswith(LIST) else _found(source, suffixes)
    found: list[Item] = []
    for id_, address, info in named:
        suffix = posixpath.splitext(address)[1].lower()
        if suffix == SHARD:
            found += _members(address, posixpath.splitext(id_)[0], _version(info), suffixes)
        elif suffix in suffixes:
            found.append(Item(id_, address, 0, int(info.get("size") or 0), _version(info)))
    if not found:
        kinds = ", ".join(sorted(suffixes))
        raise InputError(f"{source}: expected files that end in {kinds}, or {SHARD} shards with them, found none")
    found.sort(key=lambda item: item.id)
    for before, item in itertools.pairwise(found):
        if before.id == item.id:
            raise InputError(f"{source}: expected a name of its own for every item, found {item.id} twice")
    return found


def root_of(source: str) -> str:
    """The folder that the ids of a source are relative to."""
    if source.lower().endswith(LIST):
        return posixpath.dirname(source) or "."
    signs = [source.index(sign) for sign in "*?[" if sign in source]
    return (posixpath.dirname(source[: min(signs)]) or ".") if signs else source


def _found(source: str, suffixes: Collection[str]) -> list[tuple[str, str, dict[str, Any]]]:
    """Id, address and what the storage says, of the files of a folder, a glob or a single address."""
    fs, path = resolve(source)
    scheme = "" if is_local(fs) else source.partition("://")[0] + "://"
    with told(source, "read"):
        if fs.isfile(path):
            return [(posixpath.basename(path), scheme + path, _info(fs, path))]
        if is_local(fs) and fs.isdir(path):
            return [(name, whole, _info(fs, whole)) for whole, name in find_files(path, {*suffixes, SHARD})]
        if any(sign in path for sign in "*?["):
            root, infos = root_of(path), fs.glob(path, detail=True)
        else:
            root, infos = path, fs.find(path, detail=True)
    if not infos and not fs.exists(path):
        raise InputError(f"{source}: expected a folder, a glob, a list or an address, found nothing there")
    found = []
    for each, info in infos.items():
        id_ = posixpath.relpath(each, root)
        if info.get("type") != "directory" and not any(part.startswith(".") for part in id_.split("/")):
            found.append((id_, scheme + each, _info(fs, each) if is_local(fs) else info))
    return found


def _info(fs: Any, path: str) -> dict[str, Any]:
    if not is_local(fs):
        return dict(fs.info(path))
    found = os.stat(path)
    return {"size": found.st_size, "mtime": found.st_mtime_ns}


def _listed(source: str) -> list[tuple[str, str, dict[str, Any]]]:
    folder = root_of(source)
    content = Folder(folder).read(posixpath.basename(source))
    if content is None:
        raise InputError(f"{source}: expected a list of addresses, found nothing there")
    found = []
    try:
        lines = content.decode().splitlines()
    except UnicodeDecodeError:
        raise InputError(f"{source}: expected a list of addresses in UTF-8, found other bytes") from None
    for line in filter(None, map(str.strip, lines)):
        address = line if "://" in line or line.startswith("/") else posixpath.join(folder, line)
        fs, path = resolve(address)
        with told(f"{source}: {address}", "read"):
            found.append((line, address, _info(fs, path)))
    return found


def _members(address: str, stem: str, version: str, suffixes: Collection[str]) -> list[Item]:
    """Members of a WebDataset shard; only its headers are read."""
    fs, path = resolve(address)
    found: list[Item] = []
    with told(address, "read"), fs.open(path, "rb") as file:
        try:
            with tarfile.open(fileobj=file, mode="r:") as archive:
                for member in archive:
                    if member.isfile() and posixpath.splitext(member.name)[1].lower() in suffixes:
                        id_ = posixpath.join(stem, posixpath.normpath("/" + member.name).lstrip("/"))
                        found.append(Item(id_, address, member.offset_data, member.size, version))
        except tarfile.TarError as error:
            raise InputError(f"{address}: expected an uncompressed WebDataset shard, found {error}") from None
    return found


def _version(info: dict[str, Any]) -> str:
    """Of storages that give a tag, the tag; else the time."""
    for name in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified"):
        if info.get(name):
            return f"{info.get('size')} {info[name]}".replace('"', "")
    return str(info.get("size"))


def check_unchanged(found: Sequence[Item], known: dict[str, str], source: str) -> None:
    """Hold items against the versions that an earlier run has seen, by id.

    Raises:
        InputError: a file is another one than then.
    """
    for item in found:
        if known.get(item.id, item.version) != item.version:
            raise InputError(
                f"{item.address}: expected the file that is in the corpus already ({known[item.id]}), found another "
                f"under its name ({item.version}); give it another name, or make a new corpus of {source}"
            )
