// What is done to a melody after it is decoded: `realtime.shaping` and `midi_vae.keys` in Python. Nothing allocates.
#pragma once

namespace latentmix {

constexpr int KEYS = 24; // 1 to 12: C to B major, 13 to 24: C to B minor; 0 is no key

// Keeps a share of the notes, those on strong beats first and of equally strong ones the earlier; the rest are rests.
void thin(int *tokens, int steps, int numerator, int denominator, double share);

// Moves every note outside the scale to the nearest pitch of it, of two that are as near to the one that fits better.
void lock(int *tokens, int steps, int key);

// Up or down by octaves; a note that would leave MIDI's range stays in the octave that still fits.
void to_octave(int *tokens, int steps, int octaves);

// The likeliest key (Krumhansl 1990, chapter 4); 0 where there are no notes.
int estimate_key(const int *tokens, int steps);

// Sixteenths of what is felt as a beat: a dotted quarter in 6/8, 9/8 and 12/8.
int steps_a_beat(int numerator, int denominator);

const char *key_name(int key); // "none", "C:maj" ...

} // namespace latentmix
