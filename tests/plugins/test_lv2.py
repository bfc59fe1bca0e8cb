"""The LV2 plugins: their description, and jalv on a JACK server without a sound card."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_bundles import Bundles
from x_screen import Screen, needs

from midi_vae.importing import read_melody, read_passage

RATE = 48000


def test_the_description_is_valid(bundles: Bundles) -> None:
    needs("lv2_validate")
    schemas = [path for path in Path("/usr/lib/lv2").glob("*/*.ttl") if path.parent.name in SPECIFICATIONS]
    done = subprocess.run(
        ["lv2_validate", *schemas, *bundles.lv2.glob("*.ttl"), *bundles.drum_lv2.glob("*.ttl")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Found 0 errors" in done.stdout + done.stderr


SPECIFICATIONS = {
    f"{name}.lv2" for name in ("atom", "core", "midi", "port-props", "resize-port", "state", "time", "units", "urid",
                               "port-groups", "parameters", "schemas", "options", "buf-size", "worker", "patch", "ui",
                               "event", "log", "presets", "data-access", "instance-access", "morph", "uri-map",
                               "dynmanifest")
}  # fmt: skip


@pytest.mark.parametrize("flavour", ["", ":synth"])
def test_a_file_that_a_host_names_becomes_the_melody_of_a_slot(bundles: Bundles, flavour: str, tmp_path: Path) -> None:
    """By patch:Set, which the plugin gets on its audio thread; the state has the notes, and not the path."""
    path = bundles.melodies[3]
    controls = len(json.loads((bundles.binaries / "parameters.json").read_text())["melodies"]) + 2
    host = bundles.program("lv2_file", tmp_path)
    uri = "urn:latentmix:org.latentmix.melody"
    command = [
        host,
        bundles.lv2 / "latentmix-melody.so",
        uri + flavour,
        str(controls),
        "2" if flavour else "0",
        uri + ":file_2",
        path,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    names = [line.split(" ", 5)[5] for line in lines if line.startswith("melody ")]
    assert names == ["lively", "waltz", "jig", "waltz"] and str(path) not in done.stdout
    tokens = [[int(each) for each in line.split()[1:]] for line in lines if line.startswith("tokens ")]
    assert tokens[1] == read_passage(str(path)).melody.tokens.tolist()


class Jack:
    """A JACK server of its own with a client that writes down what a port sends, by frames of the song."""

    def __init__(self, period: int) -> None:
        import jack

        self.name = f"latentmix-{os.getpid()}-{period}"
        self.environment = os.environ | {"JACK_DEFAULT_SERVER": self.name, "JACK_NO_AUDIO_RESERVATION": "1"}
        command = ["jackd", "-S", "-n", self.name, "--no-realtime", "-d", "dummy", "-r", str(RATE), "-p", str(period)]
        self.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.client = self._connect(jack)
        except BaseException:
            self.server.kill()
            raise
        self.port = self.client.midi_inports.register("in")
        self.heard: list[tuple[int, tuple[int, ...]]] = []
        self.rolling = jack.ROLLING

        @self.client.set_process_callback
        def process(frames: int) -> None:
            frame = self.client.transport_query_struct()[1].frame  # of this period, where the other is an estimate
            for offset, data in self.port.incoming_midi_events():
                self.heard.append((frame + offset, tuple(bytes(data))))

        self.client.activate()

    def _connect(self, jack):
        for _ in range(100):
            try:
                return jack.Client("watch", servername=self.name, no_start_server=True)
            except jack.JackOpenError:
                time.sleep(0.1)
        raise TimeoutError("jackd did not start")

    def close(self) -> None:
        self.client.deactivate()
        self.client.close()
        self.server.terminate()
        self.server.wait(10)


@pytest.fixture(params=[64, 256, 441, 1024])
def server(request: pytest.FixtureRequest, capfd) -> Iterator[Jack]:
    needs("jackd")
    needs("jalv")
    pytest.importorskip("jack")
    server = Jack(request.param)
    yield server
    server.close()


def test_jalv_plays_every_note_on_its_frame(server: Jack, bundles: Bundles) -> None:
    """JACK's transport rolls; jalv says by frames where it is, the tempo is the parameter's, 120."""
    environment = server.environment | {"LV2_PATH": f"{bundles.lv2.parent}:/usr/lib/lv2"}
    command = ["jalv", "-n", "lm", "-c", "position=0", "urn:latentmix:org.latentmix.melody"]
    player = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(player.stdout), daemon=True)
    reader.start()
    try:
        out = wait_for(lambda: [p for p in server.client.get_ports("lm:.*", is_output=True, is_midi=True)], said)[0]
        wait_for(lambda: connected(server, out), said)  # the port is there before its client is active
        # melodies are decoded after loading, and until then there is silence: what counts is the second time
        server.client.transport_start()
        wait_for(lambda: server.heard, said)
        server.client.transport_stop()
        wait_for(lambda: server.heard[-1][1][0] & 0xF0 == 0x80, said)
        server.client.transport_frame = 0
        wait_for(lambda: server.client.transport_frame == 0, said)
        server.heard.clear()
        server.client.transport_start()
        wait_for(lambda: server.client.transport_frame > 3 * RATE, said)
        server.client.transport_stop()
        wait_for(lambda: server.heard and server.heard[-1][1][0] & 0xF0 == 0x80, said)  # the stop ends the note
    finally:
        player.stdin.close()
        player.terminate()
        player.wait(10)
        reader.join()
        player.stdout.close()
    ons = [(frame, data[1]) for frame, data in server.heard if data[0] & 0xF0 == 0x90 and data[2]]
    offs = [data[1] for _, data in server.heard if data[0] & 0xF0 == 0x80]
    expected = [(start * RATE // 8, pitch) for start, _, pitch in read_melody(bundles.melodies[0])[0].notes()]
    until = 3 * RATE - 2 * RATE // 8
    assert [each for each in ons if each[0] < until] == [each for each in expected if each[0] < until]
    assert len(ons) == len(offs) and len(ons) > 8


@pytest.mark.parametrize("server", [256], indirect=True)
def test_a_click_on_the_pad_of_jalvs_window_is_heard(server: Jack, bundles: Bundles, tmp_path: Path) -> None:
    """Another corner of the pad: the fourth melody, note by note."""
    needs("jalv.gtk3")
    screen = Screen()
    environment = server.environment | screen.environment | {"LV2_PATH": f"{bundles.lv2.parent}:/usr/lib/lv2"}
    environment |= {"GDK_BACKEND": "x11", "GIO_USE_VFS": "local", "NO_AT_BRIDGE": "1", "HOME": str(tmp_path)}
    command = ["jalv.gtk3", "-c", "run=1", "urn:latentmix:org.latentmix.melody"]
    with open(tmp_path / "said", "w+") as log:
        player = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            out = wait_for(lambda: server.client.get_ports("latentmix.*", is_output=True, is_midi=True), [])[0]
            wait_for(lambda: connected(server, out), [])
            fourth = [pitch for _, _, pitch in read_melody(bundles.melodies[3])[0].notes()]
            wait_for(lambda: len(server.heard) > 8, [])
            assert not heard_all(server, fourth)

            def clicks() -> bool:  # until the window is there, and the pad decoded
                window = ("search", "--sync", "--onlyvisible", "--class", "^latentmix$")
                screen.hand(*window, "mousemove", "--window", "%1", 222, 179, "click", 1)
                time.sleep(0.5)
                return heard_all(server, fourth)

            wait_for(clicks, [], 90.0)
        except TimeoutError:
            log.seek(0)
            raise TimeoutError(log.read()) from None
        finally:
            player.terminate()
            player.wait(10)
            screen.close()


def heard_all(server: Jack, pitches: list[int]) -> bool:
    """Whether these have been played, one after another."""
    ons = [data[1] for _, data in server.heard if data[0] & 0xF0 == 0x90 and data[2]]
    return any(ons[at : at + len(pitches)] == pitches for at in range(len(ons)))


def connected(server: Jack, out) -> bool:
    import jack

    try:
        server.client.connect(out, server.port)
    except jack.JackErrorCode:
        return False
    return True


def wait_for(happens, said: list[str], seconds: float = 30.0):
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
