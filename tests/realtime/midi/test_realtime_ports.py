"""Ports over TCP, which every machine has: the whole way from a knob to notes through a player process."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from types import SimpleNamespace

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_players import wait_for

from latentmix.errors import InputError
from realtime.midi import ports
from realtime.midi.apis import compiled_apis, working_api
from realtime.midi.byte_stream import MAX_SYSEX, ByteStream
from realtime.midi.hanging_notes import HangingNotes
from realtime.midi.port_names import find_port, stable_name
from realtime.midi.ports import (
    MemoryOut,
    MidiIn,
    MidiOut,
    RtOut,
    open_input,
    open_output,
)
from realtime.midi.sockets import SocketIn, SocketOut, parse_address
from realtime.music.clock import now
from realtime.music.sequencer import Pattern
from realtime.player import messages
from realtime.player.client import PlayerClient

SCALE = Pattern(1, tuple(62 + k for k in range(16)))
LONG_NOTE = Pattern(1, (62,) + (0,) * 15)


class Synth:
    """Something that listens on a TCP port and keeps what it hears."""

    def __init__(self, port: int = 0) -> None:
        self.heard: list[mido.Message] = []
        self.times: list[float] = []
        self.warnings: list[str] = []
        self._in = SocketIn(("127.0.0.1", port), self._receive, self.warnings.append)
        self.port = self._in.port
        self.name = f"tcp:127.0.0.1:{self.port}"

    def _receive(self, time: float, message: mido.Message) -> None:
        self.times.append(time)
        self.heard.append(message)

    def kinds(self) -> list[str]:
        return [message.type for message in self.heard]

    def close(self) -> None:
        self._in.close()


@pytest.fixture
def synth():
    synth = Synth()
    yield synth
    synth.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(setup: messages.PlayerSetup) -> tuple[PlayerClient, list[messages.Report]]:
    reports: list[messages.Report] = []
    player = PlayerClient(setup, reports.append)
    return player, reports


def holding(synth: Synth) -> tuple[PlayerClient, list[messages.Report]]:
    """A player whose one long note sounds."""
    player, reports = start(messages.PlayerSetup((MidiOut(synth.name),), tempo=20))
    play(player, LONG_NOTE)
    wait_for(lambda: "note_on" in synth.kinds())
    return player, reports


def play(player: PlayerClient, pattern: Pattern = SCALE) -> None:
    player.command(messages.PlayPattern(pattern))
    player.command(messages.SetPlaying(True))


def warnings(reports: list[messages.Report]) -> list[str]:
    return [report.text for report in list(reports) if isinstance(report, messages.PlayerWarning)]


def received(reports: list[messages.Report]) -> list[tuple[float, bytes]]:
    return [each for report in list(reports) if isinstance(report, messages.MidiReceived) for each in report.messages]


def played(reports: list[messages.Report]) -> list[messages.Progress]:
    return [report for report in list(reports) if isinstance(report, messages.Progress) and report.late is not None]


def check_pairs(heard: list[mido.Message]) -> None:
    sounding: set[int] = set()
    for message in heard:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding.add(message.note)
        elif message.type == "note_off":
            sounding.discard(message.note)
    assert not sounding


def test_a_message_arrives_with_the_time_of_its_arrival(synth):
    before = now()
    port = open_output(MidiOut(synth.name), synth.warnings.append)
    for value in range(100):
        port.send(mido.Message("control_change", control=1, value=value))
    wait_for(lambda: len(synth.heard) == 100)
    port.close()
    assert [message.value for message in synth.heard] == list(range(100))
    assert before <= synth.times[0] <= synth.times[-1] <= now()


def test_a_connection_that_is_lost_is_told_once_and_made_again():
    synth, told = Synth(), []
    port = SocketOut(("127.0.0.1", synth.port), told.append)
    synth.close()

    def is_lost():
        port.send(mido.Message("note_on", note=1))
        return port.is_lost

    wait_for(is_lost)
    port.send(mido.Message("note_on", note=2))
    port.check()
    assert len(told) == 1 and "lost" in told[0]
    again = Synth(synth.port)
    port.check()
    assert told[1:] == [f"{port.name}: connected again"]
    port.send(mido.Message("note_on", note=3))
    wait_for(lambda: again.heard)
    port.close()
    again.close()
    assert again.heard[-1].note == 3


def test_a_note_that_sounded_when_the_connection_was_lost_ends_when_it_is_back():
    synth = Synth()
    port = SocketOut(("127.0.0.1", synth.port), print)
    port.send(mido.Message("note_on", channel=2, note=60))
    port.send(mido.Message("note_on", channel=3, note=61))
    wait_for(lambda: len(synth.heard) == 2)
    synth.close()

    def is_lost():
        port.send(mido.Message("note_off", channel=2, note=60))
        return port.is_lost

    wait_for(is_lost)
    again = Synth(synth.port)
    port.check()
    port.send(mido.Message("note_off", channel=3, note=61))
    wait_for(lambda: len(again.heard) >= 2)
    port.close()
    again.close()
    assert [(m.type, m.channel, m.note) for m in again.heard] == [("note_off", 2, 60), ("note_off", 3, 61)]


class FakeBackend:
    """rtmidi's ports as a system lists them, which may come and go."""

    def __init__(self, *names: str) -> None:
        self.names, self.opened, self.sent = list(names), [], []

    def get_output_names(self) -> list[str]:
        return list(self.names)

    def open_output(self, name: str):
        self.opened.append(name)
        return SimpleNamespace(
            _rt=SimpleNamespace(get_ports=lambda: list(self.names)), send=self.sent.append, close=lambda: None
        )


