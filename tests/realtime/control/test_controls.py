"""Controllers to parameters: known messages in, known values out, on a clock that the test turns."""

from __future__ import annotations

from itertools import pairwise

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from realtime.control.bindings import Binding, ControllerMap
from realtime.control.controller import TICK_SECONDS, BoundController
from realtime.control.maps import read_map
from realtime.control.messages import PAIR_SECONDS
from realtime.midi.byte_stream import ByteStream
from realtime.midi.expression import MpeZone
from realtime.music.parameters import PARAMETERS


class Bench:
    """A map under test: `has` is what the engine has, `log` what was set, in order."""

    def __init__(self, *bindings: Binding, mpe: MpeZone | None = None, **has) -> None:
        self.now, self.log = 100.0, []
        self.has = {name: parameter.default for name, parameter in PARAMETERS.items()} | has
        self.controls = BoundController(
            ControllerMap("test", bindings=bindings, mpe=mpe or MpeZone()), self.set, self.has.get
        )

    def set(self, name, value):
        self.log.append((name, value))
        self.has[name] = value

    def send(self, *messages: str | mido.Message, wait: float = 0.01):
        """Messages, each followed by a pause in which the clock ticks; what they set."""
        start = len(self.log)
        for message in messages:
            self.controls.feed(mido.Message.from_str(message) if isinstance(message, str) else message, self.now)
            self.rest(wait)
        return self.log[start:]

    def rest(self, seconds: float):
        end = self.now + seconds
        while (due := self.controls.tick(self.now)) is not None and due <= end:
            self.now = due
        self.now = end


def cc(number: int, value: int, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, channel=channel)


def default_bench(**has) -> Bench:
    return Bench(*read_map("default").bindings, **has)


def test_the_default_map():
    bench = default_bench()
    assert bench.send(cc(1, 127)) == [("position", 1.0)]
    assert bench.send(cc(1, 0)) == [("position", 0.0)]
    assert bench.send(cc(1, 64, 5)) == [("position", pytest.approx(64 / 127))]
    assert bench.send(cc(16, 127), cc(17, 0)) == [("x", 1.0), ("y", 0.0)]
    assert bench.send(cc(64, 127), cc(64, 127), cc(64, 64), cc(64, 63)) == [("hold", True), ("hold", False)]
    assert bench.send(cc(120, 0)) == bench.send(cc(123, 0)) == [("panic", True)]
    assert bench.send("program_change program=5") == [("preset", 5)]
    assert (
        bench.send("note_on note=1", "clock", "pitchwheel pitch=9", cc(99, 3), "sysex data=(1,2)", "aftertouch value=3")
        == []
    )


def test_fourteen_bits_reach_every_value_in_order():
    bench = default_bench()
    for value in range(0, 16384, 7):
        bench.controls.feed(cc(1, value >> 7), bench.now)
        bench.controls.feed(cc(33, value & 127), bench.now + 0.001)
        bench.rest(0.005)
    values = [value for _, value in bench.log]
    # the first high byte counts at once, since nobody knows of the low one yet
    assert values[-2341 + 1 :] == pytest.approx([value / 16383 for value in range(7, 16384, 7)])
    assert all(a < b for a, b in pairwise(values))


@given(st.lists(st.integers(0, 16383), min_size=2, max_size=20), st.booleans())
def test_a_pair_never_shows_what_the_knob_never_was(values, low_first):
    """Whatever the jumps and whichever byte comes first."""
    bench = Bench(Binding("position", "cc14", 1, low_byte=33, low_first=low_first))
    bench.send(cc(1, 0), cc(33, 0), cc(1, 0))
    bench.log.clear()
    for value in values:
        halves = [cc(1, value >> 7), cc(33, value & 127)]
        for message in reversed(halves) if low_first else halves:
            bench.controls.feed(message, bench.now)
            bench.rest(0.001)
        bench.rest(0.01)
    assert {value for _, value in bench.log} <= {round(value / 16383, 10) for value in values}
    assert bench.has["position"] == pytest.approx(values[-1] / 16383)


