"""What a move of a parameter does: one rule for the engine, which plays it, and for rendering, which writes it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..music.automation import recalled
from ..music.mixer import Mixer
from ..music.parameters import Value, find
from ..player.messages import Command, Panic, SetFollow, SetPlaying, SetSwing, SetTempo, SetVelocity, Tap

AT_ONCE = (
    "tempo",
    "follow",
    "velocity",
    "swing",
    "play",
    "panic",
    "tap",
)  # the player's: none waits for a decode
Presets = Mapping[int, Mapping[str, Value]]


def resolve(
    mixer: Mixer, presets: Presets, name: str, value: object, get: Callable[[str], Value]
) -> list[tuple[str, Value]]:
    """What one move comes to, checked and in order: a preset recalls its parameters before it counts itself.

    Args:
        get: what a parameter was last set to.

    Raises:
        InputError: no such parameter or value (`Parameter.check`), of the move or of the preset.
    """
    checked = find(name, mixer.parameters).check(value)
    if name == "next":
        return [("phrase", find("phrase", mixer.parameters).check(float(get("phrase")) + 1))] if checked else []
    if name != "preset":
        return [(name, checked)]
    moves = recalled(presets, int(checked), len(mixer.melodies)).items()
    return [(each, find(each, mixer.parameters).check(wanted)) for each, wanted in moves] + [(name, checked)]


def set_at_once(mixer: Mixer, name: str, value: Value, time: float) -> Command | None:
    """Set a parameter of `AT_ONCE`; what the player is to be told, None where a trigger was let go.

    Args:
        value: checked.
        time: now, in seconds of `clock.now`.
    """
    if name in ("panic", "tap"):
        return None if not value else Panic() if name == "panic" else Tap(time)
    mixer.set(name, value)
    kinds = {"tempo": SetTempo, "follow": SetFollow, "velocity": SetVelocity, "swing": SetSwing, "play": SetPlaying}
    return kinds[name](value)
