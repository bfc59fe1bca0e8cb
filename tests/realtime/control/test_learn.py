"""MIDI learn: controls of every kind, moved as hands move them, are recognised."""

from __future__ import annotations

from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from realtime.control.bindings import Binding
from realtime.control.learn import DOUBT_SECONDS, Learner, learn, write_bindings
from realtime.control.maps import read_map
from realtime.control.recognise import recognise
from realtime.music.parameters import PARAMETERS


def cc(number: int, value: int, channel: int = 2) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, channel=channel)


def pair(value: int) -> list[mido.Message]:
    return [cc(7, value >> 7), cc(39, value & 127)]


def learned(
    messages: list[mido.Message], parameter: str = "x", wait: float = 0.6, gap: float = 0.008
) -> Binding | None:
    learner, now = Learner(PARAMETERS[parameter]), 10.0
    for message in messages:
        learner.feed(message, now)
        assert learner.result(now) is None  # not while it moves
        now += gap
    return learner.result(now + wait)


FADER = [20, 22, 25, 29, 34, 40, 45, 47, 48, 46, 43, 39, 30, 25, 24]


def test_a_knob():
    assert learned([cc(21, value) for value in FADER]) == Binding("x", "cc", 21, channel=3)


def test_a_control_of_fourteen_bits():
    messages = [message for value in range(1000, 5000, 60) for message in pair(value)]
    assert learned(messages, gap=0.001) == Binding("x", "cc14", 7, 39, channel=3)
    slowly = [message for value in range(1000, 1200, 3) for message in pair(value)]  # the low byte moves more
    assert learned(slowly, gap=0.001) == Binding("x", "cc14", 7, 39, channel=3)


@pytest.mark.parametrize("low_first", [False, True])
@pytest.mark.parametrize("step", [3, 17, 60, -60, 128, 250])
@pytest.mark.parametrize("gap", [0.0, 0.001])
def test_which_of_two_bytes_comes_first(low_first, step, gap):
    start = 9000 if step < 0 else 1000
    messages = [m for k in range(30) for m in pair(start + k * step)[:: -1 if low_first else 1]]
    assert learned(messages, gap=gap) == Binding("x", "cc14", 7, 39, low_first=low_first, channel=3)
    if abs(step) % 128:  # the first byte got lost
        assert learned(messages[1:], gap=gap) == Binding("x", "cc14", 7, 39, low_first=low_first, channel=3)


def wire(turned: int, encoding: str) -> int:
    """What an encoder sends for so many clicks."""
    if encoding == "binary-offset":
        return 64 + turned
    return turned % 128 if encoding == "twos-complement" else turned if turned > 0 else 64 - turned


@pytest.mark.parametrize("encoding", ["twos-complement", "binary-offset", "sign-magnitude"])
@pytest.mark.parametrize(("slowest", "fastest"), [(1, 3), (1, 8), (4, 12), (8, 20), (8, 30)])
def test_encoders_at_any_speed(encoding, slowest, fastest):
    random = np.random.default_rng(fastest)
    for _ in range(40):  # a hand that turns right, left and right, evenly or slow, fast and slow
        turns = [random.integers(slowest, fastest + 1, random.integers(6, 20)) for _ in range(3)]
        if random.random() < 0.5:
            turns = [np.maximum(1, np.round(t * np.sin(np.pi * (np.arange(len(t)) + 0.5) / len(t)))) for t in turns]
        clicks = [sign * int(each) for sign, turn in zip((1, -1, 1), turns, strict=True) for each in turn]
        found = learned([cc(9, wire(each, encoding)) for each in clicks], wait=DOUBT_SECONDS + 0.1)
        assert found == Binding("x", "relative", 9, channel=3, encoding=encoding), clicks


def test_knobs_at_any_speed_are_no_encoders():
    random, wrong = np.random.default_rng(5), 0
    for _ in range(500):
        stops = random.integers(0, 128, random.integers(2, 5))
        speed = int(random.choice([1, 2, 3, 5, 8, 12]))
        way = [v for a, b in pairwise(stops) for v in range(a, b, speed if b > a else -speed)]
        found = recognise([int(value) for value in way])
        wrong += found is not None and found.kind != "cc"
    assert wrong <= 5  # one that is moved to and fro about its middle cannot be told from an encoder


