"""Who may talk to the server: Host, Origin and token are checked before anything else sees a request.

A page on the internet can make a browser send requests to 127.0.0.1, and by rebinding a name to that address even read
the answers. So the Host must be one of ours, an Origin must be the page's own, and a request that a browser marks as
sent by another site is refused. Beyond loopback a token is asked for, which the first page visit turns into a cookie.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from latentmix.errors import InputError

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), midi=(self)",
    "Cache-Control": "no-store",
}
LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")
HTTP_REFUSED, WEBSOCKET_REFUSED = "http.response.start", 1008
_MAX_HEADER = 4096  # bytes of a header that is looked at


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused; an HTTP status and one line."""

    status: int
    reason: str


@dataclass(frozen=True)
class Gate:
    """What is let through.

    Attributes:
        port: of the server.
        host: that it listens on.
        token: that is asked for; None asks for none, on loopback only.
        names: of hosts that this server goes by too, in lower case: those of a proxy before it. As whoever reaches the
            proxy reaches us, there must be a token then.
    """

    port: int
    host: str = "127.0.0.1"
    token: str | None = None
    names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_loopback(self.host) and not self.token:
            raise InputError(f"{self.host}: expected a token to listen beyond this machine, found none")
        if self.names and not self.token:
            raise InputError(f"{self.names[0]}: expected a token to be reached by that name, found none")

    @property
    def cookie(self) -> str:
        return f"latentmix-{self.port}"  # cookies know no ports, so that two servers would share one

    @property
    def address(self) -> str:
        """What a person opens on this machine."""
        return self.address_at("localhost" if self.host in ("0.0.0.0", "::") else self.host)

    def address_at(self, host: str) -> str:
        """What a person opens who knows this machine by that name or number."""
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def check(self, headers: Mapping[str, str], query: str, path: str) -> Refusal | None:
        """Whether a request, HTTP or WebSocket, is refused, and why; header names in lower case."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return Refusal(421, "expected this server's own name in Host; a page elsewhere may not use the mixer")
        origin = headers.get("origin")
        if origin is not None and not self._is_own_origin(origin, host):
            return Refusal(403, "expected the mixer's own page as Origin")
        if headers.get("sec-fetch-site") in ("cross-site", "same-site") and not self._is_visit(headers, path):
            return Refusal(403, "expected a request from the mixer's own page")
        if self.token and not (self.has_cookie(headers) or self.has_token(query)):
            return Refusal(401, "expected the token: open the address that livemix web has printed")
        return None

    def has_token(self, query: str) -> bool:
        """Whether the address holds the token."""
        given = parse_qs(query[:_MAX_HEADER]).get("token", [""])[0]
        return self._is_token(given)

    def has_cookie(self, headers: Mapping[str, str]) -> bool:
        """Whether an earlier visit has left the token."""
        try:
            jar = SimpleCookie(headers.get("cookie", "")[:_MAX_HEADER])
        except CookieError:
            return False
        given = jar[self.cookie].value if self.cookie in jar else ""
        return self._is_token(given)

    def _is_token(self, given: str) -> bool:
        return self.token is not None and hmac.compare_digest(given.encode(), self.token.encode())

    def _is_own_origin(self, origin: str, host: str) -> bool:
        """A proxy may hand on the Host that it was called by, as Caddy does, or put our own in its place, as nginx."""
        scheme, _, rest = origin.partition("://")
        return scheme in ("http", "https") and (rest == host or _split(rest)[0] in self.names)

    def _is_ours(self, host: str) -> bool:
        name, port = _split(host)
        if name in self.names:
            return True
        if port != str(self.port) and not (port == "" and self.port == 80):
            return False
        if name in LOCAL_NAMES:
            return True
        if is_loopback(self.host):
            return name.strip("[]") == self.host
        own = socket.gethostname().lower()
        return _is_address(name) or name in (self.host.lower(), own, own.split(".")[0] + ".local")

    @staticmethod
    def _is_visit(headers: Mapping[str, str], path: str) -> bool:
        """A link to the page, followed from elsewhere."""
        return path == "/" and headers.get("sec-fetch-mode") == "navigate" and "upgrade" not in headers


class Guard:
    """ASGI application around another: refuses what the gate refuses and adds the security headers to all answers."""

    def __init__(self, app: Any, gate: Gate) -> None:
        self._app, self._gate = app, gate

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"].decode("latin-1")
        refusal = self._gate.check(headers, query, scope["path"])
        if scope["type"] == "websocket":
            if refusal:
                await receive()
                await send({"type": "websocket.close", "code": WEBSOCKET_REFUSED, "reason": refusal.reason})
                return
            await self._app(scope, receive, send)
            return
        if refusal:
            await _answer(send, refusal.status, refusal.reason)
        elif scope["path"] == "/" and self._gate.has_token(query):
            cookie = f"{self._gate.cookie}={self._gate.token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000"
            if headers.get("x-forwarded-proto") == "https":
                cookie += "; Secure"
            below = "./" if self._gate.names else "/"  # a proxy may have us in a sub-path
            await _answer(send, 303, "", {"Location": below, "Set-Cookie": cookie})
        else:
            await _answered(self._app, scope, receive, _with_headers(send))


def new_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(18)


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach an address.

    >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0"), is_loopback("studio.local")
    (True, False, False)
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _split(host: str) -> tuple[str, str]:
    """Name and port of a Host header, in lower case."""
    name, colon, port = host.lower().rpartition(":")
    if not colon or port.endswith("]"):
        return host.lower(), ""
    return name, port


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


async def _answered(app: Any, scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What an application answers; where the server ends meanwhile, that it does."""
    begun = False

    async def told(message: dict[str, Any]) -> None:
        nonlocal begun
        begun = True
        await send(message)

    try:
        await app(scope, receive, told)
    except asyncio.CancelledError:
        if not begun:
            await _answer(send, 503, "the mixer has ended")


def _with_headers(send: Any) -> Any:
    async def wrapped(message: dict[str, Any]) -> None:
        if message["type"] == HTTP_REFUSED:
            extra = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            message = {**message, "headers": [*message.get("headers", []), *extra]}
        await send(message)

    return wrapped


async def _answer(send: Any, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
    body = text.encode()
    all_headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))} | dict(headers or {})
    send = _with_headers(send)
    pairs = [(name.lower().encode(), value.encode()) for name, value in all_headers.items()]
    await send({"type": HTTP_REFUSED, "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
