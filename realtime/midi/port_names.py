"""Which port somebody means: names are compared by what stays the same when a device is unplugged and comes back.

Systems add numbers to the names of ports, and give them anew each time:

- ALSA, by rtmidi, the client and the port: `nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0`;
- bridges from ALSA to JACK (a2jmidid), the client: `a2j:nanoKONTROL2 [20] (capture): nanoKONTROL2 MIDI 1`;
- Windows, by rtmidi, the place in the list: `nanoKONTROL2 1`; and itself, in front, for each socket that the device was
  ever plugged into but the first: `2- nanoKONTROL2`, `MIDIIN2 (3- Launchpad Pro)`.

Letters with accents may be one character or two (Unicode's NFC and NFD), as the maker of the name liked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from latentmix.errors import InputError

_ALSA = re.compile(r"\s+\d+:\d+$")
_BRIDGE = re.compile(r"\s*\[\d+\]")
_INDEX = re.compile(r"\s+\d+$")
_SOCKET = re.compile(r"(^|\()\d+- ")
WINDOWS = "WINDOWS_MM"


def stable_name(name: str, api: str | None = None) -> str:
    """A port's name without the numbers that the system gave it.

    >>> stable_name("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0"), stable_name("a2j:nanoKONTROL2 [20] (capture): MIDI 1")
    ('nanoKONTROL2:nanoKONTROL2 MIDI 1', 'a2j:nanoKONTROL2 (capture): MIDI 1')
    >>> stable_name("loopMIDI Port 1", "WINDOWS_MM"), stable_name("IAC Driver Bus 1", "MACOSX_CORE")
    ('loopMIDI Port', 'IAC Driver Bus 1')
    """
    name = _BRIDGE.sub("", _ALSA.sub("", name))
    return _INDEX.sub("", name) if api == WINDOWS else name


def without_socket(name: str, api: str | None) -> str:
    """What is left of it on Windows in whatever socket the device is.

    >>> without_socket("MIDIIN2 (3- Launchpad Pro) 4", "WINDOWS_MM")
    'MIDIIN2 (Launchpad Pro)'
    """
    name = stable_name(name, api)
    return _SOCKET.sub(r"\1", name) if api == WINDOWS else name


def find_port(wanted: str | None, names: Sequence[str], kind: str, api: str | None = None) -> str:
    """The port that somebody means, in whatever case. What fits best counts: the name, the name but for the numbers
    of the system, a part of it that no number is cut off from.

    Args:
        wanted: None: the only one there is.
        names: of the ports that are there.
        kind: input or output, for errors.
        api: whose names they are.

    Raises:
        InputError: none, or several that fit as well as each other.

    >>> find_port("SYNTH", ["Through 14:0", "My Synth 20:0"], "output")
    'My Synth 20:0'
    >>> find_port("Bus 1", ["IAC Driver Bus 10", "IAC Driver Bus 1"], "output")
    'IAC Driver Bus 1'
    >>> find_port("nanoKONTROL2 [20]", ["nanoKONTROL2 [24]"], "input")
    'nanoKONTROL2 [24]'
    """
    what = f"MIDI {kind} port" + (f" {wanted!r}" if wanted is not None else "")
    found = fitting(wanted, names, api)
    if len(found) == 1:
        return found[0]
    if found and wanted == found[0]:  # with the system's number on Windows, or without it
        raise InputError(
            f"expected a name that only one {what} has, found {'; '.join(found)}; say "
            f"{stable_name(found[0], api)!r} or {found[1]!r}"
        )
    if found:
        raise InputError(
            f"expected a name that only one {what} has, found {'; '.join(found)}; give more of the name, or all of it "
            "with the numbers in it"
        )
    there = "; ".join(dict.fromkeys(names)) or "none"
    raise InputError(f"expected a {what}, found {there}; see livemix ports, or open one with --virtual")


def fitting(wanted: str | None, names: Iterable[str], api: str | None = None) -> list[str]:
    """The ports that fit best, each name once; see `find_port`."""
    names = list(dict.fromkeys(names))
    if wanted is None:
        return names
    if wanted in names:
        return [wanted, *(name for name in names if name != wanted and _is_numbered(name, wanted, api))]
    lower, stable, free = (_folded(each) for each in (wanted, stable_name(wanted, api), without_socket(wanted, api)))
    part, stable_part = _part(lower), _part(stable)
    fits = (
        lambda name: _folded(name) == lower,
        lambda name: _folded(stable_name(name, api)) == lower,
        lambda name: _folded(stable_name(name, api)) == stable,
        lambda name: _folded(without_socket(name, api)) == free,
        lambda name: part.search(_folded(name)),
        lambda name: stable_part.search(_folded(stable_name(name, api))),
    )
    return next((found for fit in fits if (found := [name for name in names if fit(name)])), [])


def count_of_name(name: str, names: Sequence[str], api: str | None = None) -> int:
    """How many ports bear a name; on Windows each has its place in the list after it."""
    if api != WINDOWS:
        return names.count(name)
    return sum(stable_name(each, api) == stable_name(name, api) for each in names)


def doubt_about(found: str, names: Sequence[str], kind: str, api: str | None = None) -> str | None:
    """A line where a port is not the only one that may have been meant, now or when it is plugged in anew."""
    if (count := names.count(found)) > 1:
        return f"{found}: {count} MIDI {kind} ports have this name; the first of them is bound"
    alike = [each for each in names if each != found and without_socket(each, api) == without_socket(found, api)]
    if not alike:
        return None
    return (
        f"{found}: only the system's numbers tell this MIDI {kind} port from {' and '.join(alike)}; plugged in anew, "
        "one may be taken for the other"
    )


def _is_numbered(name: str, wanted: str, api: str | None) -> bool:
    """Whether a port has that very name of its own, and a place in the list after it."""
    return api == WINDOWS and stable_name(name, api) == wanted


def _folded(text: str) -> str:
    """The same for all ways to write it: case, spaces, letters with accents."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _part(text: str) -> re.Pattern[str]:
    """Finds a text that no digit stands beside which would belong to a number in it: Bus 1 is no part of Bus 10."""
    before = r"(?<!\d)" if text[:1].isdigit() else ""
    after = r"(?!\d)" if text[-1:].isdigit() else ""
    return re.compile(before + re.escape(text) + after)
