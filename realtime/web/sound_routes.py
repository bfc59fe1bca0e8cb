"""What the page plays and is no file of its own, drums and notes of sounds; and the recordings that it sends."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse

from latentmix.errors import InputError

from . import exports, recordings
from .answers import answer, as_json, body, refused
from .checking import clean_name
from .hub import Hub
from .sounds import OWN, SUNG
from .sung import notes_flac, own_flac


def add_sounds(app: FastAPI, hub: Hub) -> None:
    """Add these routes."""
    making = asyncio.Lock()  # what two pages ask for at once is made by one of them

    @app.get("/kit.wav")
    async def kit() -> Response:
        """The drums, as the page strikes them."""
        async with making:
            return await answer(exports.kit_wav, "audio/wav")

    @app.get("/sung/{program}.flac")
    async def sung(program: str) -> Response:
        """The notes of a preset, or of the recordings as they are mixed now."""
        if program not in map(str, (*SUNG, OWN)):
            return PlainTextResponse("expected a sound that is sung, found none", 404)
        async with making:
            if int(program) != OWN:
                return await answer(lambda: notes_flac(int(program)), "audio/flac")
            mix = hub.workspace.sounds.mix()
            return await answer(lambda: own_flac(mix), "audio/flac")

    @app.post("/sounds")
    async def put_sound(request: Request) -> Response:
        """The raw bytes of a recording, which the sound of the page is then mixed of too."""
        name, sounds = request.query_params.get("name"), hub.workspace.sounds
        shown = clean_name(name) or "recording"
        try:
            sounds.check_room()
            data = await body(request, recordings.MAX_BYTES, "a recording")
            async with making:
                sound, remarks = await asyncio.to_thread(recordings.read, name, data)
            await hub.workspace.put_sound(sound)
        except InputError as error:
            named = str(error).startswith(shown)  # of several that come together each says which it is
            return refused(error if named else InputError(f"{shown}: {error}"))
        return as_json({"name": sound.name, "remarks": remarks}, 200)
