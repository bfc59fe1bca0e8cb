"""What is closed at the end of a `with`."""

from __future__ import annotations

from typing import TypeVar

Own = TypeVar("Own", bound="Closing")


class Closing:
    """Something that holds what others wait for - a port, a thread, a process - until `close`."""

    def close(self) -> None:
        """Give it all back."""
        raise NotImplementedError

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