def test_one_byte_of_a_pair_alone():
    bench = default_bench()
    bench.send(cc(33, 100))
    assert bench.log == []  # a low byte of nothing
    bench.send(cc(1, 64), cc(33, 100))
    assert bench.send(cc(33, 101)) == [("position", pytest.approx((64 * 128 + 101) / 16383))]
    start = bench.now
    assert bench.send(cc(1, 65), wait=PAIR_SECONDS / 2) == []
    bench.rest(PAIR_SECONDS)
    assert bench.log[-1] == ("position", pytest.approx((65 * 128 + 101) / 16383)) and bench.now > start
    assert bench.send(cc(1, 127)) == [("position", 1.0)]
    assert bench.send(cc(1, 0)) == [("position", 0.0)]


def test_a_flood_of_high_bytes_is_heard():
    bench = default_bench()
    bench.send(cc(1, 1), cc(33, 1))
    start = bench.now
    while bench.now < start + 0.1:
        bench.send(cc(1, int((bench.now - start) * 500)), wait=0.0005)
    assert len({value for _, value in bench.log}) > 15


def test_channels_do_not_mix_their_bytes():
    bench = default_bench()
    bench.send(cc(1, 64, 0), cc(33, 0, 0), cc(1, 0, 3), cc(33, 5, 3))
    assert bench.send(cc(33, 1, 0)) == [("position", pytest.approx(8193 / 16383))]


def test_nrpn():
    bench = Bench(Binding("tempo", "nrpn", 300, range=(100, 116.383)))
    select = [cc(99, 300 >> 7), cc(98, 300 & 127)]
    assert bench.send(*select, cc(6, 127)) == [("tempo", pytest.approx(116.383))]
    bench.send(cc(38, 0))
    assert bench.send(cc(6, 1), cc(38, 3))[-1:] == [("tempo", pytest.approx(100.131))]
    assert bench.send(cc(96, 0), cc(96, 0), cc(97, 0))[-1] == ("tempo", pytest.approx(100.132))
    assert bench.send(cc(98, 5), cc(6, 9)) == []  # another number
    assert bench.send(*select, cc(101, 0), cc(100, 0), cc(6, 2)) == []  # a registered parameter
    assert bench.send(*select, cc(99, 127), cc(98, 127), cc(6, 2)) == []  # none
    assert bench.send(cc(6, 64, 2)) == []  # another channel


def test_nrpn_by_running_status_in_any_pieces():
    bench = Bench(Binding("x", "nrpn", 300))
    data = bytes([0xB0, 99, 2, 98, 44, 6, 127, 0xF8, 38, 127, 6, 0, 38, 0, 0xB1, 6, 64])
    for size in (1, 2, 5, len(data)):
        stream, moved = ByteStream(), []
        for at in range(0, len(data), size):
            for message in stream.feed(data[at : at + size]):
                moved += bench.send(message)
        assert moved[0][0] == "x" and 1.0 in [value for _, value in moved] and moved[-1] == ("x", 0.0)


def test_data_entry_is_a_controller_like_others_when_no_parameter_is_chosen():
    bench = Bench(Binding("weight.7", "cc", 6), Binding("x", "nrpn", 1))
    assert bench.send(cc(6, 127)) == [("weight.7", 1.0)]
    assert bench.send(cc(99, 0), cc(98, 1), cc(6, 127)) == [("x", 1.0)]


def test_pitch_bend_and_pressure():
    bench = Bench(
        Binding("x", "pitchbend", channel=2),
        Binding("y", "pressure"),
        Binding("temperature", "poly", 60),
        Binding("density", "poly"),
    )
    bends = [f"pitchwheel channel=1 pitch={pitch}" for pitch in (-8192, 0, 8191)]
    assert bench.send(*bends, "pitchwheel pitch=5") == [("x", 0.0), ("x", 0.5), ("x", 1.0)]
    assert bench.send("aftertouch value=127") == [("y", 1.0)]
    assert bench.send("polytouch note=60 value=127") == [("temperature", 2.0), ("density", 1.0)]
    assert bench.send("polytouch note=61 value=0") == [("density", 0.0)]