def test_two_knobs_that_are_32_apart_are_no_pair():
    messages = [cc(39, 5)] + [cc(7, value) for value in FADER]
    assert learned(messages, gap=0.02) == Binding("x", "cc", 7, channel=3)


def test_nrpn():
    select = [cc(99, 1), cc(98, 2)]
    messages = [m for value in FADER for m in (*select, cc(6, value), cc(38, 0))]
    assert learned(messages, gap=0.001) == Binding("x", "nrpn", 130, channel=3)


@pytest.mark.parametrize("low_first", [False, True])
@pytest.mark.parametrize("every", [1, 100])
def test_which_byte_of_an_nrpn_comes_first(low_first, every):
    messages = []
    for step, value in enumerate(range(0, 16384, 211)):
        pair = [cc(6, value >> 7), cc(38, value & 127)]
        select = [cc(99, 1), cc(98, 2)] if step % every == 0 else []
        messages += select + (pair[::-1] if low_first else pair)
    assert learned(messages, gap=0.001) == Binding("x", "nrpn", 130, channel=3, low_first=low_first)


@pytest.mark.parametrize(
    ("encoding", "right", "left"),
    [("twos-complement", 1, 127), ("binary-offset", 65, 63), ("sign-magnitude", 1, 65)],
)
def test_encoders_without_ends(encoding, right, left):
    fast = 1 if left != 127 else -1
    turns = [right, right, right, right + 1, right, left, left, left + fast * (-1 if left == 63 else 1), left]
    assert learned([cc(9, v) for v in turns]) == Binding("x", "relative", 9, channel=3, encoding=encoding)


def test_an_encoder_turned_one_way_is_in_doubt_for_a_while():
    one_way = [cc(9, 1)] * 6
    assert learned(one_way) is None
    assert learned(one_way, wait=DOUBT_SECONDS + 0.1) == Binding("x", "relative", 9, channel=3)
    assert learned([cc(9, 64)] * 2 + [cc(9, 66)]) is None  # too few to tell


def test_buttons():
    press, release = cc(50, 127), cc(50, 0)
    assert learned([press, release], "hold") == Binding("hold", "cc", 50, channel=3, button="toggle")
    assert learned([press, release], "follow") == Binding("follow", "cc", 50, channel=3, button="next")
    assert learned([press, release], "tap") == Binding("tap", "cc", 50, channel=3)
    assert learned([release, press, release], "panic") == Binding("panic", "cc", 50, channel=3)
    note = [mido.Message("note_on", note=40, channel=9), mido.Message("note_off", note=40, channel=9)]
    assert learned(note, "play") == Binding("play", "note", 40, channel=10, button="toggle")
    assert learned(note[:1], "tap") == Binding("tap", "note", 40, channel=10)
    assert learned(note[1:], "tap") is None


def test_a_button_held_for_long_works_while_it_is_pressed():
    learner = Learner(PARAMETERS["hold"])
    learner.feed(cc(50, 127), 0.0)
    learner.feed(cc(50, 0), 1.0)
    assert learner.result(1.6) == Binding("hold", "cc", 50, channel=3)


def test_wheels_and_pressure():
    bends = [mido.Message("pitchwheel", pitch=pitch, channel=1) for pitch in range(0, 8000, 500)]
    assert learned(bends) == Binding("x", "pitchbend", channel=2)
    assert learned([mido.Message("aftertouch", value=v) for v in FADER]) == Binding("x", "pressure", channel=1)
    assert learned([mido.Message("polytouch", note=3, value=v) for v in FADER]) == Binding("x", "poly", 3, channel=1)
    assert learned([mido.Message("program_change", program=3)], "preset") == Binding("preset", "program", channel=1)


