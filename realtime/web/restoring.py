"""Back to what was: a session as a patch, and what a patch does to the melodies of an engine."""

from __future__ import annotations

from collections.abc import Sequence

from ..engine.engine import Engine
from ..music.parameters import Value
from ..music.shares import MODES
from .history import Patch
from .wire import PlacedMelody, Session


def patch_of(session: Session) -> Patch:
    """All that a session sets; its path does not run."""
    path = session.path.model_copy(update={"runs": False})
    return Patch(session.melodies, session.values, session.moved, session.loop, path, session.snapshots, session.drums)


def in_order(patch: Patch) -> list[tuple[str, Value]]:
    """Values, those that say where the mix is last, for what was moved last decides; so `drums.pad` after all."""
    rank = {name: 2 if mode == patch.moved else 1 for name, mode in MODES.items()} | {"drums.pad": 3}
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
