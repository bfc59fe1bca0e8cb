"""Engine: what was moved -> mixer -> decoder -> player, in threads and a process that do not wait for one another.

    set() from anywhere -> worker thread: mixer, decoder -pattern-> player process: clock, notes -reports-> snapshot

The worker takes what was moved since it last looked, the newest value of each parameter, and decodes once. The player
goes on with the melody it has until there is another one. `snapshot` and `subscribe` tell a screen or a page what
happens.
"""

from __future__ import annotations

import contextlib
import math
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from latentmix.errors import InputError
from midi_vae.music.melody import Melody

from ..midi.ports import MidiIn, MidiOut
from ..music.automation import recalled
from ..music.clock import CLOCKS, check_tempo, now
from ..music.mixer import Mixer, PadPoint
from ..music.parameters import AT_ONCE, Value
from ..music.shaping import as_pattern
from ..player.client import PlayerClient, PlayerSetup, make_player
from ..player.loop import PlayerThread
from ..player.player import STEPS_A_BEAT
from .decoder import Decoder
from .recorder import PlayedNote, Recorder, TempoChange
from .snapshot import Snapshot

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE

TELL_EVERY = 1 / 60  # seconds between two snapshots for subscribers, at least
MEASURED = 1000  # decodes whose times are kept, and notes whose lateness is

Callback = Callable[["Snapshot"], None]


