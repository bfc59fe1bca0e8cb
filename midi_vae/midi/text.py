"""Names and lyrics in MIDI files -> text: the standard says ASCII, programs write what their system has."""

from __future__ import annotations

import codecs
import contextlib
import unicodedata
from collections.abc import Callable, Iterator

MAX_CHARACTERS = 200
_MARKED = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_UTF16 = ("utf-16-le", "utf-16-be")
_FAR = (
    7  # high bytes of letters that are neither Latin nor Greek nor Cyrillic; below it there are no characters in ASCII
)
_GUESSED = ("shift_jis", "euc_kr", "gb18030", "big5", "cp1251", "koi8-r", "cp1250")


def to_text(content: bytes, is_known: Callable[[str], bool] = lambda text: False) -> str:
    """A name as one line of at most 200 characters, composed (NFC).

    UTF-16 where a byte order mark or the high bytes of Latin or Cyrillic letters show it; else UTF-8 where it is valid;
    else the encoding of the field's countries, UTF-16 among them, in which it is a word that `is_known`, then Shift-JIS
    where it must be, then Latin-1.

    >>> to_text("Mélodie".encode("utf-16")), to_text("Mélodie".encode("latin-1"))
    ('Mélodie', 'Mélodie')
    >>> to_text("メロディ".encode("shift_jis"))
    'メロディ'
    """
    text = unicodedata.normalize("NFC", _decoded(content[: 4 * MAX_CHARACTERS], is_known))
    text = text[:MAX_CHARACTERS]
    return " ".join((text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).split())


def _decoded(content: bytes, is_known: Callable[[str], bool]) -> str:
    if content.isascii() and (text := content.decode("ascii")).isprintable():
        return text
    for mark, encoding in _MARKED:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    if len(content) >= 4 and len(content) % 2 == 0:
        for encoding, high in zip(_UTF16, (content[1::2], content[::2]), strict=True):
            if sum(byte < _FAR for byte in high) > 0.6 * len(high):
                return content.decode(encoding, "replace")
    guesses = {}
    for encoding in ("utf-8", *_GUESSED):
        try:
            guesses[encoding] = content.decode(encoding)
        except UnicodeDecodeError:
            if encoding == "utf-8":
                guesses |= _cut_utf8(content)
        if "utf-8" in guesses:
            return guesses["utf-8"]
    latin = content.decode("cp1252", "replace") if any(0x80 <= b < 0xA0 for b in content) else content.decode("latin-1")
    for text in (latin, *guesses.values()):
        if is_known(text):
            return text
    if text := next(filter(is_known, _as_utf16(content)), ""):
        return text
    if any(0x81 <= byte < 0xA0 for byte in content) and "shift_jis" in guesses:
        return guesses["shift_jis"]
    return latin


def _as_utf16(content: bytes) -> Iterator[str]:
    """What it may be in UTF-16 without a byte order mark."""
    for encoding in _UTF16:
        with contextlib.suppress(UnicodeDecodeError):
            yield content.decode(encoding)


def _cut_utf8(content: bytes) -> dict[str, str]:
    """UTF-8 but for a last character that a program has cut off."""
    for size in range(1, min(len(content), 4)):
        try:
            text = content[:-size].decode("utf-8")
        except UnicodeDecodeError:
            continue
        if content[-size] >= 0xC0 and not text.isascii():
            return {"utf-8": text}
    return {}
