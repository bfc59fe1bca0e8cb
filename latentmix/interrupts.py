"""A command that is stopped before it has begun; imports next to nothing, so that this is soon in force."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def stopped_in_one_line(program: str) -> Iterator[None]:
    """Ctrl-C, while what a command needs is still being imported, ends it with status 130 and one line."""
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write(f"{program}: stopped; nothing is left half-written\n")
        raise SystemExit(130) from None