@pytest.fixture
def rtmidi(monkeypatch):
    backend = FakeBackend("Through 14:0", "nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0")
    monkeypatch.setattr(ports.mido, "Backend", lambda name: backend)
    return backend


def test_a_device_that_comes_back_under_another_number_is_bound_again(rtmidi):
    told = []
    port = RtOut(MidiOut("nanokontrol2"), "LINUX_ALSA", told.append)
    port.send(mido.Message("note_on", note=60))
    rtmidi.names[1:] = []
    port.check()
    assert port.is_lost and "went away" in told[-1]
    port.send(mido.Message("note_off", note=60))
    rtmidi.sent.clear()
    rtmidi.names.append("nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0")
    port.check()
    assert rtmidi.opened[-1] == port.name == "nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0" and "is back" in told[-1]
    assert [(m.type, m.note) for m in rtmidi.sent] == [("note_off", 60)]
    rtmidi.names[1:] = ["nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0"]  # out and in again between two looks
    port.check()
    assert port.name == "nanoKONTROL2:nanoKONTROL2 MIDI 1 28:0" and not port.is_lost


def test_on_windows_a_device_comes_back_in_another_socket(rtmidi):
    rtmidi.names[1:] = ["nanoKONTROL2 1"]
    port = RtOut(MidiOut("nanokontrol2"), "WINDOWS_MM", print)
    rtmidi.names[1:] = []
    port.check()
    rtmidi.names.append("2- nanoKONTROL2 1")
    port.check()
    assert port.name == "2- nanoKONTROL2 1" and not port.is_lost


def test_of_two_alike_the_one_that_stayed_is_not_taken_for_the_one_that_comes_back(rtmidi):
    told, (first, second, third) = [], (f"nanoKONTROL2:nanoKONTROL2 MIDI 1 {n}:0" for n in (20, 24, 28))
    rtmidi.names.append(second)
    port = RtOut(MidiOut(first), "LINUX_ALSA", told.append)
    rtmidi.names.remove(first)
    port.check()
    port.check()
    assert port.is_lost and rtmidi.opened == [first]
    rtmidi.names += [third, third.replace("28", "32")]
    port.check()
    port.check()
    assert port.is_lost and sum("may be it" in line for line in told) == 1
    rtmidi.names.pop()
    port.check()
    assert port.name == third


def test_a_port_that_was_made_a_moment_ago_is_waited_for(rtmidi):
    threading.Timer(0.15, lambda: rtmidi.names.append("new synth 130:0")).start()
    assert RtOut(MidiOut("new synth"), "UNIX_JACK", print).name == "new synth 130:0"


def test_two_ports_of_one_name_are_said(rtmidi):
    told = []
    rtmidi.names[:] = ["Keystation", "Keystation"]
    RtOut(MidiOut("Keystation"), "MACOSX_CORE", told.append)
    assert told == ["Keystation: 2 MIDI output ports have this name; the first of them is bound"]


def test_two_that_only_numbers_tell_apart_are_said(rtmidi):
    told, (first, second) = [], (f"nanoKONTROL2:nanoKONTROL2 MIDI 1 {n}:0" for n in (20, 24))
    rtmidi.names.append(second)
    RtOut(MidiOut(first), "LINUX_ALSA", told.append)
    assert len(told) == 1 and f"only the system's numbers tell this MIDI output port from {second}" in told[0]


