"""OSC by real UDP sockets: addresses in, parameters set; parameters in, messages out; nonsense is a warning."""

from __future__ import annotations

import queue
import socket
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket
from pythonosc.udp_client import SimpleUDPClient

from latentmix.errors import InputError
from realtime.control.osc import UPDATE_SECONDS, OscIn, OscOut, address, read_message
from realtime.control.osc_pattern import is_pattern, matches
from realtime.music.parameters import PARAMETERS


@pytest.fixture
def bench():
    """A listener, a client that sends to it, and what came out."""
    arrived, warned = queue.Queue(), queue.Queue()
    with OscIn(lambda moves: [arrived.put(move) for move in moves.items()], warned.put, port=0) as osc:
        client = SimpleUDPClient("127.0.0.1", osc.port)
        yield client, arrived, warned
        client._sock.close()


def test_parameters_are_set_by_name(bench):
    client, arrived, _ = bench
    said = {"/latentmix/position": 0.25, "/latentmix/weight/1": 1, "/latentmix/weight.2": 0.5, "/latentmix/hold": True}
    said |= {"/latentmix/key": "d:min", "/latentmix/follow": 2, "/latentmix/tempo": 399, "/latentmix/panic": []}
    for path, value in said.items():
        client.send_message(path, value)
    client.send_message("/latentmix/xy", [0.1, 0.2])
    found = [arrived.get(timeout=30) for _ in range(10)]
    assert found == [
        ("position", 0.25),
        ("weight.1", 1.0),
        ("weight.2", 0.5),
        ("hold", True),
        ("key", "D:min"),
        ("follow", "bar"),
        ("tempo", 399.0),
        ("panic", True),
        ("x", pytest.approx(0.1)),
        ("y", pytest.approx(0.2)),
    ]


def test_arrays_patterns_of_the_pair_and_kinds_of_arguments_that_are_not_known(caplog):
    """Any tag is OSC; what python-osc does not know is not for the terminal, on which the mix is shown."""
    moved: list[dict] = []
    with OscIn(lambda moves: moved.append(dict(moves)), lambda line: None, port=0) as osc:
        for path, tags, data in (
            ("/latentmix/xy", "[ff]", struct.pack(">ff", 0.25, 0.5)),
            ("/latentmix/x?", "ff", struct.pack(">ff", 0.5, 0.25)),
            ("/latentmix/panic", "I", b""),
        ):
            osc.receive(
                b"".join(each + bytes(4 - len(each) % 4) for each in (path.encode(), f",{tags}".encode())) + data
            )
    assert moved == [{"x": 0.25, "y": 0.5}, {"x": 0.5, "y": 0.25}, {"panic": True}]
    assert not caplog.records


def test_bundles(bench):
    client, arrived, _ = bench
    bundle = OscBundleBuilder(IMMEDIATELY)
    for name in ("x", "y"):
        message = OscMessageBuilder(address(name))
        message.add_arg(0.5)
        bundle.add_content(message.build())
    client.send(bundle.build())
    assert [arrived.get(timeout=30) for _ in range(2)] == [("x", 0.5), ("y", 0.5)]


def test_nonsense_is_a_warning_and_the_next_message_counts(bench):
    client, arrived, warned = bench
    client.send_message("/latentmix/x", float("nan"))
    assert warned.get(timeout=30) == "/latentmix/x: expected a number from 0 to 1, found nan"
    client.send_message("/latentmix/x", float("nan"))  # not said again
    client.send_message("/latentmix/volume", 1)
    assert "/latentmix/volume: expected the name of a parameter" in warned.get(timeout=30)
    client._sock.sendto(b"hello", ("127.0.0.1", client._port))
    assert "a packet of 5 bytes: expected OSC" in warned.get(timeout=30)
    client.send_message("/latentmix/x", 1)
    assert arrived.get(timeout=30) == ("x", 1.0) and arrived.empty() and warned.empty()


