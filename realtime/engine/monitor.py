"""What became of an engine's music: reports of the player and warnings, kept for snapshots and recordings."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

from ..player.messages import PlayerLost, PlayerWarning, Progress, Report, Underruns
from .recorder import Recorder
from .warned import Warned

MEASURED = 1000  # decodes whose times are kept, and notes whose lateness is


class Monitor:
    """What was reported last, and how long things took. Not thread-safe: the engine holds its lock.

    Attributes:
        progress: the last report of a step.
        recorder: of the notes played while `record` is on.
        warn: is called with what a person should know.
        problem: why nothing is played, a line for people; None while there is a player.
        is_given_up: whether there is not going to be one again.
    """

    def __init__(self, tempo: float, source: str, time: float, channel: int = 0) -> None:
        self.progress = Progress(-1, time, None, (), 0, None, tempo, source, False)
        self.recorder = Recorder(channel=channel)
        self.problem: str | None = None
        self.is_given_up = False
        self._underruns = 0
        self._decode_times: deque[float] = deque(maxlen=MEASURED)
        self._lateness: deque[float] = deque(maxlen=MEASURED)
        self.warn = Warned()

    def hear(self, report: Report, is_recording: bool) -> None:
        """A report of the player, but for MIDI that arrived."""
        if isinstance(report, Progress):
            self.progress, self.problem = report, None
            if report.late is not None:
                self._lateness.append(1000 * report.late)
            if report.events and is_recording:
                self.recorder.add(report.events, report.tempo)
        elif isinstance(report, PlayerWarning):
            self.warn(report.text)
        elif isinstance(report, PlayerLost):
            self.problem, self.is_given_up = report.reason, report.is_final
            self.warn(report.reason + ("; nothing is played any more" if report.is_final else "; it is started again"))
        elif isinstance(report, Underruns):
            self._underruns = report.count

    def decoded(self, seconds: float) -> None:
        """How long a melody took, from the move to the player."""
        self._decode_times.append(1000 * seconds)

    def figures(self) -> dict[str, Any]:
        """What a `Snapshot` says of all this, by the names of its attributes."""
        told, (warnings, warned) = self.progress, self.warn.figures()
        return {
            "heard": told.version,
            "step": told.step,
            "sounding": told.sounding,
            "running": told.running and self.problem is None,
            "tempo": told.tempo,
            "source": told.source,
            "time": told.time,
            "decode_ms": _last(self._decode_times),
            "decode_p99_ms": _p99(self._decode_times),
            "late_p99_ms": _p99(self._lateness),
            "late_decodes": told.late_decodes,
            "skipped": told.skipped,
            "notes": told.notes,
            "underruns": self._underruns,
            "warnings": warnings,
            "warned": warned,
        }


def _last(values: deque[float]) -> float:
    return values[-1] if values else 0.0


def _p99(values: deque[float]) -> float:
    return float(np.percentile(list(values), 99)) if values else 0.0