def test_of_two_ports_of_one_name_one_goes_away(rtmidi):
    told = []
    rtmidi.names[:] = ["Keystation", "Keystation"]
    port = RtOut(MidiOut("Keystation"), "MACOSX_CORE", told.append)
    rtmidi.names.pop()
    port.check()
    port.check()
    assert told[1:] == ["Keystation: one of 2 MIDI ports of this name went away; it may be the one bound here"]
    rtmidi.names.pop()
    port.check()
    assert port.is_lost and "went away; playing on" in told[-1]


def test_on_windows_a_port_gets_another_number_when_one_before_it_goes_away(rtmidi):
    told = []
    rtmidi.names[:] = ["Synth 0", "nanoKONTROL2 1"]
    port = RtOut(MidiOut("nanokontrol2"), "WINDOWS_MM", told.append)
    del rtmidi.names[:]
    rtmidi.names += ["nanoKONTROL2 0"]
    port.check()
    assert not told and port.name == "nanoKONTROL2 0" and rtmidi.opened == ["nanoKONTROL2 1"]
    rtmidi.names[:] = ["GS 0"]
    port.check()
    rtmidi.names[:] = ["GS 0", "Synth 1", "nanoKONTROL2 2"]
    port.check()
    assert port.name == rtmidi.opened[-1] == "nanoKONTROL2 2" and not port.is_lost


def test_on_windows_a_name_that_ends_in_a_number_is_not_taken_for_a_place_in_the_list(rtmidi):
    """The second in the list, called `loopMIDI Port`, is shown as what the third is called."""
    names = ["GS 0", "loopMIDI Port 1", "loopMIDI Port 1 2"]
    with pytest.raises(InputError, match=r"'loopMIDI Port 1' has, .*; say 'loopMIDI Port' or 'loopMIDI Port 1 2'"):
        find_port("loopMIDI Port 1", names, "output", "WINDOWS_MM")
    assert find_port("loopMIDI Port", names, "output", "WINDOWS_MM") == names[1]
    assert find_port("loopMIDI Port 1 2", names, "output", "WINDOWS_MM") == names[2]
    rtmidi.names[:] = names
    port = RtOut(MidiOut("loopMIDI Port"), "WINDOWS_MM", print)
    rtmidi.names[:] = names[:1]
    port.check()
    rtmidi.names[:] = names
    port.check()
    assert port.name == names[1] and not port.is_lost


def test_notes_that_are_over():
    held = HangingNotes()
    for kind, note in (("note_on", 60), ("note_on", 62), ("note_off", 60), ("note_on", 64), ("note_on", 60)):
        held.sent(mido.Message(kind, note=note))
    held.sent(mido.Message("note_on", note=62, velocity=0))
    held.sent(mido.Message("clock"))
    assert [m.note for m in held.over()] == [62]


def test_bytes_in_any_pieces_with_running_status_and_real_time_inside():
    data = bytes.fromhex(
        "90 3c 50 3c00 f8 3e f8 50 b0 01 f0 01 fe 02 f7 07 90 f1 05 40 e0 00 40 7f 7f c1 05 06 f6 33 f4"
    )
    data += bytes.fromhex("80 3c 40")
    whole = [bytes(m.bin()) for m in ByteStream().feed(data)]
    said = "903c50 903c00 f8 f8 903e50 fe f00102f7 f105 e00040 e07f7f c105 c106 f6 803c40"
    assert " ".join(m.hex() for m in whole) == said
    for size in range(1, 7):
        stream = ByteStream()
        pieces = [data[at : at + size] for at in range(0, len(data), size)]
        assert [bytes(m.bin()) for piece in pieces for m in stream.feed(piece)] == whole


@given(st.binary(max_size=200))
def test_any_bytes_are_read_as_well_as_can_be(data):
    for message in ByteStream().feed(data):
        assert mido.Message.from_bytes(list(message.bin())) == message


def test_running_status_over_tcp(synth):
    with socket.create_connection(("127.0.0.1", synth.port)) as client:
        client.sendall(bytes.fromhex("b0 01 00 01 20 01 40 01 7f"))
        wait_for(lambda: len(synth.heard) >= 4)
    assert [m.value for m in synth.heard] == [0, 32, 64, 127]


