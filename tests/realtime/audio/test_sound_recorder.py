"""What is heard, for one who listens, and written while it goes on."""

from __future__ import annotations

import time

import numpy as np
import pytest
import soundfile

from latentmix.errors import InputError
from realtime.audio.ring_buffer import MAX_WRITTEN, Ring
from realtime.audio.sound_recorder import SoundRecorder
from realtime.audio.tap import Tap

RATE = 48_000


class Heard:
    """A ring whose other ends a test has."""

    sample_rate = RATE

    def __init__(self) -> None:
        self.ring = Ring(1 << 15)

    def tap(self) -> Tap:
        return Tap(self.ring)

    def play(self, first: int, frames: int) -> None:
        """Write and read so many, which count up."""
        self.ring.write(numbered(first, frames))
        self.ring.read_into(np.zeros((frames, 2), np.float32), 0.0, RATE)


def numbered(first: int, frames: int) -> np.ndarray:
    return (np.arange(first, first + frames, dtype=np.float32) / (1 << 20))[None].repeat(2, 0)


def test_one_who_listens_hears_what_was_read_and_takes_nothing_from_the_reader():
    heard = Heard()
    heard.play(0, 100)
    tap = heard.tap()
    heard.ring.write(numbered(100, 3000))
    assert tap.take().shape == (2, 0)  # not yet read
    for block in (1, 1000, 1999):
        heard.ring.read_into(np.zeros((block, 2), np.float32), 0.0, RATE)
    np.testing.assert_array_equal(tap.take(), numbered(100, 3000))
    assert tap.take().shape == (2, 0) and tap.lost == 0 and heard.ring.underruns == 0


def test_over_the_end_of_the_ring_and_too_late():
    heard = Heard()
    tap = heard.tap()
    for at in range(0, 1 << 17, 1 << 12):
        heard.play(at, 1 << 12)
        np.testing.assert_array_equal(tap.take(), numbered(at, 1 << 12))
    for at in range(0, 1 << 16, 1 << 12):  # twice round
        heard.play(at, 1 << 12)
    late = tap.take()
    kept = (1 << 15) - MAX_WRITTEN
    assert late.shape[1] == 1 << 16 and tap.lost == (1 << 16) - kept
    assert not late[:, :-kept].any()
    np.testing.assert_array_equal(late[:, -kept:], numbered((1 << 16) - kept, kept))


def test_a_recording_is_a_whole_file_while_it_goes_on(tmp_path):
    heard, path = Heard(), tmp_path / "a.wav"
    recorder = SoundRecorder(path, heard)
    for at in range(0, 7 * RATE, 4800):
        heard.play(at, 4800)
        while recorder.frames < at + 4800:
            time.sleep(0.001)
    end = time.monotonic() + 60
    while soundfile.info(path).frames < 5 * RATE:  # as if it had been killed here
        assert time.monotonic() < end
        time.sleep(0.01)
    recorder.close()
    recorder.close()
    written, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == RATE and written.shape == (7 * RATE, 1)
    assert np.abs(written[:, 0] - numbered(0, 7 * RATE)[0]).max() <= 1 / 32768


def test_a_place_that_cannot_be_written_is_told_at_once(tmp_path):
    with pytest.raises(InputError, match="nowhere"):
        SoundRecorder(tmp_path / "nowhere" / "a.wav", Heard())


def test_what_was_too_late_to_be_recorded_is_told(tmp_path):
    heard = Heard()
    recorder = SoundRecorder(tmp_path / "a.wav", heard)
    assert recorder.remark == ""
    recorder._tap.lost = RATE // 2
    assert recorder.remark == "0.50 s could not be recorded and are silent: the machine was busy"
    recorder.close()
