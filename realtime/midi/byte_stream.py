"""MIDI bytes as on a cable -> messages: running status, real-time bytes anywhere, system exclusive within bounds.

Of the MIDI 1.0 Detailed Specification (4.2.1): a status byte holds until another comes; system common messages end
that, real-time messages (0xF8 to 0xFF) do not and may come inside any other message; data bytes without a status are
skipped. mido's own parser knows no running status and loses a message that a real-time byte comes into.
"""

from __future__ import annotations

from collections.abc import Iterator

import mido

MAX_SYSEX = 1 << 16  # bytes of system exclusive, which could go on without end
SYSEX, END_OF_SYSEX, FIRST_REAL_TIME = 0xF0, 0xF7, 0xF8
UNDEFINED = (0xF4, 0xF5, 0xF9, 0xFD)
# Data bytes after a status: by its upper four bits, and of system common messages.
LENGTHS = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}
COMMON_LENGTHS = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0}


class ByteStream:
    """What one sender has sent so far.

    >>> stream = ByteStream()
    >>> [str(m) for m in stream.feed(bytes([0x90, 60, 80, 0xF8, 60, 0]))]
    ['note_on channel=0 note=60 velocity=80 time=0', 'clock time=0', 'note_on channel=0 note=60 velocity=0 time=0']
    """

    def __init__(self) -> None:
        self._status = 0  # that holds; 0: none
        self._data: list[int] = []
        self._sysex: bytearray | None = None

    @property
    def is_endless(self) -> bool:
        """Whether system exclusive goes on beyond all bounds: the sender should be hung up on."""
        return self._sysex is not None and len(self._sysex) > MAX_SYSEX

    def feed(self, data: bytes) -> Iterator[mido.Message]:
        """More bytes; the messages that they complete. What is no MIDI is skipped."""
        for byte in data:
            if byte >= FIRST_REAL_TIME:
                if byte not in UNDEFINED:
                    yield mido.Message.from_bytes([byte])
            elif byte >= 0x80:
                yield from self._begin(byte)
            elif self._sysex is not None:
                self._sysex.append(byte)
                if self.is_endless:
                    return
            elif self._status:
                self._data.append(byte)
                if len(self._data) == self._length():
                    yield self._whole()

    def _begin(self, status: int) -> Iterator[mido.Message]:
        if status == END_OF_SYSEX and self._sysex is not None:
            yield mido.Message("sysex", data=bytes(self._sysex))
        self._data, self._sysex = [], bytearray() if status == SYSEX else None
        self._status = status if status < SYSEX or status in COMMON_LENGTHS else 0
        if self._status and self._length() == 0:
            yield self._whole()

    def _length(self) -> int:
        return COMMON_LENGTHS[self._status] if self._status >= SYSEX else LENGTHS[self._status >> 4]

    def _whole(self) -> mido.Message:
        message = mido.Message.from_bytes([self._status, *self._data])
        self._data = []
        if self._status >= SYSEX:
            self._status = 0
        return message