def test_ipv6():
    if not socket.has_ipv6:
        pytest.skip("needs IPv6")
    heard = []
    try:
        listener = open_input(MidiIn("tcp:[::1]:0"), lambda time, message: heard.append(message), print)
    except InputError as error:
        pytest.skip(f"needs IPv6: {error}")
    port = open_output(MidiOut(f"tcp:[::1]:{listener.port}"), print)
    port.send(mido.Message("stop"))
    wait_for(lambda: heard)
    port.close()
    listener.close()


def test_bytes_that_are_no_midi_do_no_harm(synth):
    with socket.create_connection(("127.0.0.1", synth.port)) as client:
        client.sendall(b"\xff\x00\x12GET / HTTP/1.1\r\n\xf7\x90\x3c")
        client.sendall(b"\x40\xb0\x01\x02")
        wait_for(lambda: len(synth.heard) >= 2)
    assert [m.type for m in synth.heard if m.type != "reset"] == ["note_on", "control_change"]


def test_a_message_without_end_is_hung_up_on(synth):
    with socket.create_connection(("127.0.0.1", synth.port)) as client:
        client.settimeout(20)
        with pytest.raises(ConnectionError):
            client.sendall(b"\xf0")
            for _ in range(MAX_SYSEX):
                client.sendall(bytes(1000))
    assert not synth.heard


@pytest.mark.parametrize("name", ["tcp:", "tcp:9090", "tcp:host:", "tcp:host:99999", "tcp:host:a"])
def test_addresses_that_are_none(name):
    with pytest.raises(InputError, match="tcp:HOST:PORT"):
        parse_address(name)


def test_nobody_listens_and_somebody_listens_already(synth):
    with pytest.raises(InputError, match="cannot connect"):
        open_output(MidiOut(f"tcp::{free_port()}"), print)
    with pytest.raises(InputError, match="cannot listen"):
        open_input(MidiIn(synth.name), print, print)


def test_ports_are_found_by_a_part_of_their_name():
    names = ["Midi Through:0", "Synth A 20:0", "Synth B 21:0"]
    assert find_port("synth b", names, "output") == "Synth B 21:0"
    assert find_port(None, names[:1], "output") == "Midi Through:0"
    with pytest.raises(InputError, match="only one MIDI output port 'Synth' has, found Synth A 20:0; Synth B 21:0"):
        find_port("Synth", names, "output")
    with pytest.raises(InputError, match="a MIDI input port 'Piano', found none; see livemix ports"):
        find_port("Piano", [], "input")


@pytest.mark.parametrize(
    ("wanted", "api", "names", "found"),
    [
        ("Bus 1", "MACOSX_CORE", ["IAC Driver Bus 10", "IAC Driver Bus 1", "IAC Driver Bus 11"], 1),
        ("Bus 1", "MACOSX_CORE", ["IAC Driver Bus 10"], None),
        ("1", "MACOSX_CORE", ["IAC Driver Bus 10", "IAC Driver Bus 21"], None),
        ("loopMIDI Port", "WINDOWS_MM", ["Microsoft GS Wavetable Synth 0", "loopMIDI Port 1"], 1),
        ("loopMIDI Port 1", "WINDOWS_MM", ["Microsoft GS Wavetable Synth 0", "loopMIDI Port 2"], 1),
        ("loopMIDI Port 1", "WINDOWS_MM", ["GS 0", "loopMIDI Port 2", "loopMIDI Port 1 3"], 2),
        ("loopMIDI Port", "WINDOWS_MM", ["loopMIDI Port 1", "loopMIDI Port 1 2"], 0),
        ("2- nanoKONTROL2 1", "WINDOWS_MM", ["GS 0", "3- nanoKONTROL2 2"], 1),
        ("nanoKONTROL2 1", "WINDOWS_MM", ["GS 0", "MIDIIN2 (2- nanoKONTROL2) 1", "2- nanoKONTROL2 2"], 2),
        ("MIDIIN2 (Launchpad) 3", "WINDOWS_MM", ["2- Launchpad 0", "MIDIIN2 (2- Launchpad) 1"], 1),
        ("2- nano", "WINDOWS_MM", ["nano 0", "2- nano 1"], 1),
        ("2- nano", "MACOSX_CORE", ["3- nano"], None),
        ("Flu\u0308gel", "MACOSX_CORE", ["Kla", "Flügel"], 1),
        ("Flügel", "MACOSX_CORE", ["Kla", "Mein Flu\u0308gel"], 1),
        ("nanoKONTROL2:nanoKONTROL2 MIDI 1 20:0", "LINUX_ALSA", ["nanoKONTROL2:nanoKONTROL2 MIDI 1 24:0"], 0),
        ("nanoKONTROL2", "LINUX_ALSA", ["nanoKONTROL:nanoKONTROL MIDI 1 20:0", "nanoKONTROL2:MIDI 1 24:0"], 1),
        ("a2j:nano [20] (capture): MIDI 1", "UNIX_JACK", ["a2j:nano [24] (capture): MIDI 1"], 0),
        ("nano MIDI 1", "LINUX_ALSA", ["nano:nano MIDI 1 20:0", "nano:nano MIDI 12 20:1"], 0),
        ("20:0", "LINUX_ALSA", ["a 20:0", "b 120:0"], 0),
        ("Synth (copy)", "MACOSX_CORE", ["Synth (copy)", "Synth"], 0),
        ("synth", "MACOSX_CORE", ["My Synth", "Synth"], 1),
        ("  model  d ", "MACOSX_CORE", ["MODEL  D", "MODEL DX"], 0),
        ("GROSSES KLAVIER", "MACOSX_CORE", ["Großes Klavier"], 0),
        ("20:0", "LINUX_ALSA", ["a 20:0", "b 20:1"], 0),
    ],
)  # fmt: skip
def test_names_are_matched_by_what_is_stable(wanted, api, names, found):
    if found is None:
        with pytest.raises(InputError, match="expected a MIDI output port"):
            find_port(wanted, names, "output", api)
    else:
        assert find_port(wanted, names, "output", api) == names[found]


