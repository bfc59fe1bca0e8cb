"""The computer's keyboard as a controller: keys of the terminal move parameters."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, NamedTuple, TextIO

from latentmix.errors import InputError

from ..music.parameters import MAX_PHRASES, PARAMETERS, Parameter, Value

POLL_SECONDS = 0.1
ESCAPE_SECONDS = 0.05  # within which the rest of an arrow key's code follows its first byte
READ_BYTES = 64  # bytes read at a time


class Stroke(NamedTuple):
    """What a key does: by is the share of the range that it adds; or a switch, a trigger, the next or last choice."""

    parameter: str
    act: Literal["add", "toggle", "trigger", "next"]
    by: float = 0.0


# What docs/controllers.md lists. 1 to 8 go to a melody, as far as there are so many.
_DOWN_AND_UP = (
    ("left", "right", "position", 0.02),
    ("down", "up", "y", 0.05),
    ("a", "d", "x", 0.05),
    ("s", "w", "y", 0.05),
    ("-", "+", "tempo", 1 / 380),
    (",", ".", "temperature", 0.05),
    ("<", ">", "density", 0.05),
    ("[", "]", "octave", 1 / 6),
)
KEYS: Mapping[str, Stroke] = {
    **{down: Stroke(parameter, "add", -by) for down, _, parameter, by in _DOWN_AND_UP},
    **{up: Stroke(parameter, "add", by) for _, up, parameter, by in _DOWN_AND_UP},
    "=": Stroke("tempo", "add", 1 / 380),  # + without shift
    "k": Stroke("key", "next", 1),
    "K": Stroke("key", "next", -1),
    "f": Stroke("follow", "next", 1),
    "h": Stroke("hold", "toggle"),
    " ": Stroke("play", "toggle"),
    "r": Stroke("record", "toggle"),
    "n": Stroke("next", "trigger"),
    "N": Stroke("phrase", "add", -1 / (MAX_PHRASES - 1)),
    "t": Stroke("tap", "trigger"),
    "escape": Stroke("panic", "trigger"),
    "!": Stroke("panic", "trigger"),
}
HELP = (
    "←→ position  ↑↓ad pad  1-8 melody  space play  h hold  n next phrase  t tap  "
    "-+ tempo  [] octave  k key  f follow  esc panic"
)
_CODES = {"A": "up", "B": "down", "C": "right", "D": "left"}  # after ESC [ or ESC O


class Keys:
    """What keys do to parameters.

    Args:
        set, get: the engine's: sets a parameter; tells its value, None where it is not known.
        melodies: tells how many there are.
        parameters: of the engine.
        warn: called with a line when a value is refused.
    """

    def __init__(
        self,
        set: Callable[[str, Value], object],
        get: Callable[[str], Value | None],
        melodies: Callable[[], int],
        parameters: Mapping[str, Parameter] = PARAMETERS,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        self._set, self._get, self._melodies, self._parameters = set, get, melodies, parameters
        self._warn = warn or (lambda line: None)

    def press(self, name: str) -> bool:
        """A key was pressed, by its character or by left, right, up, down, escape; whether it does anything."""
        try:
            moved = self._moved(name)
            if moved is not None:
                self._set(*moved)
        except InputError as error:
            self._warn(str(error))
            return True
        return moved is not None

    def _moved(self, name: str) -> tuple[str, Value] | None:
        if name in "12345678" and len(name) == 1:
            count = self._melodies()
            at = int(name) - 1
            return ("position", at / (count - 1) if count > 1 else 0.0) if at < count else None
        key = KEYS.get(name)
        if key is None or key.parameter not in self._parameters:
            return None
        parameter = self._parameters[key.parameter]
        value = self._get(key.parameter)
        value = parameter.default if value is None else value
        if key.act == "trigger":
            return key.parameter, True
        if key.act == "toggle":
            return key.parameter, not value
        if key.act == "next":
            return key.parameter, parameter.choices[
                (parameter.choices.index(str(value)) + int(key.by)) % len(parameter.choices)
            ]
        return key.parameter, parameter.check(parameter.clamp(float(value) + key.by * (parameter.high - parameter.low)))


class KeyReader:
    """Reads single keys from a terminal in a thread, as they are pressed; `close` gives the terminal back as it was.

    Where there is no terminal, or another program has it, nothing is read. Ctrl-C stays what it is.

    Args:
        press: called with the name of each key (`Keys.press`), from the thread.
        stream: standard input if None.
    """

    def __init__(self, press: Callable[[str], object], stream: TextIO | None = None) -> None:
        self._press, self._stream = press, stream or sys.stdin
        self._is_open = is_ours(self._stream)
        self._before: Any = None
        self._thread = threading.Thread(target=self._read, name="latentmix keys", daemon=True)
        if self._is_open:
            self._before = _one_key_at_a_time(self._stream)
            self._thread.start()

    def __enter__(self) -> KeyReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def is_reading(self) -> bool:
        """Whether there is a terminal that it reads."""
        return self._is_open

    def close(self) -> None:
        """Stop reading and restore the terminal; a second time does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        self._thread.join()
        _restore(self._stream, self._before)

    def _read(self) -> None:
        wait = _wait_windows if os.name == "nt" else self._wait
        with contextlib.suppress(OSError, ValueError):  # the terminal was closed
            while self._is_open:
                for name in key_names(wait()):
                    self._press(name)

    def _wait(self) -> str:
        """What was typed, "" if nothing was; waits a moment for the rest of an arrow key's code."""
        file = self._stream.fileno()
        if not select.select([file], [], [], POLL_SECONDS)[0]:
            return ""
        data = os.read(file, READ_BYTES)
        if not data:
            raise OSError("the terminal is closed")
        while data.endswith((b"\x1b", b"\x1b[", b"\x1bO")) and select.select([file], [], [], ESCAPE_SECONDS)[0]:
            data += os.read(file, READ_BYTES)
        return data.decode(errors="ignore")


