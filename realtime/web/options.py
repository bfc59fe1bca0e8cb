"""Options of `livemix web`; light, so that `livemix --help` need not wait for a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

USUAL_PORT = 8420


@dataclass(frozen=True)
class Page:
    """Where the page is."""

    port: Annotated[
        int | None,
        typer.Option("--port", metavar="N", min=0, max=65535, help=f"0 is any free one; {USUAL_PORT} if it is free."),
    ] = None
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Listen beyond this machine; then a token is asked for.")
    ] = "127.0.0.1"
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="Also answer to this name, that of a proxy; then a token is asked for."
        ),
    ] = None
    session: Annotated[
        str | None,
        typer.Option("--session", metavar="FILE|LINK", help="Open a session that was saved, or sent as a link."),
    ] = None
    new: Annotated[bool, typer.Option("--new", help="Begin afresh, not with the session of last time.")] = False
    browser: Annotated[bool, typer.Option(help="Open the page.")] = True
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE.html", help="Write a page that needs no server, of 1 to 4 melodies, and end."
        ),
    ] = None