def test_two_alike_are_said_to_be():
    names = [f"nano:nano MIDI 1 {n}:0" for n in (20, 24)]
    assert find_port(names[1], names, "input", "LINUX_ALSA") == names[1]
    for wanted in ("nano", "nano:nano MIDI 1 28:0", None):
        with pytest.raises(InputError, match=r"only one MIDI input port .*has, found nano:.* 20:0; nano:.* 24:0"):
            find_port(wanted, names, "input", "LINUX_ALSA")
    assert stable_name(names[0]) == stable_name(names[1]) == "nano:nano MIDI 1"


def test_an_unknown_api_is_one_line():
    try:
        compiled_apis()
    except InputError as error:
        assert "python-rtmidi" in str(error) and "\n" not in str(error)
    else:
        with pytest.raises(InputError, match="a MIDI API out of"):
            working_api("BEOS")


def test_the_port_in_memory_keeps_what_is_sent():
    port = MemoryOut()
    port.send(mido.Message("clock"))
    port.check()
    port.close()
    assert [m.type for m in port.sent] == ["clock"]


def test_a_player_process_plays_and_leaves_nothing_sounding(synth):
    player, reports = start(messages.PlayerSetup((MidiOut(synth.name),), tempo=300, program=7))
    assert player.ports == (synth.name,)
    play(player)
    wait_for(lambda: synth.kinds().count("note_on") >= 20)
    player.close()
    wait_for(lambda: synth.kinds()[-1:] == ["control_change"])
    assert synth.heard[0] == mido.Message("program_change", program=7)
    notes = [message.note for message in synth.heard if message.type == "note_on"]
    assert notes == [60 + k % 16 for k in range(len(notes))]
    check_pairs(synth.heard)
    assert [report.step for report in played(reports)] == list(range(len(notes)))
    assert not warnings(reports)


def test_knobs_come_back_from_the_process(synth):
    port = free_port()
    player, reports = start(messages.PlayerSetup(ins=(MidiIn(f"tcp::{port}"),)))
    knob = SocketOut(("127.0.0.1", port), print)
    before = now()
    knob.send(mido.Message("control_change", control=1, value=64))
    wait_for(lambda: received(reports))
    ((arrived, message),) = received(reports)
    assert message == b"\xb0\x01\x40" and before < arrived < now()
    knob.close()
    player.close()


def test_a_flood_comes_back_in_order_and_together(synth):
    port, gate = free_port(), threading.Event()
    reports: list[messages.Report] = []
    player = PlayerClient(
        messages.PlayerSetup(ins=(MidiIn(f"tcp::{port}"),)), lambda report: (gate.wait(), reports.append(report))
    )
    knob = SocketOut(("127.0.0.1", port), print)
    sent = [bytes([0xB0, 1, value % 128]) for value in range(2000)]
    for message in sent:
        knob.send(mido.Message.from_bytes(message))
    gate.set()
    wait_for(lambda: len(received(reports)) == len(sent))
    found = received(reports)
    assert [message for _, message in found] == sent and sorted(time for time, _ in found) == [t for t, _ in found]
    assert sum(isinstance(report, messages.MidiReceived) for report in reports) < len(sent)
    knob.close()
    player.close()


