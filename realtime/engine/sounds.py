"""SoundEngine: sounds that play, as `Engine` is melodies: what was moved -> the process of the model; no torch here.

set() from anywhere -> a thread, the newest value of each parameter -> LiveSound
MIDI inputs -> who listens, and the instrument
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

import mido

from latentmix.closing import Closing

from ..audio.live_sound import LiveSound
from ..midi.ports import MidiIn, open_input
from ..music.automation import recalled
from ..music.clock import now
from ..music.parameters import Parameter, Value, find
from ..music.shares import MODES, Mode
from ..music.sound_parameters import SOUND_PARAMETERS
from .callbacks import Callbacks, Unsubscribe
from .moves import Presets
from .warned import Warned

TICK_SECONDS = 0.002  # between two tellings of the model, at least
CHECK_SECONDS = 1.0  # between two looks whether the ports are still there
BEATS_A_BAR = 4.0


class SoundEngine(Closing):
    """Sounds that are mixed while they play. Use it in a `with`, or call `close`.

    Methods are thread-safe; all but `close` are real-time-safe as far as Python can be (`Engine`).

    Args:
        sound: what plays; closed with this.
        count: how many sounds.
        ins: MIDI inputs.
        values: of parameters, as the sound has them to begin with.
        presets: what the parameter `preset` recalls.
        tempo: quarter notes a minute, of an automation in beats.
        warn: is called with lines for people, by `sound` too.

    Raises:
        InputError: a port that cannot be opened.
    """

    beats_a_bar = BEATS_A_BAR
    parameters: Mapping[str, Parameter] = SOUND_PARAMETERS

    def __init__(
        self,
        sound: LiveSound,
        count: int,
        ins: Sequence[MidiIn],
        values: Mapping[str, Value],
        presets: Presets,
        tempo: float,
        warn: Warned,
    ) -> None:
        self.sound, self._count, self._presets, self.warn = sound, count, presets, warn
        self._values: dict[str, Value] = {name: each.default for name, each in SOUND_PARAMETERS.items()} | dict(values)
        self._moved: dict[str, Value] = {}
        self._mode: Mode = "position"
        for name in values:
            self._mode = MODES.get(name, self._mode)
        self._wake, self._closing = threading.Condition(), threading.Event()
        self._on_midi, self._on_move = Callbacks(), Callbacks()
        self._started, self._beats_a_second = now(), tempo / 60.0
        self._ports = [open_input(each, self._receive, self.warn) for each in ins]
        self._threads = [
            threading.Thread(target=run, name="latentmix sounds", daemon=True) for run in (self._tell, self._look)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def ports(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(each.name for each in self._ports)

    def set(self, name: str, value: object) -> None:
        """Move a parameter.

        Raises:
            InputError: as `Parameter.check`; then nothing moves.
        """
        self.move({name: value})

    def move(self, values: Mapping[str, object]) -> None:
        """Move several at once; raises as `set`."""
        checked = {name: find(name, SOUND_PARAMETERS).check(value) for name, value in values.items()}
        if "preset" in checked:
            checked = {**recalled(self._presets, int(checked["preset"]), self._count), **checked}
        self.sound.check(checked)
        with self._wake:
            for name, value in checked.items():
                self._moved.pop(name, None)  # so that what was moved last comes last
                self._moved[name] = self._values[name] = value
                self._mode = MODES.get(name, self._mode)
            self._wake.notify()
        self._on_move()

    def value(self, name: str) -> Value:
        """What a parameter was last set to."""
        return self._values[name]

    def snapshot(self) -> tuple[dict[str, Value], Mode]:
        """All that was last set, and which of position, pad and weights says where the puck is."""
        with self._wake:
            return dict(self._values), self._mode

    @property
    def mode(self) -> Mode:
        """Which of position, pad and weights says where the puck is: what was moved last."""
        return self._mode

    def subscribe(self, callback: Callable[[], None]) -> Unsubscribe:
        """Call this after each move and each warning, in the thread that moved or warns."""
        ends = self._on_move.add(callback), self.warn.subscribe(lambda line: callback())

        def end() -> None:
            for each in ends:
                each()

        return end

    def count(self) -> int:
        """How many sounds there are."""
        return self._count

    def beat(self) -> float:
        """Quarter notes since the start."""
        return (now() - self._started) * self._beats_a_second

    def listen(self, callback: Callable[[float, bytes], None]) -> Unsubscribe:
        """Call this with (time of arrival, bytes) of each MIDI message, in a thread of its port."""
        return self._on_midi.add(callback)

    def close(self) -> None:
        """Let go of ports, threads and sound; a second time does nothing."""
        self._closing.set()
        with self._wake:
            self._wake.notify()
        for thread in self._threads:
            thread.join()
        for port in self._ports:
            port.close()
        self.sound.close()

    def _receive(self, time: float, message: mido.Message) -> None:
        self.sound.send(message)
        self._on_midi(time, bytes(message.bin()))

    def _tell(self) -> None:
        while not self._closing.wait(TICK_SECONDS):
            with self._wake:
                while not self._moved and not self._closing.is_set():
                    self._wake.wait()
                moved, self._moved = self._moved, {}
            self.sound.move(moved)

    def _look(self) -> None:
        while not self._closing.wait(CHECK_SECONDS):
            for port in self._ports:
                port.check()
