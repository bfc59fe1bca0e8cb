"""The LV2 plugins in jalv, on a JACK server without a sound card: every note and every hit on its frame."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from drum_hits import Hits, assert_equal, expected_hits
from plugin_bundles import Bundles
from x_screen import Screen, needs

from midi_vae.drums.groove import Groove
from midi_vae.importing import read_melody

RATE = 48000
MELODY, DRUMS = (f"urn:latentmix:org.latentmix.{kind}" for kind in ("melody", "drums"))
Message = tuple[int, tuple[int, ...]]  # frame of the song, bytes


class Jack:
    """A JACK server of its own with a client that writes down what its ports hear, by frames of the song."""

    def __init__(self, period: int) -> None:
        import jack

        self.name = f"latentmix-{os.getpid()}-{period}"
        self.environment = os.environ | {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_AUDIO_RESERVATION": "1"}
        command = ["jackd", "-S", "-n", self.name, "--no-realtime"]
        command += ["-d", "dummy", "-r", str(RATE), "-p", str(period)]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.client = self._connect(jack)
        except BaseException:
            self.server.terminate()  # one that is killed keeps its place among the eight that there may be
            raise
        self.ears = [Ear(self.client.midi_inports.register(name)) for name in ("first", "second")]
        self.rolling = jack.ROLLING

        @self.client.set_process_callback
        def process(frames: int) -> None:
            frame = self.client.transport_query_struct()[1].frame  # of this period, where the other is an estimate
            for ear in self.ears:
                for offset, data in ear.port.incoming_midi_events():
                    ear.heard.append((frame + offset, tuple(bytes(data))))

        self.client.activate()

    def _connect(self, jack):
        for _ in range(100):
            try:
                return jack.Client("watch", servername=self.name, no_start_server=True)
            except jack.JackOpenError:
                time.sleep(0.1)
        raise TimeoutError("jackd did not start")

    def listen(self, ear: Ear, plugin: str, said: list[str]) -> None:
        """Connect an ear with what a client sends, once that client is there and active."""
        out = wait_for(lambda: self.client.get_ports(f"{plugin}.*", is_output=True, is_midi=True), said)[0]
        wait_for(lambda: self._connected(out, ear), said)

    def _connected(self, out, ear: Ear) -> bool:
        import jack

        try:
            self.client.connect(out, ear.port)
        except jack.JackErrorCode:
            return False
        return True

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()
        self.server.terminate()
        self.server.wait(60)


@dataclass
class Ear:
    port: Any
    heard: list[Message] = field(default_factory=list)

    def hits(self) -> Hits:
        """What began."""
        return [(frame, data[1], data[2]) for frame, data in self.heard if data[0] & 0xF0 == 0x90 and data[2]]

    def is_silent(self) -> bool:
        """All that began has ended."""
        ends = sum(data[0] & 0xF0 == 0x80 for _, data in self.heard)
        return bool(self.heard) and ends == len(self.hits())


class Jalv:
    """A plugin in jalv, without a window."""

    def __init__(self, server: Jack, bundles: Bundles, name: str, plugin: str, *controls: str) -> None:
        environment = server.environment | {"LV2_PATH": f"{bundles.lv2().parent}:/usr/lib/lv2"}
        words = [word for control in controls for word in ("-c", control)]
        self.process = subprocess.Popen(
            ["jalv", "-n", name, *words, plugin],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said: list[str] = []
        assert self.process.stdout is not None
        self.reader = threading.Thread(target=self.said.extend, args=(self.process.stdout,), daemon=True)
        self.reader.start()

    def close(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait(60)
        self.reader.join()
        self.process.stdout.close()


@pytest.fixture(params=[64, 256, 441, 1024])
def server(request: pytest.FixtureRequest, capfd) -> Iterator[Jack]:
    needs("jackd")
    needs("jalv")
    pytest.importorskip("jack")
    server = Jack(request.param)
    yield server
    server.close()


def test_every_note_and_every_hit_is_on_its_frame(server: Jack, bundles: Bundles, mixes: list[Groove]) -> None:
    """JACK's transport rolls; jalv says by frames where it is, the tempo is the parameter's, 120.

    The hits are those of `midi-vae mix --drums`, half-way.
    """
    melody, drums = server.ears
    players: list[Jalv] = []
    try:
        for ear, name, plugin, position in ((melody, "notes", MELODY, 0), (drums, "hits", DRUMS, 0.5)):
            players.append(Jalv(server, bundles, name, plugin, f"position={position}"))
            server.listen(ear, f"{name}:", players[-1].said)
        play(server, [line for player in players for line in player.said])
    finally:
        for player in players:
            player.close()
    until = 3 * RATE - 2 * RATE // 8
    onsets = [(start * RATE // 8, pitch) for start, _, pitch in read_melody(bundles.melodies[0])[0].notes()]
    notes = [hit[:2] for hit in melody.hits()]
    assert [each for each in notes if each[0] < until] == [each for each in onsets if each[0] < until]
    assert melody.is_silent() and len(notes) > 8
    assert {data[0] & 15 for _, data in drums.heard} == {9}
    assert_equal(drums.hits(), expected_hits(mixes[4]), until)
    assert drums.is_silent() and len(drums.hits()) > 15


def play(server: Jack, said: list[str]) -> None:
    """Three seconds from the start, and a stop, which ends what sounds.

    Pieces are decoded after loading, and until then there is silence: what counts is the second time.
    """
    client = server.client
    for seconds in (0, 3):
        for ear in server.ears:
            ear.heard.clear()
        client.transport_start()
        wait_for(lambda until=seconds * RATE: client.transport_frame > until, said)
        wait_for(lambda: all(ear.heard for ear in server.ears), said)
        client.transport_stop()
        wait_for(lambda: all(ear.is_silent() for ear in server.ears), said)
        if not seconds:
            client.transport_frame = 0
            wait_for(lambda: client.transport_frame == 0, said)


@pytest.mark.parametrize("server", [256], indirect=True)
def test_a_click_on_the_pad_of_jalvs_window_is_heard(server: Jack, bundles: Bundles, tmp_path: Path) -> None:
    """Another corner of the pad: the fourth melody, note by note."""
    needs("jalv.gtk3")
    screen = Screen()
    environment = server.environment | screen.environment | {"LV2_PATH": f"{bundles.lv2().parent}:/usr/lib/lv2"}
    environment |= {"GDK_BACKEND": "x11", "GIO_USE_VFS": "local", "NO_AT_BRIDGE": "1", "HOME": str(tmp_path)}
    command = ["jalv.gtk3", "-c", "run=1", MELODY]
    with open(tmp_path / "said", "w+") as log:
        player = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            server.listen(server.ears[0], "latentmix", [])
            fourth = [pitch for _, _, pitch in read_melody(bundles.melodies[3])[0].notes()]
            wait_for(lambda: len(server.ears[0].heard) > 8, [])
            assert not heard_all(server.ears[0], fourth)

            def clicks() -> bool:  # until the window is there, and the pad decoded
                window = ("search", "--sync", "--onlyvisible", "--class", "^latentmix$")
                screen.hand(*window, "mousemove", "--window", "%1", 222, 179, "click", 1)
                time.sleep(0.5)
                return heard_all(server.ears[0], fourth)

            wait_for(clicks, [], 90.0)
        except TimeoutError:
            log.seek(0)
            raise TimeoutError(log.read()) from None
        finally:
            player.terminate()
            player.wait(60)
            screen.close()


def heard_all(ear: Ear, pitches: list[int]) -> bool:
    """Whether these have been played, one after another."""
    ons = [pitch for _, pitch, _ in ear.hits()]
    return any(ons[at : at + len(pitches)] == pitches for at in range(len(ons)))


def wait_for(happens: Callable[[], Any], said: list[str], seconds: float = 60.0) -> Any:
    """What comes back once it is something.

    Raises:
        TimeoutError: it did not happen; with what jalv said.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = happens()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError("".join(said))