@pytest.mark.skipif(not hasattr(os, "sched_setscheduler"), reason="needs real-time priorities")
def test_no_thread_of_the_player_is_put_aside_with_the_interpreter(synth):
    try:
        before = os.sched_getscheduler(0), os.sched_getparam(0)
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))
        os.sched_setscheduler(0, *before)
    except OSError:
        pytest.skip("needs the right to real-time priorities")
    port = free_port()
    player = PlayerClient(messages.PlayerSetup((MidiOut(synth.name),), (MidiIn(f"tcp::{port}"),)), print)

    def policies() -> list[int]:
        return [os.sched_getscheduler(int(thread)) for thread in os.listdir(f"/proc/{player.pid}/task")]

    wait_for(lambda: set(policies()) == {os.SCHED_FIFO})
    player.close()


@pytest.mark.parametrize("later", [False, True], ids=["from the start", "chosen later"])
def test_midi_clock_through_the_process(synth, later):
    port = free_port()
    setup = messages.PlayerSetup(
        (MidiOut(synth.name),), (MidiIn(f"tcp::{port}"),), clock="internal" if later else "midi"
    )
    player, reports = start(setup)
    if later:
        player.command(messages.SetClock("midi"))
        wait_for(
            lambda: any(isinstance(report, messages.Progress) and report.source == "midi" for report in list(reports))
        )
    play(player)
    sender = SocketOut(("127.0.0.1", port), print)
    sender.send(mido.Message("start"))
    for _ in range(24 * 2 + 1):
        sender.send(mido.Message("clock"))
        time.sleep(0.005)
    sender.send(mido.Message("stop"))
    wait_for(lambda: any(isinstance(r, messages.Progress) and not r.running and r.step >= 7 for r in list(reports)))
    sender.close()
    player.close()
    check_pairs(synth.heard)
    steps = [report.step for report in played(reports)]
    assert steps[:8] == list(range(8)) and len(steps) <= 10  # eight sixteenths, and what it foresaw


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals")
def test_a_player_that_is_killed_is_started_again_and_ends_what_sounded(synth):
    player, reports = start(messages.PlayerSetup((MidiOut(synth.name),), tempo=60))
    player.command(messages.SetTempo(240))
    play(player)
    wait_for(lambda: synth.kinds().count("note_on") >= 3)
    os.kill(player.pid, signal.SIGKILL)
    wait_for(lambda: any("was started again" in line for line in warnings(reports)))
    before = synth.kinds().count("note_on")
    wait_for(lambda: synth.kinds().count("note_on") >= before + 3)
    assert synth.kinds().count("control_change") >= 48  # all notes off, on every channel
    player.close()
    assert played(reports)[-1].tempo == 240


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP", "SIGTERM"])
def test_what_all_processes_are_sent_leaves_the_player_to_the_one_who_started_it(synth, name):
    """Ctrl-C, a terminal that is closed, a service that is stopped: a player that dies of it leaves its note sounding,
    and one that ends first is told as lost by an engine that is about to end.
    """
    player, reports = holding(synth)
    pid = player.pid
    os.kill(pid, signal.Signals[name])
    player.command(messages.SetTempo(300))
    play(player)
    wait_for(lambda: synth.kinds().count("note_on") >= 3)
    assert player.pid == pid
    player.close()
    wait_for(lambda: synth.kinds()[-1:] == ["control_change"])
    assert not [report for report in reports if isinstance(report, messages.PlayerLost)] and warnings(reports) == []


def test_when_the_engine_dies_the_player_ends_its_note(synth):
    player, _ = holding(synth)
    player._closing.set()
    player._process._process.stdin.close()  # as the system does
    wait_for(lambda: "note_off" in synth.kinds() and synth.kinds()[-1] == "control_change")
    player.close()


def test_a_port_that_cannot_be_opened_is_said_before_playing():
    with pytest.raises(InputError, match="cannot connect"):
        start(messages.PlayerSetup((MidiOut(f"tcp::{free_port()}"),)))


def test_a_busy_reader_of_reports_stops_no_notes(synth):
    gate = threading.Event()
    player = PlayerClient(messages.PlayerSetup((MidiOut(synth.name),), tempo=400), lambda report: gate.wait())
    play(player)
    wait_for(lambda: synth.kinds().count("note_on") >= 40)
    gate.set()
    player.close()
    check_pairs(synth.heard)
