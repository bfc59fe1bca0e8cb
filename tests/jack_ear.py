"""A client of JACK that records what another one plays, and one that plays to it."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from jack_server import RATE
from virtual_players import wait_for


class Ear:
    """Records what a client of JACK plays on its first port."""

    def __init__(self) -> None:
        import jack

        self.blocks: list[np.ndarray] = []
        self.client = jack.Client("ear", no_start_server=True)
        self.port = self.client.inports.register("in")
        self.client.set_process_callback(lambda frames: self.blocks.append(self.port.get_array().copy()))
        self.client.activate()
        outs = [port for port in self.client.get_ports(is_audio=True, is_output=True) if "system" not in port.name]
        self.client.connect(outs[0], self.port)

    def __enter__(self) -> Ear:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.deactivate()
        self.client.close()

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate(self.blocks) if self.blocks else np.zeros(0)

    def level(self) -> float:
        """Peak of the latest 2,000 samples; 0 before the first arrive."""
        return float(np.abs(self.sound[-2000:]).max(initial=0.0))

    def listen(self, seconds: float) -> np.ndarray:
        """The next seconds of sound."""
        start = len(self.sound)
        wait_for(lambda: len(self.sound) >= start + seconds * RATE)
        return self.sound[start:]


def pitch_hz(samples: np.ndarray) -> float:
    """By the autocorrelation: a partial that is louder than the fundamental does not change it."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 2 * len(samples))) ** 2
    correlation = np.fft.irfft(spectrum)[: RATE // 60]
    shortest = RATE // 1500
    peak = correlation[shortest:].max()
    lag = shortest + int(np.argmax(correlation[shortest:] >= 0.9 * peak))
    while lag + 1 < len(correlation) and correlation[lag + 1] > correlation[lag]:
        lag += 1
    return RATE / lag


def wait_for_pitch(ear: Ear, hz: float) -> None:
    """Half a second of that pitch, at once or a little later: where a busy machine leaves a gap, it is another."""
    wait_for(lambda: pitch_hz(ear.listen(0.5)) == pytest.approx(hz, rel=1.5e-2))


class Mouth:
    """Plays to the first input of a client of JACK."""

    def __init__(self) -> None:
        import jack

        self._playing = np.zeros(0, np.float32)  # the callback's own
        self._next: deque[np.ndarray] = deque(maxlen=1)
        self.client = jack.Client("mouth", no_start_server=True)
        self.port = self.client.outports.register("out")
        self.client.set_process_callback(self._call)
        self.client.activate()
        ports = self.client.get_ports(is_audio=True, is_input=True)
        self.client.connect(self.port, next(port for port in ports if port.name.startswith("PortAudio")))

    def __enter__(self) -> Mouth:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def play(self, samples: np.ndarray) -> None:
        """From the next period on, instead of what is left of the last; silence after it."""
        self._next.append(samples.astype(np.float32))

    def close(self) -> None:
        """Go away; a second time does nothing."""
        self.client.deactivate()
        self.client.close()

    def _call(self, frames: int) -> None:
        out = self.port.get_array()
        if self._next:
            self._playing = self._next.popleft()
        piece, self._playing = self._playing[:frames], self._playing[frames:]
        out[: len(piece)], out[len(piece) :] = piece, 0.0
