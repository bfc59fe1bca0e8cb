"""Folders by their address: a local path, or what fsspec knows, such as s3://bucket/folder; files in them are whole.

What a storage says when something is wrong becomes one line. fsspec comes with the extra `cluster`, and the package for
a kind of address, such as gcsfs for gs://, by itself.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..extras import load_extra
from ..files import make_folder, replace_file

EXTRA = "cluster"
DENIED = ("AccessDenied", "Forbidden", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoCredentials")


@dataclass(frozen=True)
class Folder:
    """A folder by its address; cheap to make and to hand to other processes. Thread-safe."""

    address: str

    def join(self, name: str) -> str:
        """The address of a file in it."""
        return self.address.rstrip("/") + "/" + name

    def read(self, name: str) -> bytes | None:
        """The content of a file in it; None if it is not there.

        Raises:
            InputError: it cannot be read.
        """
        address = self.join(name)
        fs, path = resolve(address)
        with told(address, "read"):
            try:
                return bytes(fs.cat_file(path))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all: beside its place and renamed on disks, as one object elsewhere.

        Raises:
            InputError: it cannot be written.
        """
        address = self.join(name)
        fs, path = resolve(address)
        if is_local(fs):
            replace_file(path, content)
            return
        with told(address, "write"):
            fs.pipe_file(path, content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a small file unless one is there already; whether it was written.

        Raises:
            InputError: it cannot be.
        """
        address = self.join(name)
        fs, path = resolve(address)
        with told(address, "write"):
            try:
                if is_local(fs):
                    _create_local(path, content)
                else:
                    fs.pipe_file(path, content, mode="create")
            except FileExistsError:
                return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        fs, path = resolve(self.join(name))
        with told(self.join(name), "write"), contextlib.suppress(FileNotFoundError):
            fs.rm_file(path)

    def names(self) -> list[str]:
        """Names of what lies in it, sorted; of a folder that is not there none.

        Raises:
            InputError: it cannot be looked into.
        """
        fs, path = resolve(self.address)
        with told(self.address, "read"):
            fs.invalidate_cache()
            try:
                return sorted(posixpath.basename(each.rstrip("/")) for each in fs.ls(path, detail=False))
            except FileNotFoundError:
                return []

    def make(self) -> None:
        """Make the folder, where a storage has folders.

        Raises:
            InputError: it cannot be made.
        """
        fs, path = resolve(self.address)
        if is_local(fs):
            make_folder(path)

    def clear_away(self) -> None:
        """Remove what a killed process left half-written; only for who is alone at work in the folder."""
        fs, path = resolve(self.address)
        if is_local(fs):
            for name in os.listdir(path):
                if name.startswith(".") and name.endswith(".tmp"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(path, name))


def _create_local(path: str, content: bytes) -> None:
    file = open(path, "xb")  # if it is there already, it is not ours to remove
    try:
        with file:
            file.write(content)
    except OSError:  # a full disk has room for a name
        os.unlink(path)
        raise


def resolve(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it.

    Raises:
        InputError: a kind of address that no installed package knows.
    """
    kind = address.partition("://")[0] if "://" in address else "file"
    with told(address, "reach"):
        fs = _file_system(kind)
        return fs, fs._strip_protocol(address)


def absolute(address: str) -> str:
    """The address of a folder from wherever it is looked at; of local ones the whole path."""
    fs, path = resolve(address)
    return os.path.abspath(path) if is_local(fs) else address.rstrip("/")


def is_local(fs: Any) -> bool:
    """Whether paths are those of this machine."""
    return "file" in ((fs.protocol,) if isinstance(fs.protocol, str) else fs.protocol)


@functools.lru_cache(maxsize=16)
def _file_system(kind: str) -> Any:
    logging.getLogger("gcsfs").setLevel(logging.CRITICAL)  # what goes wrong is told by us, in a line
    return load_extra("fsspec", EXTRA).filesystem(kind, use_listings_cache=False)


@contextlib.contextmanager
def told(address: str, what: str) -> Iterator[None]:
    """Errors of a storage as one line about an address.

    Raises:
        InputError: instead of whatever was raised.
    """
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(f"{address}: expected the package for such addresses, found none: {error}") from error
    except Exception as error:  # each storage has errors of its own
        raise InputError(f"{address}: {_reason(what, error)}") from error


def _reason(what: str, error: Exception) -> str:
    said = " ".join((getattr(error, "strerror", None) or str(error)).split()) or type(error).__name__
    named = f"{type(error).__name__} {error}"
    if isinstance(error, PermissionError) or any(word in named for word in DENIED):
        return f"expected the right to {what} there, found none ({said}); give other credentials, or another address"
    if isinstance(error, FileNotFoundError):
        return f"expected something to {what} there, found nothing"
    return f"cannot {what} it: {said}"
