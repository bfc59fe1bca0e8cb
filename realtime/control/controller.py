"""Controllers -> parameters: MIDI messages with their times, through a map, become values; pure, time is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latentmix.errors import InputError

from ..midi.expression import MPE_CONFIGURATION, RPN_CONTROLLERS, MpeZone, RpnChange, RpnParser
from ..music.parameters import PARAMETERS, Parameter, Value, find
from .bindings import ControllerMap
from .curves import smooth
from .messages import (
    LastNotePriority,
    Pair,
    bend_share,
    clicks,
)
from .motion import Control, Motion, keys_of, number_of

TICK_SECONDS = 0.002  # between two values of one parameter: what comes in between is coalesced
OWN_SECONDS = 0.25  # that the value set here counts as current: the engine takes a moment to have it
ARRIVED = 1e-4  # of the range: so near its goal a smoothed value is there
PICKUP = 1 / 127  # of the range: so near, a control has picked its parameter up

# What sets a parameter, and what tells its value now (None: unknown); the engine's.
Set = Callable[[str, Value], object]
Get = Callable[[str], Value | None]


class BoundController:
    """The controls of one controller, bound to parameters by its map.

    Messages go in by `feed`, values come out through `set`: presses at once, all else by `tick`, the newest value of a
    parameter at most every 2 ms. A controller that floods or loses messages thus costs neither more nor a wrong value.
    """

    def __init__(
        self,
        controller: ControllerMap,
        set: Set,
        get: Get | None = None,
        parameters: Mapping[str, Parameter] = PARAMETERS,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """
        Args:
            controller: the map.
            set: called with the name of a parameter and its checked value.
            get: the value a parameter has now, for pickup, toggles and relative encoders; None: what was set from here.
            parameters: of the engine.
            warn: called with one line when `set` refuses a value; None: the error is raised.
        """
        self._set, self._get, self._parameters, self._warn = set, get, parameters, warn
        self._controls: dict[tuple[str, int | None], list[Control]] = {}
        self._motions: dict[str, Motion] = {}
        self._rpn_parsers: dict[int, RpnParser] = {}
        self._waiting: list[tuple[Control, Pair]] = []
        self._members = LastNotePriority(controller.mpe)
        for binding in controller.bindings:
            control = Control(binding, find(binding.parameter, parameters))
            for key in keys_of(binding):
                self._controls.setdefault(key, []).append(control)

    @property
    def zone(self) -> MpeZone:
        """The MPE zone in use: the map's, until the controller sent another."""
        return self._members.zone

    def feed(self, message: Any, now: float) -> None:
        """A mido message came at this time, in seconds of any clock that does not jump."""
        channel = getattr(message, "channel", None)
        if channel is None:
            return  # clock, sensing, system exclusive: not a control
        if message.type == "control_change" and message.control in RPN_CONTROLLERS:
            change = self._rpn_parsers.setdefault(channel, RpnParser()).feed(message.control, message.value)
            if change is not None and self._feed_rpn(change, channel, now):
                return
        self._dispatch(message, now, is_member=False)
        if channel + 1 in self.zone:
            for admitted in self._members.admit(message):
                self._dispatch(admitted, now, is_member=True)

    def tick(self, now: float) -> float | None:
        """Sets what is due.

        Returns:
            When it wants to be called again, though no message comes; None: not before the next.
        """
        due: list[float] = []
        for control, pair in self._waiting[:]:
            if pair.due is None:
                self._waiting.remove((control, pair))
            elif now >= pair.due:
                self._waiting.remove((control, pair))
                self._absolute(control, pair.flush(), now)
            else:
                due.append(pair.due)
        for name, motion in self._motions.items():
            if motion.goal is None:
                continue
            if now >= motion.set_at + TICK_SECONDS:
                self._move(name, motion, now)
            if motion.goal is not None:
                due.append(motion.set_at + TICK_SECONDS)
        return min(due, default=None)

    def _feed_rpn(self, change: RpnChange, channel: int, now: float) -> bool:
        """Whether a control that is bound here, or the zone, has taken a registered or non-registered parameter."""
        if change.registered:
            if change.number == MPE_CONFIGURATION and channel in (0, 15) and change.part == "high":
                self._members = LastNotePriority(MpeZone(upper=channel == 15, members=min(change.value, 15)))
                return True
            return False
        taken = False
        for control in self._controls.get(("nrpn", change.number), ()):
            if self._listens(control, channel, is_member=False):
                taken = True
                pair = control.pair(channel)
                if change.part == "step":
                    self._absolute(control, pair.step(change.value), now)
                else:
                    self._half(control, pair, change.part == "high", change.value, now)
        return taken

    def _dispatch(self, message: Any, now: float, is_member: bool) -> None:
        kind, number = message.type, number_of(message)
        for key in ((kind, number), (kind, None)) if number is not None else ((kind, None),):
            for control in self._controls.get(key, ()):
                if self._listens(control, message.channel, is_member):
                    self._feed_control(control, message, now)

    def _listens(self, control: Control, channel: int, is_member: bool) -> bool:
        wanted = control.binding.channel
        if wanted == "members" or is_member:
            return wanted == "members" and is_member
        return wanted is None or channel + 1 == (self.zone.master if wanted == "master" else wanted)

    def _feed_control(self, control: Control, message: Any, now: float) -> None:
        binding = control.binding
        if message.type in ("note_on", "note_off"):
            self._press(control, message.velocity / 127 if message.type == "note_on" else 0.0, now)
        elif message.type == "program_change":
            if binding.number is None:
                self._absolute(control, message.program / 127, now)
            else:
                self._press(control, 1.0, now)
                control.pressed = False
        elif binding.kind == "relative":
            self._turn(control, clicks(message.value, binding.encoding), now)
        elif binding.kind == "cc14":
            self._half(control, control.pair(message.channel), message.control == binding.number, message.value, now)
        else:
            share = bend_share(message.pitch) if message.type == "pitchwheel" else message.value / 127
            self._absolute(control, share, now)

    def _half(self, control: Control, pair: Pair, high: bool, byte: int, now: float) -> None:
        """One byte of a pair."""
        share = pair.high(byte, now) if high else pair.low(byte, now)
        if share is not None:
            self._absolute(control, share, now)
        elif pair.due is not None and (control, pair) not in self._waiting:
            self._waiting.append((control, pair))

    def _absolute(self, control: Control, share: float, now: float) -> None:
        """A control stands at a share 0..1 of its way."""
        parameter, binding = control.parameter, control.binding
        if parameter.kind in ("switch", "trigger") or binding.value is not None or binding.button != "momentary":
            self._press(control, share, now)
            return
        value = binding.at(share, parameter)
        if binding.pickup and not self._picked_up(control, value, now):
            control.last = value
            return
        control.last = value
        self._go(control, value, now)

    def _picked_up(self, control: Control, value: float, now: float) -> bool:
        """Whether a control at this value may move its parameter: it has just moved it, is at it, or has passed it."""
        current = self._current(control.parameter, now)
        near = PICKUP * (control.parameter.high - control.parameter.low) + 1e-9
        if control.parameter.whole:
            near = max(near, 0.5)
        motion = self._motions.get(control.parameter.name)
        if motion is not None and motion.owner is control and motion.set_to is not None:
            if abs(current - (motion.goal if motion.goal is not None else motion.set_to)) <= near:
                return True
        if abs(value - current) <= near:
            return True
        return control.last is not None and (control.last - current) * (value - current) <= 0.0

    def _turn(self, control: Control, turned: int, now: float) -> None:
        """A relative encoder was turned by so many clicks."""
        parameter, binding = control.parameter, control.binding
        if not turned:
            return
        if parameter.kind in ("switch", "trigger"):
            self._emit(parameter, turned > 0, now)
        elif parameter.kind == "choice" or parameter.whole:
            low, high = binding.range or (parameter.low, parameter.high)
            each = 1.0 if binding.step is None else max(1.0, round(binding.step * abs(high - low)))
            value = self._current(parameter, now) + turned * (each if high >= low else -each)
            self._go(control, min(max(value, min(low, high)), max(low, high)), now)
        else:
            share = binding.share(self._current(parameter, now), parameter)
            share += turned * (1 / 127 if binding.step is None else binding.step)
            self._go(control, binding.at(min(max(share, 0.0), 1.0), parameter), now)

    def _press(self, control: Control, share: float, now: float) -> None:
        """A button, or a control used as one, stands at a share 0..1; pressed is from a half on."""
        parameter, binding = control.parameter, control.binding
        is_note = binding.kind == "note"
        down = share > 0.0 if is_note else share >= 0.5
        struck = binding.button == "any" or (down and not control.pressed) or (down and is_note)
        changed = down != control.pressed
        control.pressed = down
        if binding.value is not None or parameter.kind == "trigger":
            if struck:
                self._emit(parameter, True if binding.value is None else binding.value, now)
        elif binding.button in ("next", "previous"):
            if struck:
                self._emit(parameter, self._next(parameter, 1 if binding.button == "next" else -1, now), now)
        elif binding.button in ("toggle", "any") and parameter.kind == "switch":
            if struck:
                self._emit(parameter, not self._current(parameter, now), now)
        elif parameter.kind == "switch":
            if changed or down != bool(self._current(parameter, now)):
                self._emit(parameter, down, now)
        elif down:  # how hard a pad is struck moves a number
            self._go(control, binding.at(share, parameter), now)

    def _next(self, parameter: Parameter, way: int, now: float) -> float:
        """One further; choices go round, whole numbers stop at the ends."""
        value = self._current(parameter, now) + way
        if parameter.kind == "choice":
            return value % len(parameter.choices)
        return min(max(value, parameter.low), parameter.high)

    def _current(self, parameter: Parameter, now: float) -> float:
        """The number a parameter stands at: what was last wanted from here, if lately, else what it has."""
        motion = self._motions.get(parameter.name)
        if motion is not None and (motion.goal is not None or now - motion.set_at < OWN_SECONDS or not self._get):
            own = motion.goal if motion.goal is not None else motion.set_to
            if own is not None:
                return own
        value = self._get(parameter.name) if self._get else None
        value = parameter.default if value is None else value
        return float(parameter.choices.index(str(value)) if parameter.kind == "choice" else value)

    def _go(self, control: Control, goal: float, now: float) -> None:
        """Sets a parameter out for a goal, from where it is."""
        motion = self._motions.setdefault(control.parameter.name, Motion())
        if motion.goal is None:
            motion.value = self._current(control.parameter, now)
            motion.moved = now
        else:
            motion.value = smooth(motion.value, motion.goal, now - motion.moved, motion.time_constant)
            motion.moved = now
        motion.goal, motion.time_constant, motion.owner = goal, control.binding.smoothing, control

    def _move(self, name: str, motion: Motion, now: float) -> None:
        """Sets a parameter to where it is by now on its way to its goal."""
        parameter, goal = self._parameters[name], motion.goal
        if goal is None:
            return
        motion.value = smooth(motion.value, goal, now - motion.moved, motion.time_constant)
        motion.moved = now
        if abs(motion.value - goal) <= ARRIVED * (parameter.high - parameter.low) or parameter.kind == "choice":
            motion.value, motion.goal = goal, None
        self._emit(parameter, motion.value, now)

    def _emit(self, parameter: Parameter, value: Value, now: float) -> None:
        motion = self._motions.setdefault(parameter.name, Motion())
        checked = parameter.check(value if isinstance(value, str) else parameter.clamp(float(value)))
        motion.set_to = float(parameter.choices.index(str(checked)) if parameter.kind == "choice" else checked)
        motion.set_at = now
        try:
            self._set(parameter.name, checked)
        except InputError as error:
            if self._warn is None:
                raise
            self._warn(str(error))