class Handle(Protocol):
    """A player, wherever it runs."""

    def command(self, command: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class Engine:
    """A mix that plays. Use it in a `with`, or call `close`: then every note that started has ended.

    All methods may be called from any thread; subscribers are called in the engine's own.

    Attributes:
        presets: what setting the parameter `preset` to a number sets (`automation.read_presets`).

    Args:
        model: of melodies.
        melodies: 1 to 8.
        out: a MIDI port or several, opened by the player's process; any object with `send(message)`, which is then
            played in a thread of this process; None for none.
        ins: MIDI inputs; what arrives goes to `listen`, clock messages to the clock.
        audio: options of the built-in sound, None for none.
        clock: internal, midi or link.
        tempo: quarter notes a minute; that of the first melody if None.
        follow: a change is heard at the next step, beat or bar.
        seed: of draws at a temperature.
        names: of the melodies; their own if None.
        spherical, channel, sends_clock, velocity: as of `Mixer` and `PlayerSetup`.
        player: makes the player, for tests: called with its setup and where it reports to.

    Raises:
        InputError: melodies that cannot be mixed, a tempo or clock that is not there, a port that cannot be opened.
    """

    def __init__(
        self,
        model: MelodyVAE,
        melodies: Sequence[Melody],
        *,
        out: MidiOut | Sequence[MidiOut] | Any | None = None,
        ins: Sequence[MidiIn] = (),
        audio: Mapping[str, Any] | None = None,
        clock: str = "internal",
        tempo: float | None = None,
        follow: str = "step",
        seed: int | None = None,
        names: Sequence[str] | None = None,
        spherical: bool = False,
        channel: int = 0,
        velocity: int = 80,
        sends_clock: bool = False,
        player: Callable[[PlayerSetup, Callable], Handle] | None = None,
    ) -> None:
        if clock not in CLOCKS:
            raise InputError(f"expected a clock out of {', '.join(CLOCKS)}, found {clock!r}")
        self.decoder = Decoder(model, seed)
        self.mixer = Mixer(self.decoder, list(melodies), spherical=spherical)
        self._names = [name or f"melody {i + 1}" for i, name in enumerate(names or [m.name for m in melodies])]
        self.decoder.warm_up(len(self.mixer.latent()))
        tempo = check_tempo(min(max(melodies[0].tempo, 20.0), 400.0) if tempo is None else tempo)
        for name, value in {"tempo": tempo, "follow": follow, "velocity": velocity, "play": False}.items():
            self.mixer.set(name, value)
        self.presets: Mapping[int, Mapping[str, Value]] = {}
        self._lock, self._wake = threading.RLock(), threading.Condition()
        self._moved: dict[str, tuple[Value, float]] = {}
        self._jobs: deque[Callable[[], None]] = deque()
        self._subscribers: list[Callback] = []
        self._listeners: list[Callable[[float, bytes], None]] = []
        self._decode_times: deque[float] = deque(maxlen=MEASURED)
        self._lateness: deque[float] = deque(maxlen=MEASURED)
        self._warnings: deque[str] = deque(maxlen=8)
        self._warned = 0
        self._recorder = Recorder()
        self._told: dict[str, Any] = {"step": -1, "running": False, "tempo": tempo, "source": clock, "time": now()}
        self._melody, self._version, self._has_news, self._is_open = self.mixer.melody(), 0, False, True
        self._told_at = 0.0
        is_spec = out is None or isinstance(out, MidiOut) or isinstance(out, Sequence)
        outs = () if out is None or not is_spec else (out,) if isinstance(out, MidiOut) else tuple(out)
        setup = PlayerSetup(
            outs, tuple(ins), audio, clock, tempo, follow, velocity, channel, melodies[0].program, sends_clock
        )
        make = player or (PlayerClient if is_spec else _thread_for(out))
        self._player = make(setup, self._hear)
        self._worker = threading.Thread(target=self._work, name="latentmix engine", daemon=True)
        self._worker.start()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # What others move.

    def set(self, name: str, value: object) -> None:
        """Move a parameter, now; of several moves in a row the newest counts.

        Raises:
            InputError: as `parameters.check`; then nothing moves.
        """
        if name not in self.mixer.parameters:
            raise InputError(f"expected the name of a parameter, found {name!r}")
        checked = self.mixer.parameters[name].check(value)
        if name in AT_ONCE:
            self._set_at_once(name, checked)
            return
        if name == "preset":
            for each, wanted in recalled(self.presets, int(checked), self.count()).items():
                self.set(each, wanted)
        with self._wake:
            self._moved.pop(name, None)  # so that what was moved last comes last
            self._moved[name] = (checked, now())
            self._wake.notify()

    def count(self) -> int:
        """How many melodies there are."""
        return len(self.mixer.melodies)

    def value(self, name: str) -> Value:
        """What a parameter was last set to."""
        moved = self._moved.get(name)
        return self.mixer.values[name] if moved is None else moved[0]

    def beat(self) -> float:
        """Quarter notes from the start of the song to now."""
        told = self._told
        if not told["running"]:
            return max(0.0, (told["step"] + 1) / STEPS_A_BEAT)
        return max(0.0, told["step"] / STEPS_A_BEAT + (now() - told["time"]) * told["tempo"] / 60)

    def start(self) -> None:
        """Play, from the beginning."""
        self.set("play", True)

    def stop(self) -> None:
        """Be silent."""
        self.set("play", False)

    def panic(self) -> None:
        """End all notes, ours and others, on all channels."""
        self.set("panic", True)

    def load(self, index: int, melody: Melody, name: str | None = None) -> None:
        """Put another melody in the place of one, while playing.

        Raises:
            InputError: as `Mixer.load`.
        """

        def job() -> None:
            self.mixer.load(index, melody)
            self._names[index] = name or melody.name or f"melody {index + 1}"

        self._change(job)

    def add(self, melody: Melody, name: str | None = None, place: PadPoint | None = None) -> None:
        """One more melody.

        Raises:
            InputError: as `Mixer.add`.
        """

        def job() -> None:
            self.mixer.add(melody, place)
            self._names.append(name or melody.name or f"melody {len(self._names) + 1}")

        self._change(job)

    def remove(self, index: int) -> None:
        """Take a melody away.

        Raises:
            InputError: as `Mixer.remove`.
        """

        def job() -> None:
            self.mixer.remove(index)
            del self._names[index]

        self._change(job)

    def place(self, index: int, x: float, y: float) -> None:
        """Put a melody elsewhere on the pad, both 0..1.

        Raises:
            InputError: as `Mixer.place`.
        """
        self._change(lambda: self.mixer.place(index, x, y))

    def close(self) -> None:
        """End all notes and let go of ports, process and threads; a second time does nothing."""
        with self._wake:
            if not self._is_open:
                return
            self._is_open = False
            self._wake.notify()
        self._worker.join()
        self._player.close()

    # What others are told.

    def snapshot(self) -> Snapshot:
        """What is going on now."""
        with self._lock:
            mixer, told = self.mixer, self._told
            return Snapshot(
                values=MappingProxyType(dict(mixer.values)),
                mode=mixer.mode,
                names=tuple(self._names),
                places=tuple(mixer.places),
                weights=tuple(mixer.weights().tolist()),
                melody=self._melody,
                version=self._version,
                heard=told.get("version", 0),
                step=told["step"],
                sounding=told.get("sounding"),
                running=told["running"],
                tempo=told["tempo"],
                source=told["source"],
                time=told["time"],
                decode_ms=_last(self._decode_times),
                decode_p99_ms=_p99(self._decode_times),
                late_ms=_last(self._lateness),
                late_p99_ms=_p99(self._lateness),
                late_decodes=told.get("late_decodes", 0),
                skipped=told.get("skipped", 0),
                notes=told.get("notes", 0),
                underruns=told.get("underruns", 0),
                warnings=tuple(self._warnings),
                warned=self._warned,
                ports=tuple(getattr(self._player, "ports", ())),
            )

    def subscribe(self, callback: Callback) -> Callable[[], None]:
        """Call this with a snapshot whenever there is news: a melody, a step, a warning; what comes back ends it."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def listen(self, callback: Callable[[float, bytes], None]) -> Callable[[], None]:
        """Call this with (time of arrival, bytes) of each MIDI message from the inputs; what comes back ends it."""
        self._listeners.append(callback)
        return lambda: self._listeners.remove(callback) if callback in self._listeners else None

    def recording(self) -> list[PlayedNote]:
        """The notes played while `record` was on."""
        with self._lock:
            return self._recorder.finished()

    def recorded_tempi(self) -> list[TempoChange]:
        """The tempo during the recording."""
        with self._lock:
            return list(self._recorder.tempi)

    def warn(self, text: str) -> None:
        """Something that a person should know; the music goes on."""
        with self._lock:
            self._keep_warning(text)
        self._announce()

    # The worker.

    def _work(self) -> None:
        self._offer(math.inf)
        while True:
            with self._wake:
                while not self._has_work():
                    self._wake.wait(max(0.001, self._told_at + TELL_EVERY - now()) if self._has_news else None)
                if not self._is_open:
                    return
                moved, self._moved = self._moved, {}
                jobs = [self._jobs.popleft() for _ in range(len(self._jobs))]
            try:
                if moved or jobs:
                    self._take(moved, jobs)
            except Exception as error:  # the music goes on, whatever it was
                self.warn(f"{type(error).__name__}: {error}")
            self._tell()

    def _has_work(self) -> bool:
        is_time = self._has_news and now() >= self._told_at + TELL_EVERY
        return bool(self._moved or self._jobs or is_time or not self._is_open)

    def _take(self, moved: Mapping[str, tuple[Value, float]], jobs: Sequence[Callable[[], None]]) -> None:
        since = min((time for _, time in moved.values()), default=now())
        with self._lock:
            changed = self.mixer.move({name: value for name, (value, _) in moved.items()})
        for job in jobs:
            job()
        if changed or (jobs and not self.mixer.values["hold"]):
            self._offer(since)
            self._decode_times.append(1000 * (now() - since))

    def _offer(self, asked: float) -> None:
        """Decode, and hand the melody to the player, with the time at which it was asked for."""
        melody = self.mixer.melody()
        with self._lock:
            self._melody, self._version = melody, self._version + 1
        pattern = as_pattern(melody, self._version)
        self._player.command({"pattern": pattern if asked == math.inf else pattern | {"asked": asked}})

    def _set_at_once(self, name: str, value: Value) -> None:
        if name == "tap":
            self._player.command({"tap": now()})
            return
        if name == "panic" and not value:
            return
        with self._lock:
            self.mixer.set(name, value if name != "panic" else False)
        self._player.command({name: value})
        self._announce()

    def _change(self, job: Callable[[], None]) -> None:
        """Do something to the melodies in the worker, the only one that computes with the model, and wait for it."""
        done, errors = threading.Event(), []

        def run() -> None:
            try:
                with self._lock:
                    job()
            except Exception as error:
                errors.append(error)
            done.set()

        with self._wake:
            if not self._is_open:
                raise InputError("expected an engine that is open, found it is closed")
            self._jobs.append(run)
            self._wake.notify()
        done.wait()
        if errors:
            raise errors[0]

    def _hear(self, report: Mapping[str, Any]) -> None:
        """A report of the player, in a thread of its own."""
        if "midi" in report:
            for time, message in report["midi"]:
                for listener in list(self._listeners):
                    listener(time, bytes(message))
            return
        with self._lock:
            if "warning" in report:
                self._keep_warning(report["warning"])
            else:
                self._told = {**self._told, **report}
                if "tempo" in report:  # taps and other clocks move it too
                    self.mixer.values["tempo"] = self.mixer.parameters["tempo"].clamp(report["tempo"])
            if report.get("late") is not None:
                self._lateness.append(1000 * report["late"])
            if report.get("events") and self.mixer.values["record"]:
                self._recorder.add(report["events"], report["tempo"])
        self._announce()

    def _keep_warning(self, warning: str) -> None:
        self._warnings.append(warning)
        self._warned += 1

    def _announce(self) -> None:
        with self._wake:
            self._has_news = True
            self._wake.notify()

    def _tell(self) -> None:
        if now() < self._told_at + TELL_EVERY:
            self._has_news = True
            return
        self._has_news, self._told_at = False, now()
        if not self._subscribers:
            return
        snapshot = self.snapshot()
        for callback in list(self._subscribers):
            with contextlib.suppress(Exception):  # a screen that fails must not stop the music
                callback(snapshot)


def _thread_for(sink: Any) -> Callable[[PlayerSetup, Callable], Handle]:
    def make(setup: PlayerSetup, report: Callable) -> Handle:
        return PlayerThread(lambda tell: make_player([sink], vars(setup), tell), report)

    return make


def _last(values: deque[float]) -> float:
    return values[-1] if values else 0.0


def _p99(values: deque[float]) -> float:
    return float(np.percentile(list(values), 99)) if values else 0.0
