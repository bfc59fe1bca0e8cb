"""Answers to requests: what is made in a thread, or what is wrong with the input as one line."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from latentmix.errors import InputError

Make = Callable[[], bytes | Path | dict[str, Any]]  # in a thread


async def body(request: Request, most: int, expected: str) -> bytes:
    """The bytes of a request, read no further than they may go.

    Args:
        most: bytes.
        expected: what they are to be, for people.

    Raises:
        InputError: more.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise InputError(f"expected {expected} of at most {most >> 20} MB, found a larger one")
    return bytes(data)


async def answer(make: Make, kind: str = "application/json", name: str | None = None) -> Response:
    """What `make` makes, in a thread; what is wrong with the input as one line."""
    try:
        made = await asyncio.to_thread(make)
    except InputError as error:
        return refused(error)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'} if name else None
    if isinstance(made, Path):
        remove = BackgroundTask(shutil.rmtree, made.parent, ignore_errors=True)
        return FileResponse(made, media_type=kind, headers=headers, background=remove)
    return Response(made if isinstance(made, bytes) else json.dumps(made), media_type=kind, headers=headers)


def refused(error: InputError, status: int = 422) -> Response:
    """What is wrong, as one line."""
    line = re.sub(r"^\S*/sound\.wav: ", "", " ".join(str(error).split()))
    return as_json({"error": line[:500]}, status)


def as_json(content: Any, status: int) -> Response:
    """An answer in JSON."""
    return Response(json.dumps(content), status, media_type="application/json")
