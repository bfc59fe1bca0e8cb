"""What silences whoever listens."""

from __future__ import annotations

import mido

ALL_SOUND_OFF, ALL_NOTES_OFF, SUSTAIN = 120, 123, 64  # MIDI controllers
CHANNELS = 16


def panic_messages() -> list[mido.Message]:
    """Sustain off, all sound off, all notes off, on every channel."""
    return [
        mido.Message("control_change", channel=channel, control=control)
        for channel in range(CHANNELS)
        for control in (SUSTAIN, ALL_SOUND_OFF, ALL_NOTES_OFF)
    ]
