"""Player: patterns in, notes on time out; it knows neither torch nor model, and runs in a process of its own.

Everything is handed to it: the clock, the outputs, the time. `advance` sends all that is due and says when to come
back, so that the same code plays on stage, in a test on a clock turned by hand, and into a file faster than real time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import mido

from latentmix.errors import InputError
from midi_vae.midi.score import DRUM_CHANNEL

from ..music.clock import Clock, InternalClock, TapTempo, now
from ..music.drum_layer import DrumLayer
from ..music.sequencer import NoteChange, Sequencer, swung
from .external_clock import MidiClock, make_clock
from .messages import (
    Command,
    NoteEvent,
    Panic,
    PlayDrums,
    PlayerSetup,
    PlayerWarning,
    PlayPattern,
    Progress,
    Report,
    SetClock,
    SetFollow,
    SetPlaying,
    SetProgram,
    SetSwing,
    SetTempo,
    SetVelocity,
    Tap,
)
from .outputs import ClockOut, MidiOutputs, Sink

STEPS_A_BEAT = 4
TOO_LATE = 0.15  # seconds after which a step is left out rather than played late: the machine slept
TRANSPORT = ("clock", "start", "stop", "continue", "songpos")  # what a MIDI clock consists of


class Player:
    """See the module's docstring.

    Attributes:
        outs: where notes go, and clock messages if any are sent.
        sequencer, drums: the layers, a melody and drums.
        timeline: the clock.
        swing: as of `swung`.
        report: called with what happened.
        now: the time; only to measure how late a note was.
        is_on: whether it plays from the start, or from the command `play` on.
    """

    def __init__(
        self,
        outs: Sequence[Sink],
        timeline: Clock,
        report: Callable[[Report], None],
        now: Callable[[], float],
        *,
        follow: str = "step",
        velocity: int = 80,
        channel: int = 0,
        sends_clock: bool = False,
        is_on: bool = True,
    ) -> None:
        self.timeline, self.report, self.now = timeline, report, now
        self.outs = MidiOutputs(outs, lambda text: report(PlayerWarning(text)))
        self.follow, self.velocity, self.channel = follow, velocity, channel
        self._clock_out = ClockOut(self.outs, sends_clock)
        self.swing = 0.5
        self.sequencer, self.drums = Sequencer(), DrumLayer()
        self.steps = self.skipped = self.late_decodes = self.notes = 0
        self._step = 0  # the next one
        self._jumps, self._is_on, self._was_running = 0, is_on, False
        self._boundary = -math.inf  # when a change could last be heard
        self._taps = TapTempo()
        if not is_on and isinstance(timeline, InternalClock):
            timeline.stop(now())
        self._events: list[NoteEvent] = []

    # From the engine.

    def command(self, command: Command, time: float) -> None:
        """Do what the engine says."""
        match command:
            case PlayPattern(pattern, requested):
                if requested is not None and requested < self._boundary <= time:  # meanwhile the one before went on
                    self.late_decodes += 1
                self.sequencer.offer(pattern)
            case PlayDrums(pattern):
                self.drums.offer(pattern)
            case SetTempo(tempo):
                self._set_tempo(tempo, time)
            case Tap(at):
                if (tapped := self._taps.tap(at)) is not None:
                    self._set_tempo(tapped, time)
            case SetFollow(follow):
                self.follow = follow
            case SetSwing(swing):
                self.swing = swing
            case SetVelocity(velocity):
                self.velocity = velocity
            case SetProgram(program):
                self.outs.send(mido.Message("program_change", channel=self.channel, program=program))
            case SetClock(clock):
                self._set_clock(clock, time)
            case SetPlaying(on, beat):
                self._set_playing(on, beat, time)
            case Panic():
                self._panic(time)

    def _set_tempo(self, tempo: float, time: float) -> None:
        set_tempo = getattr(self.timeline, "set_tempo", None)  # a MIDI clock keeps its own
        if set_tempo is not None:
            set_tempo(tempo, time)

    def _set_clock(self, clock: str, time: float) -> None:
        """Our own clock goes on where the music is; the others say where it goes on."""
        if clock == self.timeline.source:
            return
        beat = max(0.0, self.timeline.beat_at(time))
        try:
            timeline = make_clock(clock, self.timeline.tempo, self.now)
        except InputError as error:
            self.report(PlayerWarning(f"{error}; the clock stays {self.timeline.source}"))
            return
        self._end_notes(time)
        if isinstance(timeline, InternalClock):
            timeline.start(time, beat)
            if not self._is_on:
                timeline.stop(time)
        self.timeline, self._jumps = timeline, -1
        self._tell(time)

    def _set_playing(self, on: bool, beat: float, time: float) -> None:
        if on == self._is_on:
            return
        self._is_on = on
        if isinstance(self.timeline, InternalClock):
            self.timeline.start(time, beat) if on else self.timeline.stop(time)
        self._end_notes(time)

    def _panic(self, time: float) -> None:
        self._end_notes(time)
        self.outs.panic()

    # From a clock port.

    def clock_message(self, message: mido.Message, time: float) -> None:
        """A message of a MIDI clock that arrived at a time; nothing where another clock is followed."""
        clock = self.timeline
        if not isinstance(clock, MidiClock):
            return
        if message.type == "clock":
            clock.tick(time)
        elif message.type == "start":
            clock.start()
        elif message.type == "continue":
            clock.go_on()
        elif message.type == "stop":
            clock.stop()
        elif message.type == "songpos":
            clock.position(message.pos)

    # On time.

    def advance(self, time: float) -> float:
        """Send all that is due; the time of what comes next, infinity if nothing does."""
        warning = self.timeline.update(time)
        if warning:
            self.report(PlayerWarning(warning))
        if self.timeline.jumps != self._jumps:
            self._jump(time)
        if self.timeline.running != self._was_running:
            self._start_or_stop(time)
        while True:
            due = self.step_due()
            hit_due = self._due_at(self.drums.next_at / STEPS_A_BEAT)
            tick_due = self._due_at(self._clock_out.next_beat)
            if (first := min(due, hit_due, tick_due)) > time:
                return first
            if tick_due <= first:
                self._clock_out.tick()
            elif time - first > TOO_LATE:
                self._skip(time)
            elif due <= first:
                self._play(due, time)
            else:
                self._apply(self.drums.pop(), hit_due, self.timeline.beat_at(hit_due), is_drum=True)

    def step_due(self) -> float:
        """When the next step is played; infinity while nothing plays."""
        return self._due_at(swung(self._step, self.swing) / STEPS_A_BEAT)

    def _due_at(self, beat: float) -> float:
        return self.timeline.time_of(beat) if beat < math.inf else math.inf

    def close(self, time: float) -> None:
        """End what sounds, and the music of those that follow our clock."""
        self._end_notes(time)
        self.say_silence()
        if self._was_running:
            self._clock_out.stop()
        self._tell(time)

    def say_silence(self) -> None:
        """All notes off on our channels, even if a note off got lost."""
        self.outs.say_silence(self.channel)
        if self.drums.is_used:
            self.outs.say_silence(DRUM_CHANNEL)

    def _play(self, due: float, time: float) -> None:
        step, self._step = self._step, self._step + 1
        sequencer = self.sequencer
        if sequencer.is_boundary(step, self.follow):
            self._boundary = due
        changes = sequencer.step(step, self.follow)
        self.steps += 1
        if self._is_on:
            self.drums.step(step, self.follow, self.swing)
        else:
            sequencer.silence()
            changes = [change for change in changes if not change.starts]
        self._apply(changes, due, self.timeline.beat_at(due))
        self._tell(due, self.now() - due)

    def _skip(self, time: float) -> None:
        """Leave out what is too late, but not its end."""
        beat = self.timeline.beat_at(time)
        step = max(math.ceil(beat * STEPS_A_BEAT), self._step + (self.step_due() <= time))  # it may be a drum alone
        self.skipped += max(1, step - self._step)
        self._step = step
        self._clock_out.skip_to(beat)
        self._end_notes(time)
        self.report(PlayerWarning("the machine was too busy or asleep, notes were left out"))

    def _jump(self, time: float) -> None:
        self._jumps = self.timeline.jumps
        self._end_notes(time)
        self._step = math.ceil(self.timeline.origin * STEPS_A_BEAT - 1e-6)
        self._clock_out.jump_to(self.timeline.origin)
        if self._was_running:
            self._clock_out.start(self._step == 0)

    def _start_or_stop(self, time: float) -> None:
        self._was_running = self.timeline.running
        if self._was_running:
            self._clock_out.start(self._step == 0)
        else:
            self._end_notes(time)
            self._clock_out.stop()
        self._tell(time)

    def _apply(self, changes: Sequence[NoteChange], time: float, beat: float, is_drum: bool = False) -> None:
        channel = DRUM_CHANNEL if is_drum else self.channel
        for change in changes:
            velocity = (self.velocity if change.velocity is None else change.velocity) if change.starts else 0
            kind = "note_on" if change.starts else "note_off"
            self.outs.send(mido.Message(kind, channel=channel, note=change.pitch, velocity=velocity))
            self._events.append(NoteEvent(time, beat, change.starts, change.pitch, velocity, is_drum))
            self.notes += change.starts

    def _end_notes(self, time: float) -> None:
        """All that sounds, drums that are planned among it."""
        beat = self.timeline.beat_at(time)
        self._apply(self.sequencer.silence(), time, beat)
        self._apply(self.drums.silence(), time, beat, is_drum=True)

    def _tell(self, time: float, late: float | None = None) -> None:
        clock = self.timeline
        events, self._events = self._events, []
        self.report(
            Progress(
                step=self._step - 1,
                time=time,
                late=late,
                events=tuple(events),
                version=self.sequencer.pattern.version,
                sounding=self.sequencer.sounding,
                tempo=clock.tempo,
                source=clock.source,
                running=clock.running and self._is_on,
                notes=self.notes,
                late_decodes=self.late_decodes,
                skipped=self.skipped,
            )
        )


def make_player(
    outs: list[Sink], setup: PlayerSetup, report: Callable[[Report], None], clock: Callable[[], float] = now
) -> Player:
    """A player as a setup wants it, which waits for the command to play.

    Raises:
        InputError: a clock that is not there.
    """
    return Player(
        outs,
        make_clock(setup.clock, setup.tempo, clock),
        report,
        clock,
        follow=setup.follow,
        velocity=setup.velocity,
        channel=setup.channel,
        sends_clock=setup.sends_clock,
        is_on=False,
    )