@pytest.mark.parametrize(
    ("path", "arguments", "said"),
    [
        ("/other/x", [1], "expected an address that starts with /latentmix/"),
        ("/latentmix/x", [], "expected one argument, a number from 0 to 1, found 0"),
        ("/latentmix/x", [1, 2], "expected one argument"),
        ("/latentmix/x", ["1"], "expected a number from 0 to 1, found '1'"),
        ("/latentmix/x", [None], "found nil"),
        ("/latentmix/x", [b"1"], "found bytes"),
        ("/latentmix/x", [[1]], r"found \[1\]"),
        ("/latentmix/x", [float("inf")], "found inf"),
        ("/latentmix/hold", ["on"], "expected 0 or 1, found 'on'"),
        ("/latentmix/key", ["H:maj"], "expected one of none, auto, C:maj"),
        ("/latentmix/panic", [1, 2], "expected no argument or one"),
        ("/latentmix/panic", [float("nan")], "found nan"),
        ("/latentmix/xy", [1], "expected two numbers, found 1"),
        ("/latentmix/tempo", [0.0], "tempo: expected a number from 20 to 400, found 0.0"),
        ("/latentmix/tempo", [10_000], "tempo: expected a number from 20 to 400, found 10000"),
        ("/latentmix/" + "é" * 500, [1], "expected the name of a parameter"),
    ],
)
def test_one_clear_line(path, arguments, said):
    with pytest.raises(InputError, match=said) as error:
        read_message(path, arguments)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("/latentmix/weight/*", [f"weight.{n}" for n in range(1, 9)]),
        ("/latentmix/weight.[2-3]", ["weight.2", "weight.3"]),
        ("/latentmix/weight/[!1-6]", ["weight.7", "weight.8"]),
        ("/latentmix/{x,y}", ["x", "y"]),
        ("/*/?", ["x", "y"]),
        ("/latentmix/attribute/{den,r}*", ["attribute.density", "attribute.range"]),
        ("/latentmix/*nsity", ["density"]),
        ("/latentmix//density", ["attribute.density", "density"]),
        ("//position", ["position", "drums.position", "sound.position"]),
        ("//drums/{level,position}", ["drums.position", "drums.level"]),
    ],
)
def test_patterns_of_osc_1_0(pattern, names):
    assert read_message(pattern, [0.5]) == [(name, 0.5) for name in names]


@pytest.mark.parametrize(
    "pattern", ["/latentmix/volume*", "/*", "/latentmix/weight/[1", "/latentmix/{x", "/other/*", "*"]
)
def test_patterns_that_fit_nothing(pattern):
    with pytest.raises(InputError, match="expected a pattern that fits an address such as /latentmix/position"):
        read_message(pattern, [0.5])


@given(st.text("ab*?[]{},/-!", max_size=30), st.text("ab/", max_size=12))
def test_patterns_are_matched_as_fast_as_may_be(pattern, text):
    assert matches(pattern, text) in (True, False)
    if not is_pattern(pattern) and not set(pattern) & set("]},-!"):
        assert matches(pattern, text) == (pattern == text)


def test_what_is_in_a_bundle_moves_together():
    moves, said = [], []
    with OscIn(moves.append, said.append, 0) as osc:
        bundle = OscBundleBuilder(IMMEDIATELY)
        for path, value in (("x", 0.25), ("nothing", 1), ("y", 0.5), ("tap", 1), ("tap", 1)):
            message = OscMessageBuilder(f"/latentmix/{path}")
            message.add_arg(value)
            bundle.add_content(message.build())
        osc.receive(bundle.build().dgram)
    assert moves == [{"x": 0.25, "y": 0.5, "tap": True}, {"tap": True}] and len(said) == 1


