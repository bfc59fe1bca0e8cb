"""Processors that stay awake while there is music.

A processor with nothing to do goes to sleep, and takes time to wake: a tenth of a millisecond in the deep states of a
laptop, milliseconds in a virtual machine, whose host gives it to others meanwhile. Every step on the way from a knob to
a note wakes one. Linux lets a program say how long waking may take, for as long as it holds a file open (PM QoS: the
kernel's Documentation/power/pm_qos_interface.rst). Who may: root, and whom the rules of audio distributions let.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

LATENCY_FILE = Path("/dev/cpu_dma_latency")
IDLE_DRIVER = Path("/sys/devices/system/cpu/cpuidle/current_driver")
MICROSECONDS = 10  # allows the first, shallow sleep, which saves most of the power
VIRTUAL_MICROSECONDS = 0  # in a virtual machine there is no shallow sleep


class Wakefulness:
    """Whether processors are asked to stay awake; where that may not be asked, nothing happens."""

    def __init__(self) -> None:
        self._file: int | None = None

    @property
    def is_on(self) -> bool:
        return self._file is not None

    def set(self, on: bool) -> None:
        """Ask, or let them sleep again; a second time does nothing."""
        if on and self._file is None:
            with contextlib.suppress(OSError):  # not Linux, or not allowed
                file = os.open(LATENCY_FILE, os.O_WRONLY)
                try:
                    os.write(file, struct.pack("=i", _allowed()))
                except OSError:
                    os.close(file)
                    raise
                self._file = file
        elif not on and self._file is not None:
            os.close(self._file)
            self._file = None


@contextlib.contextmanager
def staying_awake() -> Iterator[Wakefulness]:
    """Meanwhile processors stay awake, where we may ask for it."""
    wakefulness = Wakefulness()
    wakefulness.set(True)
    try:
        yield wakefulness
    finally:
        wakefulness.set(False)


def _allowed() -> int:
    """Microseconds that waking may take."""
    with contextlib.suppress(OSError):
        if IDLE_DRIVER.read_text(encoding="ascii").strip() == "haltpoll":
            return VIRTUAL_MICROSECONDS
    return MICROSECONDS
