"""What a track is played on, for people."""

from __future__ import annotations

from .score import Track


def instrument_name(track: Track) -> str:
    """The General MIDI name of its program, or drums."""
    if track.is_drum:
        return "drums"
    from pretty_midi import program_to_instrument_name  # takes a moment to import

    return str(program_to_instrument_name(track.program))
