"""What can be taken home of every page: its session, and what was recorded."""

from __future__ import annotations

import json

from fastapi import FastAPI, Response
from fastapi.responses import FileResponse

from latentmix.errors import InputError

from .answers import answer, as_json, refused
from .pages import Pages


def add_kept(app: FastAPI, hub: Pages, kind: str, suffix: str) -> None:
    """Add these routes.

    Args:
        kind: media type of recordings.
        suffix: of their files.
    """

    @app.get("/take-home/session.json")
    async def session() -> Response:
        """All there is to restore."""
        kept = await hub.workspace.session()
        return await answer(
            lambda: json.dumps(kept.to_json(), indent=1).encode(), "application/json", "latentmix-session.json"
        )

    @app.get("/recordings/{name}")
    async def recording(name: str) -> Response:
        """A recording that was kept, by its name in the list that pages have; no other name reaches a file."""
        if hub.store is None or name not in hub.recordings:
            return as_json({"error": "expected a recording that is there, found none of that name"}, 404)
        try:
            path = hub.store.recording(name)
        except InputError as error:
            return refused(error)
        return FileResponse(path, media_type=kind, filename=f"latentmix {name}{suffix}")
