"""Back to what was: a session as a patch, and what a patch does to the melodies of an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..engine.engine import Engine
from ..music.parameters import Parameter, Value
from ..music.shares import MODES, PADS
from .checking import clean_name
from .history import Patch
from .wire import NOT_KEPT, PlacedMelody, Session

MAX_TOLD = 5  # names of parameters in a message


def patch_of(session: Session) -> Patch:
    """All that a session sets; its path does not run."""
    path = session.path.model_copy(update={"runs": False})
    of = session
    return Patch(of.melodies, of.values, of.moved, of.loop, path, of.snapshots, of.drums, of.sounds)


def remark_on(session: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> str:
    """What a session that was read, or one of its kept mixes, wants of parameters that cannot be; "" if nothing.

    These are parameters that a model does not have, and values beyond the range of one.
    """
    values = [session.get("values") or {}, *(each["values"] for each in session.get("snapshots") or ())]
    wanted = [(name, value) for each in values for name, value in each.items() if name not in NOT_KEPT]
    unknown = _listed(name for name, _ in wanted if name not in parameters)
    beyond = _listed(name for name, value in wanted if name in parameters and parameters[name].is_beyond(value))
    lines = (
        f"opened without {unknown}, which this mix does not have" if unknown else "",
        f"opened with {beyond} at the end of the range, for the session has values beyond it" if beyond else "",
    )
    return "; ".join(filter(None, lines))


def _listed(found: Iterable[str]) -> str:
    names = dict.fromkeys(found)
    more = f" and {len(names) - MAX_TOLD} more" if len(names) > MAX_TOLD else ""
    return ", ".join(clean_name(name) for name in list(names)[:MAX_TOLD]) + more


def in_order(patch: Patch) -> list[tuple[str, Value]]:
    """Values, those that say where the mix is last, for what was moved last decides; `*.pad` after all."""
    rank = {name: 2 if mode == patch.moved else 1 for name, mode in MODES.items()}
    rank |= {pad: 3 for pad, _ in PADS.values()}
    return sorted(patch.values.items(), key=lambda item: rank.get(item[0], 0))


def lay(engine: Engine, wanted: Sequence[PlacedMelody]) -> None:
    """Melodies one by one where they are others than those there, then places.

    Thread-safe beside the engine, but not beside itself; not real-time-safe: it waits for the model.

    Raises:
        InputError: they cannot be mixed; nothing is changed then.
    """
    melodies, names = [each.melody for each in wanted], engine.snapshot().names
    engine.decoder.encode(melodies)  # to see that they go together before anything changes
    there = list(engine.mixer.melodies)
    for index, melody in enumerate(melodies):
        name = melody.name or f"melody {index + 1}"
        if index >= len(there):
            engine.add(melody, name)
        elif there[index] != melody or names[index] != name:
            engine.load(index, melody, name)
    for index in reversed(range(len(melodies), len(there))):
        engine.remove(index)
    for index, each in enumerate(wanted):
        engine.place(index, each.x, each.y)
