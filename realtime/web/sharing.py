"""A session as it is sent: a file, or a link that holds it after its `#`."""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from typing import Any

from latentmix.errors import InputError
from latentmix.files import read_bounded

MAX_SESSION = 2 << 20  # bytes, however small it was packed: the longest of melodies, drums and sounds have two thirds

FORMS = {
    "latentmix.session": "a session of latentmix, as the page",
    "latentmix.sounds": "a session of sounds, as the page of livemix sound",
}


def read_session(place: str, form: str = "latentmix.session") -> dict[str, Any]:
    """What a file or a link holds, still to be checked (`wire.session_from_json`).

    Args:
        form: that the session is to have, one of `FORMS`.

    Raises:
        InputError: no such file, or nothing of the kind in it.
    """
    if found := re.search(r"#s=([\w-]+)$", place.strip()):
        return _parsed(_unpacked(found[1]), "the link", form)
    return _parsed(read_bounded(place, MAX_SESSION), place, form)


def _unpacked(text: str) -> bytes:
    """Base64 for addresses of what raw deflate has made, as static/links.js packs it."""
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), MAX_SESSION)
    except (zlib.error, binascii.Error, ValueError):
        raise InputError("expected a link to a session, found one that is damaged; copy all of it") from None
    if not unpacker.eof:
        raise InputError("expected a link to a session, found one that is cut short or too long; copy all of it")
    return data


def _parsed(data: bytes, place: str, form: str) -> dict[str, Any]:
    try:
        session = json.loads(data)
    except (ValueError, RecursionError):
        session = None
    if not isinstance(session, dict) or session.get("format") != form:
        raise InputError(f"{place}: expected {FORMS[form]} saves it, found something else")
    return session
