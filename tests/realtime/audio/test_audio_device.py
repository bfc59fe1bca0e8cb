"""The ring, the placing of notes and the device's callback, with a stream that is made up so that it can fail."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentmix.errors import InputError
from midi_vae.audio.synthesizer import BuiltInSynth
from realtime.audio.child_process import EVENT, RUNG, Inbox
from realtime.audio.device import LOOK_SECONDS, SILENT_SECONDS, Device
from realtime.audio.finding import Opened, choose_device
from realtime.audio.ring_buffer import FADE, Ring, make_bell
from realtime.audio.synthesis import BLOCK, GRID, NOTE_OFF, NOTE_ON, Scheduler
from realtime.music.clock import now

RATE = 48000


def ramp(start: int, frames: int) -> np.ndarray:
    """Frames that carry their number; (2, frames)."""
    at = np.arange(start, start + frames, dtype=np.float32)
    return np.stack([at, -at])


def take(ring: Ring, frames: int, time: float = 0.0) -> np.ndarray:
    out = np.full((frames, 2), 9.0, np.float32)
    ring.read_into(out, time, RATE)
    return out


@given(st.lists(st.tuples(st.integers(1, 100), st.integers(1, 100)), max_size=60))
def test_what_is_written_is_read_in_order(steps):
    ring = Ring(128)
    for write, read in steps:
        ring.write(ramp(ring.written, min(write, ring.capacity - ring.filled)))
        read = min(read, ring.filled)
        start = ring.read
        if read:
            assert np.array_equal(take(ring, read), ramp(start, read).T)
    assert ring.underruns == 0 and 0 <= ring.filled <= 128


def test_a_full_ring_takes_no_more():
    ring = Ring(128)
    ring.write(ramp(0, 100))
    with pytest.raises(ValueError, match="at most 28 frames, found 29"):
        ring.write(ramp(0, 29))


def test_an_underrun_is_counted_and_fades_out():
    ring = Ring(1024)
    ring.write(np.full((2, 100), 0.5, np.float32))
    out = take(ring, 300)
    assert (out[:100] == 0.5).all() and not out[100 + FADE :].any()
    assert np.abs(np.diff(out[:, 0])).max() < 0.01  # no click
    assert ring.underruns == 1 and ring.filled == 0
    assert not take(ring, 64).any() and ring.underruns == 2 and ring.breaks == 1
    ring.write(ramp(0, 64))
    assert np.array_equal(take(ring, 64), ramp(0, 64).T) and ring.breaks == 1
    take(ring, 64)
    assert ring.breaks == 2


@pytest.mark.skipif(os.name == "nt", reason="a ring has no bell there")
def test_a_bell_is_rung_once_there_is_what_is_waited_for():
    ring = Ring(1024, bell=make_bell())
    one_byte = ring.bell[0]
    os.set_blocking(one_byte, False)  # a bell that was not rung would be waited for

    def is_rung() -> bool:
        try:
            return bool(os.read(one_byte, 1))
        except BlockingIOError:
            return False

    ring.write(ramp(0, 100))
    ring.take(70)
    ring.want(60)
    ring.ring()
    assert not is_rung()
    ring.write(ramp(0, 30))
    ring.ring()
    assert is_rung() and not is_rung()
    for _ in range(1 << 17):  # nobody listens: more than a pipe holds, and the writer goes on
        ring.ring()
    ring.close()
    ring.ring()


def test_who_listens_to_a_ring_is_told_between_events():
    """A bell that is rung in another process; what the parent sends comes as ever."""
    ring = Ring(256, bell=make_bell())
    if ring.bell is None:
        pytest.skip("a ring has no bell here")
    mine, parents = os.pipe()
    inbox = Inbox(mine)
    inbox.listen_to(ring)
    setup = {"capacity": 256, "handle": ring.handle, "bell": ring.bell}
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; from realtime.audio.ring_buffer import Ring; Ring(**{setup!r}).ring()"
    )
    subprocess.run([sys.executable, "-c", code], pass_fds=ring.files, check=True)
    assert inbox.get(60.0) is RUNG
    event = (1.5, 0x90, 69, 100, 0.0)
    os.write(parents, EVENT.pack(*event))
    assert inbox.get(60.0) == event
    os.close(parents)
    assert inbox.get(60.0) is None
    os.close(ring.bell[1])  # who listens is done then


WRITER = """
import sys, time
sys.path[:] = {path!r}
import numpy as np
from realtime.audio.ring_buffer import Ring
ring = Ring(256, {handle!r})
for block in range(300):
    while ring.capacity - ring.filled < 50:
        time.sleep(0)
    at = np.arange(ring.written, ring.written + 50, dtype=np.float32)
    ring.write(np.stack([at, -at]))
