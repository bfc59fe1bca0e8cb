"""How much a plugin takes, as `plugins/` in C++ has it: `SLOTS`, `MAX_STEPS`, tempos of its MIDI reader."""

PLUGIN_PIECES = 4  # melodies or grooves that a plugin, or the page without a server, mixes
MAX_PIECE_STEPS = 4096  # sixteenths of each
# Quarter notes a minute, as the plugins' own reader of MIDI files keeps them: a plugin plays at the host's tempo.
MIN_TEMPO, MAX_TEMPO = 1.0, 9999.0
