"""MIDI learn: move a knob, and what it is and where it stands on the wire is recognised and written into a map."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from latentmix.files import replace_file

from ..midi.expression import RPN_CONTROLLERS, RpnParser
from ..music.parameters import PARAMETERS, Parameter, find
from .bindings import Binding
from .entries import LOW_BYTE
from .maps import parse_map, read_map
from .recognise import Kind, recognise

QUIET_SECONDS = 0.5  # after which a movement is over
DOUBT_SECONDS = 4.0  # that one waits for a movement that says more
HELD_SECONDS = 0.6  # a button pressed for longer is to work while it is pressed
MAX_VALUES = 4000  # kept of one control
WAIT_SECONDS = 0.05

Address = tuple[str, int, int]  # kind, channel 0..15, number


@dataclass
class _Seen:
    """What one control sent."""

    values: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    order: list[int] = field(default_factory=list)  # of arrival among all that was sent

    def add(self, value: int, now: float, order: int) -> None:
        if len(self.values) < MAX_VALUES:
            self.values.append(value)
            self.times.append(now)
            self.order.append(order)
        else:
            self.times[-1] = now


class Learner:
    """Listens until it knows which control moves, and what it is.

    Of several that move (a neighbour touched, a noisy fader) the one that moved most is taken.
    """

    def __init__(self, parameter: Parameter) -> None:
        self._parameter = parameter
        self._seen: dict[Address, _Seen] = {}
        self._count = 0
        self._rpn_parsers: dict[int, RpnParser] = {}
        self._bytes: dict[tuple[Address, str], _Seen] = {}  # of NRPNs: high and low

    def feed(self, message: Any, now: float) -> None:
        """A mido message came at this time."""
        self._count += 1
        for address, value in self._read(message, now):
            self._seen.setdefault(address, _Seen()).add(value, now, self._count)

    def result(self, now: float) -> Binding | None:
        """The binding, once the movement is over and leaves no doubt; None: not yet."""
        if not self._seen:
            return None
        address, seen = max(self._seen.items(), key=lambda item: _movement(item[1].values, item[0][0]))
        quiet = now - max(s.times[-1] for s in self._seen.values())
        if quiet < QUIET_SECONDS:
            return None
        kind, channel, number = address
        if kind == "cc" and self._is_low_of_pair(channel, number):
            number -= LOW_BYTE
            seen = self._seen["cc", channel, number]
        if kind == "cc" and self._is_low_of_pair(channel, number + LOW_BYTE):
            low_first = _comes_first(self._seen["cc", channel, number + LOW_BYTE], seen)
            name, low_byte = self._parameter.name, number + LOW_BYTE
            return Binding(name, "cc14", number, low_byte, low_first=low_first, channel=channel + 1)
        if kind != "cc":
            is_button = kind == "note" or (kind == "program" and self._parameter.kind != "continuous")
            if kind == "program" and is_button:
                number = seen.values[-1]  # that program alone
            return self._binding(kind, channel, number, Kind(kind, is_button=is_button), seen)
        found = recognise(seen.values)
        if found is None or not (found.is_sure or quiet >= DOUBT_SECONDS):
            return None
        return self._binding(found.kind, channel, number, found, seen)

    @property
    def is_in_doubt(self) -> bool:
        """Something moved, but it is not clear yet what it is: it should be moved further, both ways."""
        return bool(self._seen)

    def _binding(self, kind: str, channel: int, number: int, found: Kind, seen: _Seen) -> Binding:
        button = "momentary"
        if found.is_button:
            held = len(seen.times) > 1 and seen.times[-1] - seen.times[0] >= HELD_SECONDS and len(seen.values) == 2
            if self._parameter.kind == "switch" and not held:
                button = "toggle"
            elif self._parameter.kind == "choice" or self._parameter.whole:
                button = "next"
        low, high = (self._bytes.get(((kind, channel, number), part)) for part in ("low", "high"))
        has_number = kind in ("cc", "relative", "note", "poly", "nrpn") or (kind == "program" and found.is_button)
        return Binding(
            self._parameter.name,
            kind,
            number if has_number else None,
            channel=channel + 1,
            low_first=low is not None and high is not None and _comes_first(low, high),
            encoding=found.encoding,
            button=button,  # type: ignore[arg-type]
        )

    def _is_low_of_pair(self, channel: int, number: int) -> bool:
        """Whether a controller is the low byte of one that moved with it, byte by byte."""
        high = self._seen.get(("cc", channel, number - LOW_BYTE))
        low = self._seen.get(("cc", channel, number))
        if high is None or low is None or not LOW_BYTE <= number < 2 * LOW_BYTE:
            return False
        near = sum(any(abs(time - other) <= 0.01 for other in low.times) for time in high.times[:100])
        return len(low.values) >= 2 and near >= 0.6 * len(high.times[:100])

    def _read(self, message: Any, now: float) -> list[tuple[Address, int]]:
        """Address and value of a message; empty for what is no control."""
        kind, channel = message.type, getattr(message, "channel", 0)
        if kind == "control_change":
            if message.control in RPN_CONTROLLERS:
                said = self._rpn_parsers.setdefault(channel, RpnParser()).feed(message.control, message.value)
                if said is not None and not said.registered:
                    address = ("nrpn", channel, said.number)
                    self._bytes.setdefault((address, said.part), _Seen()).add(said.value, now, self._count)
                    return [(address, said.value)] if said.part != "low" else []
                if said is not None or message.control not in (6, 38, 96, 97):
                    return []
            return [(("cc", channel, message.control), message.value)]
        if kind in ("note_on", "note_off"):
            velocity = message.velocity if kind == "note_on" else 0
            is_known = ("note", channel, message.note) in self._seen
            return [(("note", channel, message.note), velocity)] if velocity or is_known else []
        if kind == "pitchwheel":
            return [(("pitchbend", channel, 0), message.pitch)]
        if kind == "aftertouch":
            return [(("pressure", channel, 0), message.value)]
        if kind == "polytouch":
            return [(("poly", channel, message.note), message.value)]
        if kind == "program_change":
            return [(("program", channel, 0), message.program)]
        return []


def learn(
    names: Iterable[str],
    receive: Callable[[float], tuple[float, Any] | None],
    say: Callable[[str], object],
    parameters: Mapping[str, Parameter] = PARAMETERS,
    bound: Sequence[Binding] = (),
) -> list[Binding]:
    """Ask for a movement for each parameter and bind what moves.

    Args:
        names: of parameters.
        receive: waits so many seconds at most; returns the time and the next message, or the time and None. Returns
            None altogether where this parameter is to be skipped (a key was pressed).
        say: called with a line for the person at the controller.
        parameters: of the engine.
        bound: what was learned before: the same controls are not bound again.

    Raises:
        InputError: no parameter of such a name.
    """
    chosen = [find(name, parameters) for name in names]
    learned: list[Binding] = []
    for parameter in chosen:
        say(f"{parameter.name} ({parameter.help}): move a knob, a fader or a button")
        learner, asked = Learner(parameter), 0.0
        while (received := receive(WAIT_SECONDS)) is not None:
            now, message = received
            if message is not None:
                learner.feed(message, now)
                asked = now
            binding = learner.result(now)
            if binding is not None:
                other = next((each for each in (*bound, *learned) if _same_control(binding, each)), None)
                if other is not None:
                    bound_to = f"{describe(binding)} has just been bound to {other.parameter}"
                    say(f"{parameter.name}: {bound_to}; move another one")
                    learner, asked = Learner(parameter), 0.0
                    continue
                learned.append(binding)
                say(f"{parameter.name}: {describe(binding)}")
                break
            if learner.is_in_doubt and asked and now - asked > QUIET_SECONDS:
                say(f"{parameter.name}: not clear yet; move it further, both ways")
                asked = 0.0
    return learned


def describe(binding: Binding) -> str:
    """A binding's control in words.

    >>> describe(Binding("x", "cc14", 1, 33, channel=2)), describe(Binding("y", "pitchbend"))
    ('controllers 1 and 33, 14 bits, channel 2', 'pitch bend, any channel')
    """
    number = binding.number
    what = {
        "cc": f"controller {number}",
        "cc14": f"controllers {number} and {binding.low_byte}, 14 bits",
        "nrpn": f"NRPN {number}",
        "relative": f"controller {number}, an encoder without ends ({binding.encoding})",
        "note": f"note {number}, a button ({binding.button})",
        "poly": f"pressure of note {number}",
        "pitchbend": "pitch bend",
        "pressure": "channel pressure",
        "program": "program change",
    }[binding.kind]
    return f"{what}, " + ("any channel" if binding.channel is None else f"channel {binding.channel}")


def write_bindings(path: str | os.PathLike[str], bindings: Iterable[Binding], device: str = "") -> None:
    """Add bindings to a map's file, or make it; comments and everything else in it stay.

    A binding takes the place of those of the same parameter, and of those of the same control.

    Args:
        path: of a TOML file.
        bindings: what `learn` returned.
        device: for a new file: what the names of its ports have in common.

    Raises:
        InputError: the file is there and is no map, or cannot be written.
    """
    import tomlkit

    path, bindings = os.fspath(path), list(bindings)
    if os.path.lexists(path):
        controller = read_map(path)
        document = tomlkit.parse(Path(path).read_text(encoding="utf-8"))
        stays = [not any(_replaces(new, old) for new in bindings) for old in controller.bindings]
        kept = [entry for entry, stay in zip(document.get("bind", []), stays, strict=True) if stay]
        document.pop("bind", None)
    else:
        document, kept = tomlkit.document(), []
        document.add("name", Path(path).stem)
        if device:
            document.add("device", device)
    tables = tomlkit.aot()
    for entry in [*kept, *map(_table, bindings)]:
        table = tomlkit.table()
        table.update(entry)
        tables.append(table)
    document.add("bind", tables)
    text = tomlkit.dumps(document)
    parse_map(text, path)
    replace_file(path, text.encode("utf-8"))


def _comes_first(low: _Seen, high: _Seen) -> bool:
    """Whether a control of 14 bits sends its low byte before the high one.

    Put together in the right order, values follow one another evenly: in the wrong one a high byte that changes stands
    with the low byte of another value. Where that says nothing, what came first at all decides.
    """
    came = [(at, True, value) for at, value in zip(low.order, low.values, strict=True)]
    came = sorted(came + [(at, False, value) for at, value in zip(high.order, high.values, strict=True)])
    uneven = []
    for low_first in (False, True):
        values, last = [], {False: -1, True: -1}
        for _, is_low, value in came:
            last[is_low] = value
            if is_low != low_first and min(last.values()) >= 0:  # the second byte of the two
                values.append(last[False] << 7 | last[True])
        bends = [abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False)]
        uneven.append(sum(bends) / max(len(bends), 1))
    if min(uneven) < 0.5 * max(uneven):
        return uneven[1] < uneven[0]
    return came[0][1]


def _replaces(new: Binding, old: Binding) -> bool:
    return old.parameter == new.parameter or _same_control(old, new)


def _same_control(a: Binding, b: Binding) -> bool:
    same_kind = a.kind == b.kind or {a.kind, b.kind} <= {"cc", "cc14", "relative"}
    return same_kind and (a.number, a.channel) == (b.number, b.channel)


def _table(binding: Binding) -> dict[str, Any]:
    """What a map's file says of a binding: all that is not the default."""
    said = {}
    for each in fields(Binding):
        value = getattr(binding, each.name)
        if each.name in ("parameter", "kind") or value != each.default:
            said["target" if each.name == "parameter" else each.name] = value
    return said


def _movement(values: list[int], kind: str) -> float:
    """How much a control moved: presses and turns count as much as a fader's way."""
    way = sum(abs(b - a) for a, b in pairwise(values))
    return len(values) + min(way, 16383) / (128 if kind == "pitchbend" else 1) / 4