def test_what_moved_most_is_taken():
    noise = [cc(70, 64), cc(70, 65), cc(70, 64)]
    assert learned(noise + [cc(21, v) for v in FADER] + noise).number == 21
    assert learned([mido.Message("clock"), mido.Message("active_sensing")]) is None


@given(st.integers(0, 127), st.integers(0, 127), st.integers(1, 5))
def test_an_absolute_knob_is_never_taken_for_an_encoder(start, end, speed):
    values = list(range(start, end, speed if end > start else -speed))
    found = recognise(values)
    assert found is None or found.kind == "cc" or len(set(values)) < 6


def test_learning_asks_for_each_parameter_in_turn():
    script = [cc(21, value) for value in FADER] + [None] * 20 + [cc(50, 127), cc(50, 0)] + [None] * 20
    now, said = 0.0, []

    def receive(seconds: float):
        nonlocal now
        now += seconds
        return now, script.pop(0)

    found = learn(["x", "hold"], receive, said.append)
    assert found == [Binding("x", "cc", 21, channel=3), Binding("hold", "cc", 50, channel=3, button="toggle")]
    assert said[0].startswith("x (on the pad") and said[1] == "x: controller 21, channel 3" and len(said) == 4
    assert learn(["x"], lambda seconds: None, said.append) == []
    with pytest.raises(InputError, match="volume"):
        learn(["volume"], receive, said.append)


def test_a_control_is_learned_for_one_parameter_only():
    more = [cc(21, value) for value in range(90, 128, 2)]
    script = [*[cc(21, value) for value in FADER], *[None] * 20, *more, *[None] * 20]
    script += [*[cc(22, value) for value in FADER], *[None] * 20]
    now, said = 0.0, []

    def receive(seconds: float):
        nonlocal now
        now += seconds
        return now, script.pop(0)

    first = learn(["x"], receive, said.append)
    assert [each.number for each in first + learn(["y"], receive, said.append, bound=first)] == [21, 22]
    assert any("controller 21, channel 3 has just been bound to x; move another one" in line for line in said)


def test_a_program_as_a_button():
    program = [mido.Message("program_change", program=5)]
    assert learned(program, "hold") == Binding("hold", "program", 5, channel=1, button="toggle")
    assert learned(program, "panic") == Binding("panic", "program", 5, channel=1)


def test_learning_says_when_it_is_in_doubt():
    script, now, said = [cc(9, 1)] * 6 + [None] * 12 + [cc(9, 127)] * 6 + [None] * 20, 0.0, []

    def receive(seconds: float):
        nonlocal now
        now += seconds
        return now, script.pop(0)

    assert learn(["x"], receive, said.append)[0].kind == "relative"
    assert "both ways" in said[1]


def test_what_was_learned_goes_into_a_map(tmp_path):
    path = tmp_path / "mine.toml"
    write_bindings(path, [Binding("x", "cc", 21, channel=3), Binding("y", "cc", 22)], device="box 1")
    assert (read_map(path).name, read_map(path).device) == ("mine", "box 1")
    path.write_text("# my notes\n" + path.read_text() + "smoothing = 0.02 # slow\n")
    relearned = Binding("tempo", "relative", 21, channel=3, encoding="binary-offset", step=0.01, range=(60, 90))
    write_bindings(path, [Binding("position", "cc14", 1, 33), relearned])  # 21 was x
    assert read_map(path).bindings == (
        Binding("y", "cc", 22, smoothing=0.02),
        Binding("position", "cc14", 1, 33),
        relearned,
    )
    assert path.read_text().startswith("# my notes") and "# slow" in path.read_text()
    assert [file.name for file in tmp_path.iterdir()] == ["mine.toml"]


def test_a_file_that_is_no_map_is_left_alone(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[[[")
    with pytest.raises(InputError, match="expected TOML"):
        write_bindings(path, [Binding("x", "cc", 21)])
    assert path.read_text() == "[[["
    with pytest.raises(InputError, match="cannot write"):
        write_bindings(tmp_path / "nowhere" / "mine.toml", [Binding("x", "cc", 21)])
