"""Notes that a receiver may still sound though they are over: their end was sent while it could not be reached."""

from __future__ import annotations

import mido

Note = tuple[int, int]  # channel 0..15, pitch


class HangingNotes:
    """What went out to one receiver. Not thread-safe: its port holds a lock.

    A port is found to be gone only a while after it went, and what was sent in between is lost without a word. So what
    ends when it is back is every note that began since the receiver was last known to be whole, and is over by now.
    """

    def __init__(self) -> None:
        self._begun: set[Note] = set()  # since the start; at most 16 * 128
        self._sounding: set[Note] = set()

    def sent(self, message: mido.Message) -> None:
        """A message went out, or was to."""
        if message.type not in ("note_on", "note_off"):
            return
        note = (message.channel, message.note)
        if message.type == "note_on" and message.velocity:
            self._begun.add(note)
            self._sounding.add(note)
        else:
            self._sounding.discard(note)

    def over(self) -> list[mido.Message]:
        """Note offs for what may still sound and should not."""
        return [
            mido.Message("note_off", channel=channel, note=pitch, velocity=0)
            for channel, pitch in sorted(self._begun - self._sounding)
        ]
