"""Keys of a terminal: what they do, and a real terminal that is given back as it was."""

from __future__ import annotations

import io
import os
import queue

import pytest

from latentmix.errors import InputError
from realtime.control.strokes import KEYS, KeyReader, Keys, is_ours, key_names
from realtime.music.parameters import PARAMETERS


def keys(melodies: int = 2, **has) -> tuple[Keys, dict, list]:
    values = {name: parameter.default for name, parameter in PARAMETERS.items()} | has
    log = []

    def set(name, value):
        log.append((name, value))
        values[name] = value

    return Keys(set, values.get, lambda: melodies), values, log


def test_every_key_does_something_and_stays_within_the_range():
    for name in KEYS:
        board, values, log = keys()
        for _ in range(200):
            assert board.press(name)
        assert all(PARAMETERS[parameter].check(value) == value for parameter, value in log)
        assert len(log) == 200 and values


@pytest.mark.parametrize(
    ("typed", "parameter", "found"),
    [
        ("\x1b[C\x1b[C\x1b[D", "position", 0.02),
        ("2", "position", 1.0),
        ("+++-", "tempo", 122.0),
        ("]][", "octave", 1),
        ("f", "follow", "beat"),
        ("K", "key", "B:min"),
        ("h", "hold", True),
        ("  ", "play", True),
        ("\x1b", "panic", True),
        ("t", "tap", True),
        ("ww", "y", 0.6),
    ],
)
def test_what_keys_do(typed, parameter, found):
    board, values, _ = keys()
    for name in key_names(typed):
        board.press(name)
    assert values[parameter] == pytest.approx(found)


def test_numbers_go_to_melodies():
    board, values, log = keys(melodies=3)
    for name, position in (("1", 0.0), ("2", 0.5), ("3", 1.0)):
        assert board.press(name) and values["position"] == position
    assert not board.press("4") and not board.press("9") and not board.press("q") and len(log) == 3


def test_a_value_that_is_refused_is_a_warning():
    def refuse(name, value):
        raise InputError("not now")

    warnings = []
    assert Keys(refuse, lambda name: None, lambda: 2, warn=warnings.append).press("h") and warnings == ["not now"]


def test_a_real_terminal():
    termios = pytest.importorskip("termios")
    import pty

    pressed = queue.Queue()
    ours, theirs = pty.openpty()
    with open(theirs, "r+b", buffering=0) as raw, io.TextIOWrapper(raw) as terminal:
        before = termios.tcgetattr(theirs)
        reader = KeyReader.__new__(KeyReader)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("realtime.control.strokes.is_ours", lambda stream: True)  # it is not our controlling terminal
            reader.__init__(pressed.put, terminal)
        assert reader.is_reading and not termios.tcgetattr(theirs)[3] & (termios.ECHO | termios.ICANON)
        os.write(ours, b"h\x1b[C")
        assert [pressed.get(timeout=30) for _ in range(2)] == ["h", "right"]
        os.write(ours, b"\x1b")
        assert pressed.get(timeout=30) == "escape"
        reader.close()
        reader.close()
        assert termios.tcgetattr(theirs) == before and not reader.is_reading
    os.close(ours)


def test_no_terminal_is_no_keys():
    assert not is_ours(io.StringIO())
    with KeyReader(print, io.StringIO("h")) as reader:
        assert not reader.is_reading