def key_names(typed: str) -> Iterator[str]:
    """The names of the keys that were typed.

    >>> list(key_names("a\\x1b[C\\x1bOA \\x1b")), list(key_names("\\x1b[1;5D1"))
    (['a', 'right', 'up', ' ', 'escape'], ['1'])
    """
    at = 0
    while at < len(typed):
        if typed[at] != "\x1b":
            yield typed[at]
            at += 1
        elif typed[at + 1 : at + 2] in ("[", "O") and at + 2 < len(typed):
            end = at + 2
            while end < len(typed) - 1 and not "@" <= typed[end] <= "~":  # keys with modifiers are longer
                end += 1
            if end == at + 2 and typed[end] in _CODES:
                yield _CODES[typed[end]]
            at = end + 1
        else:
            yield "escape"
            at += 1


def is_ours(stream: TextIO) -> bool:
    """Whether a stream is a terminal, and this program the one in its foreground."""
    try:
        if not stream.isatty():
            return False
        return os.name == "nt" or os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False


def _one_key_at_a_time(stream: TextIO) -> Any:
    """Switch a terminal to single keys without echo; what it was before."""
    if os.name == "nt":
        return None
    import termios
    import tty

    before = termios.tcgetattr(stream.fileno())
    tty.setcbreak(stream.fileno())
    return before


def _restore(stream: TextIO, before: Any) -> None:
    if before is None:
        return
    import termios

    with contextlib.suppress(termios.error, OSError, ValueError):
        termios.tcsetattr(stream.fileno(), termios.TCSADRAIN, before)


def _wait_windows() -> str:
    import msvcrt
    import time

    if not msvcrt.kbhit():  # type: ignore[attr-defined]
        time.sleep(POLL_SECONDS / 4)
        return ""
    typed = msvcrt.getwch()  # type: ignore[attr-defined]
    if typed in ("\0", "\xe0"):
        return {"K": "\x1b[D", "M": "\x1b[C", "H": "\x1b[A", "P": "\x1b[B"}.get(msvcrt.getwch(), "")  # type: ignore[attr-defined]
    return typed
