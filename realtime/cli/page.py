"""Where a page is: what `livemix web` and `livemix sound --page` have in common."""

from __future__ import annotations

import socket
import sys
import threading
import webbrowser

import typer

from ..web.addresses import addresses, qr_code
from ..web.gate import Gate, is_loopback, new_token
from ..web.server import open_socket
from .options import USUAL_PORT, PagePlace


def open_gate(page: PagePlace) -> tuple[socket.socket, Gate]:
    """A socket that listens, and who is let in there.

    Raises:
        InputError: as of `open_socket`.
    """
    sock = open_socket(page.host, page.port, USUAL_PORT)
    names = tuple(name.lower() for name in page.allow_host or ())
    token = None if is_loopback(page.host) and not names else new_token()
    return sock, Gate(sock.getsockname()[1], page.host, token, names)


def tell_place(gate: Gate, page: PagePlace) -> None:
    """Where the page is, for people and their phones; the browser is shown it."""
    typer.echo(f"latentmix at {gate.address} ; Ctrl-C ends it")
    if page.port is None and gate.port != USUAL_PORT:
        typer.echo(
            f"port {USUAL_PORT} is taken, perhaps by another livemix web; this is one more, with a page of its own"
        )
    for name in gate.names:
        typer.echo(f"behind your proxy: https://{name}/?token={gate.token}, below its sub-path if it has one")
    if gate.host in ("0.0.0.0", "::"):
        others = addresses(gate.host)
        for address in others:
            typer.echo(f"from elsewhere in your network: {gate.address_at(address)}")
        if others and sys.stdout.isatty():
            typer.echo(qr_code(gate.address_at(others[0])))
    sys.stdout.flush()
    if page.browser:
        threading.Thread(target=webbrowser.open, args=(gate.address,), daemon=True).start()
