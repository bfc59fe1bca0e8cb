"""Sounds to choose from: programs of General MIDI, one of each timbre that the built-in synthesizer has."""

from __future__ import annotations

SOUNDS = {  # program -> what the page calls it
    12: "Soft mallet", 0: "Piano", 16: "Organ", 24: "Plucked", 48: "Bowed", 73: "Blown", 80: "Lead", 88: "Pad",
}  # fmt: skip
USUAL = 12
