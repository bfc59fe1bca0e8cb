"""Controllers -> targets: MIDI messages with their times, through a map, become values; pure, time is passed in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from latentmix.errors import InputError

from ..music.parameters import TARGETS, Target, Value, find
from .bindings import Binding, ControllerMap, MpeZone
from .curves import smooth
from .sources import MPE_CONFIGURATION, PARAMETER_CONTROLLERS, Fingers, Pair, Parameter, Parameters, bend_share, clicks

TICK_SECONDS = 0.002  # between two values of one target: what comes in between is coalesced
OWN_SECONDS = 0.25  # that the value set here counts as current: the engine takes a moment to have it
ARRIVED = 1e-4  # of the range: so near its goal a smoothed value is there
PICKUP = 1 / 127  # of the range: so near, a control has picked its target up

# What sets a target, and what tells its value now (None: unknown); the engine's.
Set = Callable[[str, Value], object]
Get = Callable[[str], Value | None]


class _Control:
    """A binding and what is known of its control."""

    def __init__(self, binding: Binding, target: Target) -> None:
        self.binding = binding
        self.target = target
        self.pairs: dict[int, Pair] = {}  # by channel
        self.last: float | None = None  # value that an absolute control stood at
        self.pressed = False

    def pair(self, channel: int) -> Pair:
        return self.pairs.setdefault(channel, Pair(self.binding.low_first))


class _Motion:
    """Where a target is on its way."""

    def __init__(self) -> None:
        self.value = 0.0
        self.goal: float | None = None  # None: at rest
        self.time_constant = 0.0
        self.moved = 0.0  # when value was right
        self.set_to: float | None = None  # the last that was set from here
        self.set_at = -1e9
        self.owner: _Control | None = None


class Controls:
    """The controls of one controller, bound to targets by its map.

    Messages go in by `feed`, values come out through `set`: presses at once, all else by `tick`, the newest value of a
    target at most every 2 ms. A controller that floods or loses messages thus costs neither more nor a wrong value.
    """

    def __init__(
        self,
        controller: ControllerMap,
        set: Set,
        get: Get | None = None,
        targets: Mapping[str, Target] = TARGETS,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """
        Args:
            controller: the map.
            set: called with the name of a target and its checked value.
            get: the value a target has now, for pickup, toggles and relative encoders; None: what was set from here.
            targets: of the engine.
            warn: called with one line when `set` refuses a value; None: the error is raised.
        """
        self._set, self._get, self._targets, self._warn = set, get, targets, warn
        self._controls: dict[tuple[str, int | None], list[_Control]] = {}
        self._motions: dict[str, _Motion] = {}
        self._parameters: dict[int, Parameters] = {}
        self._waiting: list[tuple[_Control, Pair]] = []
        self._fingers = Fingers(controller.mpe)
        for binding in controller.bindings:
            control = _Control(binding, find(binding.target, targets))
            for key in _keys(binding):
                self._controls.setdefault(key, []).append(control)

    @property
    def zone(self) -> MpeZone:
        """The MPE zone in use: the map's, until the controller sent another."""
        return self._fingers.zone

    def feed(self, message: Any, now: float) -> None:
        """A mido message came at this time, in seconds of any clock that does not jump."""
        channel = getattr(message, "channel", None)
        if channel is None:
            return  # clock, sensing, system exclusive: not a control
        if message.type == "control_change" and message.control in PARAMETER_CONTROLLERS:
            parameter = self._parameters.setdefault(channel, Parameters()).feed(message.control, message.value)
            if parameter is not None and self._feed_parameter(parameter, channel, now):
                return
        self._dispatch(message, now, by_finger=False)
        if channel + 1 in self.zone:
            for admitted in self._fingers.admit(message):
                self._dispatch(admitted, now, by_finger=True)

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

    def _feed_parameter(self, parameter: Parameter, channel: int, now: float) -> bool:
        """Whether a parameter that is bound here, or the zone, has taken it."""
        if parameter.registered:
            if parameter.number == MPE_CONFIGURATION and channel in (0, 15) and parameter.part == "high":
                self._fingers = Fingers(MpeZone(upper=channel == 15, members=min(parameter.value, 15)))
                return True
            return False
        taken = False
        for control in self._controls.get(("nrpn", parameter.number), ()):
            if self._listens(control, channel, by_finger=False):
                taken = True
                pair = control.pair(channel)
                if parameter.part == "step":
                    self._absolute(control, pair.step(parameter.value), now)
                else:
                    self._half(control, pair, parameter.part == "high", parameter.value, now)
        return taken

    def _dispatch(self, message: Any, now: float, by_finger: bool) -> None:
        kind, number = message.type, _number(message)
        for key in ((kind, number), (kind, None)) if number is not None else ((kind, None),):
            for control in self._controls.get(key, ()):
                if self._listens(control, message.channel, by_finger):
                    self._feed_control(control, message, now)

    def _listens(self, control: _Control, channel: int, by_finger: bool) -> bool:
        wanted = control.binding.channel
        if wanted == "members" or by_finger:
            return wanted == "members" and by_finger
        return wanted is None or channel + 1 == (self.zone.master if wanted == "master" else wanted)

    def _feed_control(self, control: _Control, message: Any, now: float) -> None:
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

    def _half(self, control: _Control, pair: Pair, high: bool, byte: int, now: float) -> None:
        """One byte of a pair."""
        share = pair.high(byte, now) if high else pair.low(byte, now)
        if share is not None:
            self._absolute(control, share, now)
        elif pair.due is not None and (control, pair) not in self._waiting:
            self._waiting.append((control, pair))

    def _absolute(self, control: _Control, share: float, now: float) -> None:
        """A control stands at a share 0..1 of its way."""
        target, binding = control.target, control.binding
        if target.kind in ("switch", "trigger") or binding.value is not None or binding.button != "momentary":
            self._press(control, share, now)
            return
        value = binding.at(share, target)
        if binding.pickup and not self._picked_up(control, value, now):
            control.last = value
            return
        control.last = value
        self._go(control, value, now)

    def _picked_up(self, control: _Control, value: float, now: float) -> bool:
        """Whether a control at this value may move its target: it has just moved it, is at it, or has passed it."""
        current = self._current(control.target, now)
        near = PICKUP * (control.target.high - control.target.low) + 1e-9
        if control.target.whole:
            near = max(near, 0.5)
        motion = self._motions.get(control.target.name)
        if motion is not None and motion.owner is control and motion.set_to is not None:
            if abs(current - (motion.goal if motion.goal is not None else motion.set_to)) <= near:
                return True
        if abs(value - current) <= near:
            return True
        return control.last is not None and (control.last - current) * (value - current) <= 0.0

    def _turn(self, control: _Control, turned: int, now: float) -> None:
        """A relative encoder was turned by so many clicks."""
        target, binding = control.target, control.binding
        if not turned:
            return
        if target.kind in ("switch", "trigger"):
            self._emit(target, turned > 0, now)
        elif target.kind == "choice" or target.whole:
            low, high = binding.range or (target.low, target.high)
            each = 1.0 if binding.step is None else max(1.0, round(binding.step * abs(high - low)))
            value = self._current(target, now) + turned * (each if high >= low else -each)
            self._go(control, min(max(value, min(low, high)), max(low, high)), now)
        else:
            share = binding.share(self._current(target, now), target)
            share += turned * (1 / 127 if binding.step is None else binding.step)
            self._go(control, binding.at(min(max(share, 0.0), 1.0), target), now)

    def _press(self, control: _Control, share: float, now: float) -> None:
        """A button, or a control used as one, stands at a share 0..1; pressed is from a half on."""
        target, binding = control.target, control.binding
        is_note = binding.kind == "note"
        down = share > 0.0 if is_note else share >= 0.5
        struck = binding.button == "any" or (down and not control.pressed) or (down and is_note)
        changed = down != control.pressed
        control.pressed = down
        if binding.value is not None or target.kind == "trigger":
            if struck:
                self._emit(target, True if binding.value is None else binding.value, now)
        elif binding.button in ("next", "previous"):
            if struck:
                self._emit(target, self._next(target, 1 if binding.button == "next" else -1, now), now)
        elif binding.button in ("toggle", "any") and target.kind == "switch":
            if struck:
                self._emit(target, not self._current(target, now), now)
        elif target.kind == "switch":
            if changed or down != bool(self._current(target, now)):
                self._emit(target, down, now)
        elif down:  # how hard a pad is struck moves a number
            self._go(control, binding.at(share, target), now)

    def _next(self, target: Target, way: int, now: float) -> float:
        """One further; choices go round, whole numbers stop at the ends."""
        value = self._current(target, now) + way
        if target.kind == "choice":
            return value % len(target.choices)
        return min(max(value, target.low), target.high)

    def _current(self, target: Target, now: float) -> float:
        """The number a target stands at: what was last wanted from here, if lately, else what it has."""
        motion = self._motions.get(target.name)
        if motion is not None and (motion.goal is not None or now - motion.set_at < OWN_SECONDS or not self._get):
            own = motion.goal if motion.goal is not None else motion.set_to
            if own is not None:
                return own
        value = self._get(target.name) if self._get else None
        value = target.default if value is None else value
        return float(target.choices.index(str(value)) if target.kind == "choice" else value)

    def _go(self, control: _Control, goal: float, now: float) -> None:
        """Sets a target out for a goal, from where it is."""
        motion = self._motions.setdefault(control.target.name, _Motion())
        if motion.goal is None:
            motion.value = self._current(control.target, now)
            motion.moved = now
        else:
            motion.value = smooth(motion.value, motion.goal, now - motion.moved, motion.time_constant)
            motion.moved = now
        motion.goal, motion.time_constant, motion.owner = goal, control.binding.smoothing, control

    def _move(self, name: str, motion: _Motion, now: float) -> None:
        """Sets a target to where it is by now on its way to its goal."""
        target, goal = self._targets[name], motion.goal
        if goal is None:
            return
        motion.value = smooth(motion.value, goal, now - motion.moved, motion.time_constant)
        motion.moved = now
        if abs(motion.value - goal) <= ARRIVED * (target.high - target.low) or target.kind == "choice":
            motion.value, motion.goal = goal, None
        self._emit(target, motion.value, now)

    def _emit(self, target: Target, value: Value, now: float) -> None:
        motion = self._motions.setdefault(target.name, _Motion())
        checked = target.check(value if isinstance(value, str) else target.clamp(float(value)))
        motion.set_to = float(target.choices.index(str(checked)) if target.kind == "choice" else checked)
        motion.set_at = now
        try:
            self._set(target.name, checked)
        except InputError as error:
            if self._warn is None:
                raise
            self._warn(str(error))


def _keys(binding: Binding) -> list[tuple[str, int | None]]:
    """Types and numbers of the messages that a binding listens to."""
    kinds = {"pitchbend": "pitchwheel", "pressure": "aftertouch", "poly": "polytouch", "program": "program_change"}
    if binding.kind in ("cc", "relative"):
        return [("control_change", binding.number)]
    if binding.kind == "cc14":
        return [("control_change", binding.number), ("control_change", binding.low_byte)]
    if binding.kind == "note":
        return [("note_on", binding.number), ("note_off", binding.number)]
    return [(kinds.get(binding.kind, binding.kind), binding.number)]


def _number(message: Any) -> int | None:
    """Number of the controller, note or program."""
    for name in ("control", "note", "program"):
        if hasattr(message, name):
            return getattr(message, name)
    return None