@pytest.mark.parametrize(
    ("encoding", "right", "left"),
    [("twos-complement", 2, 126), ("binary-offset", 66, 62), ("sign-magnitude", 2, 66)],
)
def test_relative_encoders(encoding, right, left):
    bench = Bench(
        Binding("x", "relative", 20, encoding=encoding, step=0.01),
        Binding("tempo", "relative", 21, encoding=encoding, step=0.1, range=(50, 200), curve="log"),
        Binding("octave", "relative", 22, encoding=encoding),
        Binding("follow", "relative", 23, encoding=encoding),
        Binding("hold", "relative", 24, encoding=encoding),
        tempo=100.0,
    )
    assert bench.send(cc(20, right), cc(20, right), cc(20, left)) == [
        ("x", pytest.approx(value)) for value in (0.52, 0.54, 0.52)
    ]
    assert bench.send(cc(21, right)) == [("tempo", pytest.approx(100 * 4**0.2))]
    assert bench.send(*[cc(21, left)] * 9)[-1] == ("tempo", pytest.approx(50.0))
    assert bench.send(cc(22, right), cc(22, left), cc(22, left)) == [("octave", 2), ("octave", 0), ("octave", -2)]
    assert bench.send(cc(23, right), cc(23, right), cc(23, left))[1:] == [("follow", "bar"), ("follow", "step")]
    assert bench.send(cc(24, right), cc(24, left)) == [("hold", True), ("hold", False)]


def test_clicks_of_a_burst_add_up():
    bench = Bench(Binding("x", "relative", 20, step=0.01))
    for _ in range(30):
        bench.controls.feed(cc(20, 1), bench.now)
    bench.rest(0.01)
    assert bench.log == [("x", pytest.approx(0.8))]


def test_notes_as_buttons():
    bench = Bench(
        Binding("hold", "note", 36),
        Binding("play", "note", 37, button="toggle"),
        Binding("follow", "note", 38, button="next"),
        Binding("key", "note", 39, value="D:min"),
        Binding("octave", "note", 40, button="previous"),
        Binding("tap", "note", 41),
        Binding("density", "note", 42),
    )
    press = ["note_on note=36 velocity=1", "note_on note=36 velocity=0"]
    assert bench.send(*press, press[0], "note_off note=36") == [("hold", on) for on in (True, False, True, False)]
    press = ["note_on note=37", "note_off note=37"]
    assert bench.send(*press, *press) == [("play", False), ("play", True)]
    assert [v for _, v in bench.send(*["note_on note=38", "note_off note=38"] * 3)] == ["beat", "bar", "step"]
    assert bench.send("note_on note=39", "note_off note=39") == [("key", "D:min")]
    assert [v for _, v in bench.send(*["note_on note=40"] * 5)] == [-1, -2, -3, -3, -3]
    assert bench.send(*["note_on note=41"] * 3) == [("tap", True)] * 3  # note offs may be lost
    assert bench.send("note_on note=42 velocity=127", "note_off note=42") == [("density", 1.0)]


def test_presses_do_not_wait_for_the_tick():
    bench = Bench(Binding("tap", "cc", 9, button="any"))
    for _ in range(5):
        bench.controls.feed(cc(9, 0), bench.now)
    assert bench.log == [("tap", True)] * 5


def test_a_pedal_that_others_moved_meanwhile():
    bench = Bench(Binding("hold", "cc", 64), hold=True)
    assert bench.send(cc(64, 0)) == [("hold", False)]
    bench.rest(1.0)
    bench.has["hold"] = True
    assert bench.send(cc(64, 0), cc(64, 0)) == [("hold", False)]


def test_programs_as_buttons():
    bench = Bench(Binding("follow", "program", 3, value="bar"))
    assert bench.send("program_change program=2") == []
    assert bench.send("program_change program=3", "program_change program=3") == [("follow", "bar")] * 2


