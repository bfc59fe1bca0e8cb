"""Engine: what was moved -> mixer -> decoder -> player, in threads and a process that do not wait for one another.

    set() from anywhere -> worker thread: mixer, decoder -pattern-> player process: clock, notes -reports-> snapshot

The worker takes what was moved since it last looked, the newest value of each parameter, and decodes once. The player
goes on with the melody it has until there is another one. `snapshot` and `subscribe` tell a screen or a page what
happens.

Each public method says whether it is thread-safe, and whether it is real-time-safe: here, that it waits for no decode,
file or network, takes locks that are held for microseconds, and at most writes a line to a pipe. For a sound callback
no Python is safe: another thread may hold the interpreter.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from latentmix.closing import Closing
from midi_vae.drums.kit import Kit
from midi_vae.music.melody import Melody

from ..midi.ports import MidiIn, MidiOut
from ..music.clock import check_clock, check_tempo, now
from ..music.drum_layer import NO_DRUMS, DrumPattern
from ..music.mixer import Coder, Mixer
from ..music.parameters import Value, find
from ..music.sequencer import Pattern
from ..music.shaping import as_pattern
from ..music.shares import idle_puck, idle_puck_line
from ..music.timbre_mixer import TimbreMixer
from ..player.messages import MidiReceived, PlayDrums, PlayerSetup, PlayPattern, Progress, Report, SetClock, SetShares
from ..player.opening import MakePlayer, player_for
from ..player.outputs import Sink
from .arranging import Arranged
from .drummer import Drummer, Drums
from .explorer import Explorer, Mixing
from .loading import Loading, ModelLoader, PendingDecoder, make_decoder, prepared
from .monitor import Monitor
from .moves import AT_ONCE, Presets, resolve, set_at_once
from .phrases import Phrases
from .snapshot import Snapshot
from .worker import Worker

if TYPE_CHECKING:
    from midi_vae.vae import MelodyVAE


class Engine(Arranged, Closing):
    """A mix that plays. Use it in a `with`, or call `close`: then every note that started has ended.

    Attributes:
        presets: what setting the parameter `preset` to a number sets (`automation.read_presets`).

    Args:
        model: of melodies; or what loads it, which then happens meanwhile: the nearest melody is played until it is
            there, and `failure` says it if it cannot be had.
        melodies: 1 to 8.
        drums: that play along; their model is loaded meanwhile too.
        out: a MIDI port or several, opened by the player's process; any object with `send(message)`, which is then
            played in a thread of this process; None for none.
        ins: MIDI inputs; what arrives goes to `listen`, clock messages to the clock.
        audio: options of the built-in sound, None for none.
        clock, tempo: internal, midi or link; quarter notes a minute, those of the first melody if None.
        follow: a change is heard at the next step, beat or bar.
        seed, names: of draws at a temperature; of the melodies, their own if None.
        spherical, channel, sends_clock, velocity: as of `Mixer` and `PlayerSetup`.
        player: makes the player, for tests: called with its setup and where it reports to.

    Raises:
        InputError: melodies that cannot be mixed, a tempo or clock that is not there, a port that cannot be opened.
    """

    def __init__(
        self,
        model: MelodyVAE | ModelLoader,
        melodies: Sequence[Melody],
        *,
        drums: Drums | None = None,
        out: MidiOut | Sequence[MidiOut] | Sink | None = None,
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
        player: MakePlayer | None = None,
    ) -> None:
        check_clock(clock)
        self._has_inputs = bool(ins)
        coder = PendingDecoder(model.attributes) if isinstance(model, ModelLoader) else make_decoder(model, seed)
        self.mixer = Mixer(coder, list(melodies), spherical=spherical)
        self._names = [name or f"melody {i + 1}" for i, name in enumerate(names or [m.name for m in melodies])]
        sung = len((audio or {}).get("sources", ()))  # then the timbre is mixed too, by the player's process
        self._timbre = TimbreMixer(self.mixer, sung) if sung else None
        self._drummer = None if drums is None else Drummer(drums, self.mixer, self._offer_drums)
        if not isinstance(coder, PendingDecoder):
            coder.warm_up(len(self.mixer.latent()))
        tempo = check_tempo(min(max(melodies[0].tempo, 20.0), 400.0) if tempo is None else tempo)
        for name, value in {"tempo": tempo, "follow": follow, "velocity": velocity, "play": False}.items():
            self.mixer.set(name, value)
        self.presets: Presets = {}
        self._told_idle: set[str] = set()  # whose own pucks were moved in vain
        self._turn = 0  # of the mixer, for which ways were looked for
        super().__init__(Monitor(tempo, clock, now(), channel), threading.RLock())
        is_ready = not isinstance(model, ModelLoader)
        self._worker = Worker(self.mixer, self._lock, self._offer, self._tell, self.warn, is_ready, self._renew)
        self._melody = self._mixed()
        self._pattern = as_pattern(self._melody, 0)
        (outs, make), program = player_for(out), melodies[0].program
        setup = PlayerSetup(outs, tuple(ins), audio, clock, tempo, follow, velocity, channel, program, sends_clock)
        self._player = (player or make)(setup, self._hear)
        self._worker.start()
        self._begin_thinking(model, seed)

    def _begin_thinking(self, model: MelodyVAE | ModelLoader, seed: int | None) -> None:
        """Look for even ways and next phrases, and load what is still to be loaded, in threads of their own."""
        mixing: list[Mixing] = [self.mixer, *([] if self._drummer is None else [self._drummer.mixer])]
        self._searches = [
            *(Explorer(each, self._lock, lambda: self._worker.change(lambda: None), self.warn) for each in mixing),
            Phrases(self.mixer, self._lock, lambda: self._worker.change(self.mixer.turn_over), self.warn),
        ]
        for each in self._searches:
            each.start()
        steps: list[Callable[[], object]] = []
        if isinstance(model, ModelLoader):
            steps.append(
                lambda: self._get_ready(partial(self.mixer.adopt, *prepared(model, seed, self.mixer.melodies)))
            )
        steps += self._drum_steps()
        if steps:
            self._loading = Loading(steps, self.warn)

    # What others move.

    def set(self, name: str, value: object) -> None:
        """Move a parameter, now; of several moves in a row the newest counts. Thread-safe, real-time-safe.

        Raises:
            InputError: as `Parameter.check`; then nothing moves.
        """
        self.move({name: value})

    def move(self, values: Mapping[str, object]) -> None:
        """Move several parameters at once: no melody is made in between. Thread-safe, real-time-safe.

        Raises:
            InputError: as `Parameter.check`, of any of them; then nothing moves.
        """
        mixer, presets = self.mixer, self.presets
        moves = [move for name, value in values.items() for move in resolve(mixer, presets, name, value, self.value)]
        for name, value in moves:
            if name in AT_ONCE:
                self._set_at_once(name, value)
        idle = idle_puck(values, self.value)
        if later := {name: value for name, value in moves if name not in AT_ONCE}:
            self._worker.move(later)
        if idle is not None and idle not in self._told_idle:
            self._told_idle.add(idle)
            self.warn(idle_puck_line(idle))

    def count(self) -> int:
        """How many melodies there are. Thread-safe, real-time-safe."""
        return len(self.mixer.melodies)

    def value(self, name: str) -> Value:
        """What a parameter was last set to. Thread-safe, real-time-safe."""
        return self._worker.value(name)

    def start(self) -> None:
        """Play, from the beginning. Thread-safe, real-time-safe."""
        self.set("play", True)

    def stop(self) -> None:
        """Be silent. Thread-safe, real-time-safe."""
        self.set("play", False)

    def panic(self) -> None:
        """End all notes, ours and others, on all channels. Thread-safe, real-time-safe."""
        self.set("panic", True)

    def follow_clock(self, clock: str) -> None:
        """Follow another clock from now on: internal, midi or link. Thread-safe, real-time-safe.

        Where it turns out that it cannot be had, a warning says so and `Snapshot.source` stays what it was.

        Raises:
            InputError: no such clock, or no MIDI input on which it could come.
        """
        check_clock(clock, self._has_inputs)
        self._player.command(SetClock(clock))

    def close(self) -> None:
        """End all notes and let go of ports, process and threads; a second time does nothing.

        Thread-safe; not real-time-safe: it waits until they have ended.
        """
        for each in self._searches:
            each.close()
        if self._worker.close():
            self._player.close()
            for loading in (self._loading, self._drum_loading):
                if loading is not None:  # an interpreter that ends while a library is being imported may crash
                    loading.wait()

    # What others are told.

    @property
    def decoder(self) -> Coder:
        """What encodes and decodes; for one thread at a time, which is the engine's worker."""
        return self.mixer.coder

    @property
    def pattern(self) -> Pattern:
        """The newest melody as the player has it. Thread-safe, real-time-safe."""
        return self._pattern

    @property
    def drum_pattern(self) -> DrumPattern:
        """The newest drums as the player has them. Thread-safe, real-time-safe."""
        return NO_DRUMS if self._drummer is None else self._drummer.pattern

    @property
    def kit(self) -> Kit | None:
        """The notes of the drums, None where there are none. Thread-safe, real-time-safe."""
        return None if self._drummer is None else self._drummer.kit

    def snapshot(self) -> Snapshot:
        """What is going on now. Thread-safe; not real-time-safe: it takes a millisecond and a lock."""
        with self._lock:
            mixer = self.mixer
            return Snapshot(
                values=MappingProxyType(dict(mixer.values)),
                mode=mixer.mode,
                names=tuple(self._names),
                places=tuple(mixer.places),
                weights=tuple(mixer.weights().tolist()),
                melody=self._melody,
                version=self._pattern.version,
                ports=tuple(self._player.ports),
                **self._monitor.figures(),
            )

    def warn(self, text: str) -> None:
        """Something that a person should know; the music goes on. Thread-safe, real-time-safe."""
        with self._lock:
            self._monitor.warn(text)
        self._worker.announce()

    # Inside.

    def _renew(self) -> None:
        """After each melody: drums and timbre, and what is to be found for it."""
        if self._drummer is not None:
            self._drummer.renew()
        if self._timbre is not None and (shares := self._timbre.renewed()) is not None:
            self._player.command(SetShares(tuple(shares.tolist())))
        mixer = self.mixer
        if mixer.is_uncharted or len(mixer.phrases) < mixer.phrases_wanted or mixer.turn != self._turn:
            self._turn = mixer.turn
            self._look()

    def _mixed(self) -> Melody:
        is_pending = isinstance(self.mixer.coder, PendingDecoder) and self.mixer.needs_decoder
        return self.mixer.nearest() if is_pending else self.mixer.melody()

    def _offer(self, requested: float | None) -> None:
        """Decode, and hand the melody to the player, with the time at which it was asked for."""
        melody = self._mixed()
        pattern = as_pattern(melody, self._pattern.version + 1, self.mixer.turn)
        with self._lock:
            self._melody, self._pattern = melody, pattern
        self._player.command(PlayPattern(pattern, requested))
        if requested is not None:
            self._monitor.decoded(now() - requested)
        self._on_pattern(pattern)

    def _offer_drums(self, pattern: DrumPattern) -> None:
        self._player.command(PlayDrums(pattern))
        self._on_drums(pattern)

    def _set_at_once(self, name: str, value: Value) -> None:
        with self._lock:
            command = set_at_once(self.mixer, name, value, now())
        if command is not None:
            self._player.command(command)
        self._worker.announce()

    def _hear(self, report: Report) -> None:
        """A report of the player, in a thread of its own."""
        if isinstance(report, MidiReceived):
            for time, message in report.messages:
                self._on_midi(time, message)
            return
        with self._lock:
            self._monitor.hear(report, is_recording=bool(self.mixer.values["record"]))
            if isinstance(report, Progress):  # taps and other clocks move it too
                self.mixer.values["tempo"] = find("tempo", self.mixer.parameters).clamp(report.tempo)
        self._worker.announce()

    def _tell(self) -> None:
        if self._on_snapshot:
            self._on_snapshot(self.snapshot())
