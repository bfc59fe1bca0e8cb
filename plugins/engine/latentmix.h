/* latentmix: melodies to latents, mixes, and latents to melodies, for programs in C and what calls C.
 *
 * A model is read once and shared; it never changes, so any number of threads may use it. An `lm_network` is one user of
 * it with scratch of its own: one thread at a time. Only the functions marked "allocates" do; none locks or waits.
 * `lm_encode` and `lm_decode` take about a millisecond a window, `lm_invert` two and at most twenty: not for an audio thread.
 *
 * Tokens: one for each sixteenth; 0 holds, 1 ends the note, 2 + p starts MIDI pitch p. A window has LM_STEPS of them.
 */
#ifndef LATENTMIX_H
#define LATENTMIX_H
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(default)
#endif

#define LM_STEPS 32
#define LM_PLACES 9

typedef struct lm_model lm_model;
typedef struct lm_network lm_network;

/* Reads a file that `midi-vae export plugin` wrote; allocates. NULL, with one line in `problem`, where it cannot be
 * used. `path_of_kernels` is NULL for the quickest, or "plain", "avx2", "avx512". */
lm_model *lm_model_read(const char *file, const char *path_of_kernels, char *problem, unsigned problem_bytes);
lm_model *lm_model_parse(const void *bytes, unsigned long long count, const char *path_of_kernels, char *problem,
                         unsigned problem_bytes);
void lm_model_free(lm_model *);
const char *lm_model_name(const lm_model *);
const char *lm_model_id(const lm_model *);
const char *lm_model_fingerprint(const lm_model *); /* 32 hexadecimal digits */
const char *lm_model_kernels(const lm_model *);
int lm_model_latent_size(const lm_model *); /* D */
int lm_model_attributes(const lm_model *);
const char *lm_model_attribute(const lm_model *, int);
int lm_model_melodies(const lm_model *);
/* Tokens of a melody that came with the model, at most `most`; how many it has, 0 where there is no such melody. */
int lm_model_melody(const lm_model *, int which, int *tokens, int most, int *numerator, int *denominator);

lm_network *lm_network_new(lm_model *); /* allocates */
void lm_network_free(lm_network *);
/* What the encoder says (posterior means), and latents from which the very tokens are decoded: for melodies take these. */
void lm_encode(lm_network *, const int *tokens, int windows, float *latents);
void lm_invert(lm_network *, const int *tokens, int windows, float *latents);
/* Temperature 0: the likeliest tokens. Above, drawn ones, the same for the same seed (as `Decoder(model, seed)` in
 * Python for one window); a new seed draws new noise. */
void lm_decode(lm_network *, const float *latents, int windows, int *tokens, float temperature, unsigned seed);

/* Windows of a melody: laid in another metre and length (`to_steps`, whole bars) as a partner of another melody, cut into
 * windows (at most `most`). How many; 0 where a bar does not fit a window, -1 where there are more. And back. Allocates. */
int lm_windows(const int *tokens, int steps, int numerator, int denominator, int to_numerator, int to_denominator,
               int to_steps, int *windows, int most);
void lm_melody(const int *windows, int count, int numerator, int denominator, int *tokens, int steps);

/* Mixing: weights (melodies) of a position 0..1 along the melodies, of a place on the pad, both with the sum 1. */
void lm_path(double position, int melodies, double *weights);
void lm_pad(double x, double y, int melodies, double *weights);
/* latents (melodies, size), weights (melodies) -> out (size); spherical: mean direction at the mean length. */
int lm_mix(const float *latents, int melodies, int size, const double *weights, int spherical, float *out);
void lm_line(const float *a, const float *b, int size, double t, int spherical, float *out);
/* Even ways, on which the melody changes evenly where the straight line stands still and then jumps: latents a and b
 * (windows, D) -> places (LM_PLACES, windows, D), the first a and the last b. About 40 ms a window; allocates. */
void lm_travel(lm_network *, const float *a, const float *b, int windows, float *places);
/* Moves a straight mix `out` (size), as `lm_mix` makes it, onto the way (LM_PLACES, size) between two of its melodies,
 * whose weights are `from` and `to` out of a sum of 1; with more melodies, once for each pair. */