def test_range_and_curve():
    bench = Bench(
        Binding("x", "cc", 1, range=(0.75, 0.25)),
        Binding("tempo", "cc", 2, range=(50, 200), curve="log"),
        Binding("y", "cc", 3, curve="s"),
        Binding("temperature", "cc", 4, curve=2.0),
        Binding("follow", "cc", 5),
        Binding("octave", "cc", 6),
    )
    assert bench.send(cc(1, 0), cc(1, 127)) == [("x", 0.75), ("x", 0.25)]
    assert bench.send(cc(2, 0), cc(2, 127)) == [("tempo", 50.0), ("tempo", 200.0)]
    assert bench.send("control_change control=2 value=64")[0][1] == pytest.approx(50 * 4 ** (64 / 127))
    assert bench.send(cc(3, 32))[0][1] == pytest.approx(3 * (32 / 127) ** 2 - 2 * (32 / 127) ** 3)
    assert bench.send(cc(4, 32))[0][1] == pytest.approx(2 * (32 / 127) ** 2)
    assert [v for _, v in bench.send(cc(5, 42), cc(5, 43), cc(5, 84), cc(5, 127))] == ["step", "beat", "beat", "bar"]
    assert [v for _, v in bench.send(cc(6, 0), cc(6, 64), cc(6, 127))] == [-3, 0, 3]


def test_smoothing_is_a_one_pole():
    bench = Bench(Binding("x", "cc", 1, smoothing=0.05), x=0.0)
    start = bench.now
    bench.controls.feed(cc(1, 127), start)
    reached = {}
    while (due := bench.controls.tick(bench.now)) is not None:
        reached[bench.now - start] = bench.has["x"]
        bench.now = due
    times = sorted(reached)
    assert all(reached[t] == pytest.approx(1 - 2.718281828 ** (-t / 0.05), abs=1e-3) for t in times[:-1])
    assert bench.has["x"] == 1.0 and 0.4 < times[-1] < 0.5
    assert all(b - a >= TICK_SECONDS * 0.99 for a, b in pairwise(times))


def test_smoothing_does_not_depend_on_how_often_it_is_called():
    coarse, fine = (Bench(Binding("x", "cc", 1, smoothing=0.1), x=0.0) for _ in range(2))
    for bench, ticks in ((coarse, 1), (fine, 25)):
        bench.controls.feed(cc(1, 127), bench.now)
        for at in range(1, ticks + 1):
            bench.controls.tick(bench.now + 0.1 * at / ticks)
    assert coarse.has["x"] == pytest.approx(fine.has["x"]) == pytest.approx(1 - 1 / 2.718281828)


def test_nothing_moves_until_the_knob_has_passed_the_value():
    bench = Bench(Binding("x", "cc", 1, pickup=True), x=0.5)
    assert bench.send(*(cc(1, value) for value in (0, 20, 40, 60))) == []
    assert bench.send(cc(1, 70))[0][1] == pytest.approx(70 / 127)  # passed, though 64 was lost
    assert bench.send(cc(1, 10))[0][1] == pytest.approx(10 / 127)  # from now on it follows
    bench.rest(1.0)
    bench.has["x"] = 0.9  # somebody else moved it
    assert bench.send(cc(1, 20), cc(1, 100)) == []
    assert bench.send(cc(1, 115)) == [("x", pytest.approx(115 / 127))]
    assert bench.send(cc(1, 90)) == [("x", pytest.approx(90 / 127))]


def test_a_knob_that_stands_at_the_value_has_picked_it_up():
    bench = Bench(Binding("tempo", "cc", 1, range=(60, 187), pickup=True))
    assert bench.send(cc(1, 0), cc(1, 50)) == []
    assert bench.send(cc(1, 60)) == [("tempo", 120.0)]


def test_two_knobs_take_over_from_each_other_by_pickup():
    bench = Bench(*(Binding("x", "cc", number, pickup=True) for number in (1, 2)), x=0.0)
    bench.send(cc(1, 0), cc(1, 100))
    assert bench.send(cc(2, 0), cc(2, 90)) == []
    assert bench.send(cc(2, 110), cc(2, 20)) == [("x", pytest.approx(v / 127)) for v in (110, 20)]
    assert bench.send(cc(1, 101)) == []


def test_a_burst_is_coalesced():
    """2,000 messages in 13 ms: the newest is heard, at most one value every 2 ms."""
    bench = Bench(Binding("x", "cc", 1))
    for at in range(2000):
        bench.controls.feed(cc(1, at % 128), bench.now + at * 6.5e-6)
        bench.controls.tick(bench.now + at * 6.5e-6)
    bench.now += 0.013
    bench.rest(0.01)
    assert len(bench.log) <= 0.013 / TICK_SECONDS + 2
    assert bench.has["x"] == pytest.approx((1999 % 128) / 127)


