"""What controllers, OSC, keys and automations move: an engine of melodies or of sounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from ..music.parameters import Parameter, Value


class Movable(Protocol):
    """See `engine.engine.Engine`, of which this is a part. All of it is thread-safe."""

    @property
    def parameters(self) -> Mapping[str, Parameter]: ...

    @property
    def beats_a_bar(self) -> float: ...

    def set(self, name: str, value: object) -> None: ...

    def move(self, values: Mapping[str, object]) -> None: ...

    def value(self, name: str) -> Value: ...

    def count(self) -> int: ...

    def beat(self) -> float: ...

    def warn(self, text: str) -> None: ...

    def listen(self, callback: Callable[[float, bytes], None]) -> Callable[[], None]: ...
