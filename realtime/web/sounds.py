"""Sounds to choose from: programs of General MIDI, one of each timbre of the built-in synthesizer, and presets."""

from __future__ import annotations

SUNG = {65: "sax", 1: "piano", 14: "bell", 121: "breath"}  # program -> preset of the model of sounds (`sung`)
OWN = 53  # the program that stands for the recordings that were sent, mixed as the melodies are (`recordings`)
USUAL = 12
SOUNDS = {  # program -> what the page calls it
    12: "Soft mallet", 0: "Piano", 16: "Organ", 24: "Plucked", 48: "Bowed", 73: "Blown", 80: "Lead", 88: "Pad",
    **{program: f"Sung {preset}" for program, preset in SUNG.items()},
    OWN: "Your recordings",
}  # fmt: skip