def test_mpe_follows_the_finger_put_down_last():
    bench = Bench(*read_map("mpe").bindings, Binding("octave", "note", 60, channel="members", value=1))
    bend = [f"pitchwheel channel={channel} pitch=8191" for channel in (1, 2)]
    assert bench.send(bend[0], "pitchwheel channel=0 pitch=100") == []  # no finger yet; the master does not count
    assert bench.send("note_on channel=1 note=60", wait=0.2)[-1] == ("x", 1.0)  # its bend came before it
    assert bench.send("note_on channel=2 note=62", bend[0], wait=0.2) == []  # the first finger has no say now
    assert bench.send("pitchwheel channel=2 pitch=-8192", wait=0.2)[-1] == ("x", 0.0)
    assert bench.send("note_off channel=2 note=62", wait=0.2)[-1] == ("x", 1.0)  # back to the first
    assert bench.send("aftertouch channel=1 value=127", wait=0.5)[-1] == ("temperature", 1.0)
    assert ("octave", 1) in bench.log
    assert bench.send(cc(64, 127, 3)) == [] and bench.send(cc(64, 127)) == [("hold", True)]


def test_an_mpe_controller_may_say_how_many_channels_it_uses():
    bench = Bench(*read_map("mpe").bindings)
    bench.send(cc(101, 0, 15), cc(100, 6, 15), cc(6, 3, 15))
    assert bench.controls.zone == MpeZone(upper=True, members=3)
    assert 13 in bench.controls.zone and 12 not in bench.controls.zone and bench.controls.zone.master == 16
    bench.send("note_on channel=12 note=60")
    assert bench.send("pitchwheel channel=12 pitch=8191", wait=0.2)[-1] == ("x", 1.0)


def test_a_value_that_the_engine_refuses_is_a_warning():
    def refuse(name, value):
        raise InputError(f"{name}: not now")

    warnings = []
    controls = BoundController(read_map("default"), refuse, warn=warnings.append)
    controls.feed(cc(120, 0), 0.0)
    controls.feed(cc(1, 5), 0.0)
    controls.tick(0.0)
    assert warnings == ["panic: not now", "position: not now"]
    with pytest.raises(InputError, match="not now"):
        BoundController(read_map("default"), refuse).feed(cc(120, 0), 0.0)


messages = st.one_of(
    st.builds(cc, st.integers(0, 127), st.integers(0, 127), st.integers(0, 15)),
    st.builds(
        lambda kind, note, velocity, channel: mido.Message(kind, note=note, velocity=velocity, channel=channel),
        st.sampled_from(["note_on", "note_off"]),
        st.integers(0, 127),
        st.integers(0, 127),
        st.integers(0, 15),
    ),
    st.builds(
        lambda pitch, channel: mido.Message("pitchwheel", pitch=pitch, channel=channel),
        st.integers(-8192, 8191),
        st.integers(0, 15),
    ),
    st.builds(lambda program: mido.Message("program_change", program=program), st.integers(0, 127)),
)


@given(
    st.lists(st.tuples(messages, st.floats(0, 0.02)), max_size=200),
    st.sampled_from(["default", "mpe", "bcf2000", "x-touch-mini"]),
)
def test_any_messages_give_only_valid_values(stream, name):
    bench = Bench(*read_map(name).bindings)
    for message, wait in stream:
        bench.send(message, wait=wait)
    for parameter, value in bench.log:
        assert PARAMETERS[parameter].check(value) == value
    bench.rest(5.0)
    assert bench.controls.tick(bench.now) is None


@pytest.mark.parametrize("curve", ["linear", "log", "s", 1.7])
def test_no_knob_leaves_the_range_of_the_tempo(curve):
    bench = Bench(Binding("tempo", "relative", 5, curve=curve, smoothing=0.003), Binding("tempo", "cc", 6, curve=curve))
    for value in (63, 63, 63, 63, 1):
        bench.send(cc(5, value))
    for value in range(128):
        bench.send(cc(6, value))
    found = [value for _, value in bench.log]
    assert found and all(PARAMETERS["tempo"].check(value) == value for value in found) and found[-1] == 400.0