"""


def test_two_processes():
    """What one process writes, another reads, however they interleave."""
    ring = Ring(256)
    code = WRITER.format(path=sys.path, handle=ring.handle)
    handles = [ring.handle] if isinstance(ring.handle, int) else []
    with subprocess.Popen([sys.executable, "-c", code], pass_fds=handles) as writer:
        read = 0
        while read < 15_000:
            frames = min(ring.filled, 61)
            if frames:
                assert np.array_equal(take(ring, frames), ramp(read, frames).T)
                read += frames
            else:
                assert writer.poll() in (None, 0)
                time.sleep(0)
    assert writer.returncode == 0 and ring.underruns == 0
    ring.close()
    ring.close()


class Ticker:
    """A synthesizer whose notes are one frame long."""

    def __init__(self) -> None:
        self.struck = False

    def note_on(self, pitch: int, velocity: int) -> None:
        self.struck = True

    def render(self, frames: int) -> np.ndarray:
        sound = np.zeros((2, frames), np.float32)
        sound[:, 0], self.struck = self.struck, False
        return sound


def test_notes_are_as_far_apart_in_the_sound_as_they_were_sent():
    """Whenever the synthesizer gets to run: the stream is read in blocks of 128, it runs every 1 to 9 blocks."""
    ring = Ring(1 << 15)
    scheduler = Scheduler(Ticker(), ring, RATE, ahead=2000)
    scheduler.fill()
    random = np.random.default_rng(0)
    sent = [0.5 + 0.1 * at + 0.0137 * (at % 3) for at in range(20)]
    waiting, heard, until = list(sent), [], 0
    for block in range(3 * RATE // 128):
        at = block * 128 / RATE
        heard.append(take(ring, 128, at + random.uniform(0, 0.001)))
        if block >= until:
            while waiting and waiting[0] <= at:
                scheduler.add(waiting.pop(0), NOTE_ON, 90, 100)
            scheduler.fill()
            until = block + int(random.integers(1, 9))
    ticks = np.flatnonzero(np.concatenate(heard)[:, 0])
    wait = ticks / RATE - sent
    assert ring.underruns == 0
    assert np.ptp(wait) <= GRID / RATE + 0.0005 and 0.02 < wait.mean() < 0.06


def test_a_flood_of_events_loses_no_note_off():
    ring = Ring(1 << 15)
    synth = BuiltInSynth(RATE, program=16)
    scheduler = Scheduler(synth, ring, RATE, ahead=512)
    scheduler.fill()
    take(ring, 64, 0.0)
    for at in range(10_000):
        scheduler.add(at * 1e-7, NOTE_ON if at % 2 == 0 else NOTE_OFF, at // 2 % 128, 100)
    for at in range(1, 200):
        take(ring, 64, at * 64 / RATE)
        scheduler.fill()
    synth.render(RATE)
    assert not synth.render(64).any()


class FakeStream:
    """A stream whose callback the test calls."""

    def __init__(self, callback) -> None:
        self.callback, self.active, self.is_closed = callback, False, False

    def start(self) -> None:
        self.active = True

    def close(self) -> None:
        self.active, self.is_closed = False, True

    def play(self, frames: int, channels: int = 2, **status) -> np.ndarray:
        out = np.full((frames, channels), 9.0, np.float32)
        self.callback(out, frames, None, SimpleNamespace(**status) if status else None)
        return out


class FakeDevice:
    """Opens fake streams, as long as it is there."""

    def __init__(self) -> None:
        self.is_there, self.streams, self.rates = True, [], []

    def __call__(self, sample_rate, callback) -> Opened:
        self.rates.append(sample_rate)
        if not self.is_there:
            raise InputError("no device")
        self.streams.append(FakeStream(callback))
        return Opened(self.streams[-1], sample_rate or RATE, "box")


def test_the_callback_moves_samples_and_counts_what_the_device_says():
    ring, fake = Ring(4096), FakeDevice()
    device = Device(ring, fake, print)
    device.start()
    ring.write(ramp(0, 256))
    assert np.array_equal(fake.streams[0].play(128), ramp(0, 128).T)
    assert not fake.streams[0].play(128, channels=1).any()  # left and right of the ramp cancel each other
    assert ring.underruns == 0 and ring.is_heard and ring.chunk == 128
    fake.streams[0].play(64, output_underflow=True)
    assert ring.underruns == 1 and ring.reported == 1
    device.close()
    assert fake.streams[0].is_closed


def test_a_device_that_goes_away_is_opened_again_when_it_comes_back():
    warnings, ring, fake = [], Ring(RATE), FakeDevice()
    device = Device(ring, fake, warnings.append)
    device.start()
    start = now()
    assert device.check(start)
    fake.streams[0].active, fake.is_there = False, False
    ring.write(ramp(0, 30_000))
    assert not device.check(start) and not ring.is_heard and fake.streams[0].is_closed
    for step in range(1, 51):
        device.check(start + step * 0.01)
    assert ring.read == pytest.approx(0.5 * RATE, abs=2) and ring.underruns == 0  # time goes on
    assert not device.check(start + 2 * LOOK_SECONDS)
    fake.is_there = True
    assert device.check(start + 4 * LOOK_SECONDS) and ring.is_heard
    assert fake.rates == [None, RATE, RATE]
    assert len(warnings) == 2 and "went away; playing on" in warnings[0] and "is back" in warnings[1]
    device.close()


def test_a_device_that_asks_for_nothing_any_more_has_gone_away():
    warnings, fake = [], FakeDevice()
    device = Device(Ring(4096), fake, warnings.append)
    device.start()
    assert device.check(now()) and not device.check(now() + SILENT_SECONDS + 0.1) and len(warnings) == 1
    device.close()


def test_without_a_device_there_is_no_sound_but_one_can_wait_for_it():
    fake = FakeDevice()
    fake.is_there = False
    with pytest.raises(InputError, match="no device"):
        Device(Ring(4096), fake, print)
    ring = Ring(4096)
    device = Device(ring, fake, lambda line: None, sample_rate=44100)
    device.start()
    assert not device.check(now()) and not ring.is_heard
    fake.is_there = True
    assert device.check(now() + 2 * LOOK_SECONDS) and device.sample_rate == 44100
    device.close()


def test_the_device_that_is_meant():
    apis = [
        {"name": "ALSA", "default_output_device": 1},
        {"name": "JACK Audio Connection Kit", "default_output_device": 3},
    ]
    names = [("mic", 0, 0), ("HDA Intel", 0, 2), ("USB box", 0, 2), ("system", 1, 2), ("ardour", 1, 8)]
    devices = [{"name": n, "hostapi": api, "max_output_channels": outs} for n, api, outs in names]
    assert choose_device(devices, apis, 1, None) == 3  # JACK, where its server runs
    assert choose_device(devices[:3], apis[:1], 2, None) == 2
    assert choose_device(devices[:3], apis[:1], -1, None) == 1
    assert choose_device(devices, apis, 1, "usb") == 2
    assert choose_device(devices, apis, 1, "alsa") == 1
    assert choose_device(devices, apis, 1, "jack") == 3
    with pytest.raises(InputError, match=r"expected a sound device 'mic', found HDA Intel \(ALSA\); .*ardour \(JACK"):
        choose_device(devices, apis, 1, "mic")
    with pytest.raises(InputError, match=r"expected a sound device, found none; start JACK, .* --render"):
        choose_device([], [], -1, None)


def test_blocks_and_grid_fit():
    assert BLOCK % GRID == 0