@pytest.mark.parametrize(
    ("argument", "told"), [(None, "nil"), (b"abcd", "bytes"), ((0, 144, 60, 1), "a time or a message")]
)
def test_no_python_is_told(argument, told):
    with pytest.raises(InputError, match=f"expected a number from 0 to 1, found {told}$"):
        read_message("/latentmix/position", [argument])


def test_stars_without_end():
    assert not matches("/" + "*a" * 100, "/" + "a" * 99 + "b")
    with pytest.raises(InputError, match="expected the name of a parameter"):
        read_message("/latentmix/" + "*" * 60_000, [1])


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::"])
def test_osc_over_ipv6(host):
    arrived: queue.Queue = queue.Queue()
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("needs IPv6")
    with OscIn(arrived.put, print, port=0, host=host) as osc, OscOut("::1", osc.port) as client:
        client.update({"x": 0.25}, 1.0)
        assert arrived.get(timeout=30) == {"x": 0.25}


def test_two_numbers_of_one_message_move_together(bench):
    moved: queue.Queue = queue.Queue()
    with OscIn(moved.put, print, port=0) as osc:
        client = SimpleUDPClient("127.0.0.1", osc.port)
        client.send_message("/latentmix/xy", [0.25, 0.75])
        assert moved.get(timeout=30) == {"x": 0.25, "y": 0.75}
        client._sock.close()


def test_a_trigger_is_released_without_effect():
    assert read_message("/latentmix/tap", [1]) == read_message("/latentmix/tap", []) == [("tap", True)]
    assert read_message("/latentmix/tap", [0]) == read_message("/latentmix/tap", [0.0]) == []


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda b: b"#bundle\0" + bytes(7) + b"\1" + b))
def test_any_bytes(packet):
    log, warnings = [], []
    osc = OscIn.__new__(OscIn)
    osc._move, osc._warn, osc._parameters, osc._last_warning = log.append, warnings.append, PARAMETERS, ""
    osc.receive(packet)
    assert all("\n" not in line for line in warnings)


def test_a_bundle_in_a_bundle_in_a_bundle():
    packet = b""
    for _ in range(3000):
        packet = b"#bundle\0" + bytes(7) + b"\1" + len(packet).to_bytes(4, "big") + packet
    warnings = []
    with OscIn(lambda *said: None, warnings.append, port=0) as osc:
        osc.receive(packet)
    assert len(warnings) <= 1


def test_a_port_that_is_taken():
    with OscIn(lambda *said: None, print, port=0) as osc:
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{osc.port}: .*choose another port"):
            OscIn(lambda *said: None, print, port=osc.port)
    with pytest.raises(InputError, match="expected a port from 0 to 65535, found 70000"):
        OscIn(lambda *said: None, print, port=70000)
    with pytest.raises(InputError, match="cannot send to"):
        OscOut("no.such.host.invalid", 9001)


def test_changes_go_out_under_the_same_names():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(30)
        osc = OscOut("127.0.0.1", receiver.getsockname()[1])
        values = {"position": 0.5, "weight.1": 0.25, "hold": True, "key": "C:maj", "octave": -1, "panic": False}
        osc.update(values, 1.0)
        osc.update(values, 2.0)
        osc.update(values | {"position": 0.75}, 3.0)
        osc.update(values | {"position": 0.76}, 3.0 + UPDATE_SECONDS / 2)  # too soon
        osc.update(values | {"position": 0.77}, 4.0)
        osc.close()
        found = [OscPacket(receiver.recv(9999)).messages[0].message for _ in range(7)]
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(1)
    said = [(message.address, *message.params) for message in found]
    assert said[:5] == [
        ("/latentmix/position", 0.5),
        ("/latentmix/weight/1", 0.25),
        ("/latentmix/hold", True),
        ("/latentmix/key", "C:maj"),
        ("/latentmix/octave", -1),
    ]
    assert [value for _, value in said[5:]] == [0.75, pytest.approx(0.77)]
    assert all(read_message(path, values) for path, *values in said)