void lm_aside(const float *way, int size, double from, double to, float *out);
/* Rhythm and pitch apart: latents (windows, D) with the rhythm of some and the pitches of others -> latents of both, and of
 * a mix of melodies by other weights for one than for the other, where both are mixes. 0 where one has no note. Allocates. */
int lm_join(lm_network *, const float *rhythm, const float *pitch, int windows, float *out);
/* The plane between melodies a and b (steps) of one metre -> places (LM_PLACES, LM_PLACES, windows, D), the rhythm of a to that
 * of b across, the pitches upwards. About a third of a second a window. 0 where one has no note. Allocates. */
int lm_plane(lm_network *, const int *a, const int *b, int steps, int numerator, int denominator, float *places);
/* A chart, on which the melody changes evenly wherever one goes on a plane among 1 to 8 melodies: latents (melodies, windows,
 * D), shares of them (places, melodies), each with the sum 1 -> latents (places, windows, D). About half a second a window
 * for 169 places; allocates. */
void lm_chart(lm_network *, const float *latents, int melodies, int windows, const float *shares, int places, float *out);
/* What lies at a place 0..1 of a plane of which a grid (rows upwards, columns, size) is known, such as `lm_plane`'s. */
void lm_on_grid(const float *grid, int rows, int columns, int size, double x, double y, float *out);
/* amounts (attributes) in standard deviations -> what to add to a latent (D) */
void lm_shift(const lm_model *, const float *amounts, float *out);

/* Shaping, in place. `key`: 0 none, 1 to 12 C to B major, 13 to 24 C to B minor. */
void lm_thin(int *tokens, int steps, int numerator, int denominator, double share);
void lm_key(int *tokens, int steps, int key);
void lm_octave(int *tokens, int steps, int octaves);
int lm_key_of(const int *tokens, int steps); /* of a melody; 0 where it has no notes */

/* The melody of a MIDI file, where `plugins/midi` is linked in: two bars from where it starts -> tokens (at most `most`), metre
 * (2) and quarter notes a minute. How many tokens; 0, with one line in `problem`, where there is no melody. Allocates. */
int lm_read_midi(const unsigned char *file, unsigned long long bytes, int *tokens, int most, int *metre, double *tempo, char *problem,
                 unsigned problem_bytes);

/* Drums: a model of grooves with its scratch, for one thread at a time. A window is LM_STEPS x 3 x LM_DRUMS cells: of each
 * sixteenth first whether each drum is struck (0 or 1), then how hard (0 to 1), then by how much of a sixteenth it is late.
 * The drums: kick, snare, closed and open hat, low, mid and high tom, crash, ride. */
#define LM_DRUMS 9
typedef struct lm_drums lm_drums;
/* Reads what `midi-vae export plugin` wrote of a model of drums; as `lm_model_parse`. Allocates. */
lm_drums *lm_drums_parse(const void *bytes, unsigned long long count, const char *path_of_kernels, char *problem,
                         unsigned problem_bytes);
void lm_drums_free(lm_drums *);
int lm_drums_latent_size(const lm_drums *); /* D */
/* Windows of a groove that came with the model: how many, 0 where there is no such groove, -1 where there are more. */
int lm_drums_groove(const lm_drums *, int which, float *cells, int most);
/* As `lm_encode` and `lm_invert`: latents from which the very hits are decoded, and nearly these velocities and offsets. */
void lm_drums_encode(lm_drums *, const float *cells, int windows, float *latents);
void lm_drums_invert(lm_drums *, const float *cells, int windows, float *latents);
/* Temperature 0: the likeliest hits. Above, others, as many; the same for the same seed, of which a new one allocates. */
void lm_drums_decode(lm_drums *, const float *latents, int windows, float *cells, float temperature, unsigned seed);
/* Moves velocities and offsets of a groove towards what a drummer may do with all its hits: amount 0 leaves them, 2
 * exaggerates. Allocates. */
void lm_drums_humanise(lm_drums *, float *cells, int windows, float tempo, float amount);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
