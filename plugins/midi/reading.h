/* The melody of a MIDI file for programs in C and what calls C; with the types of `latentmix.h`. */
#ifndef LATENTMIX_READING_H
#define LATENTMIX_READING_H
#ifdef __cplusplus
extern "C" {
#endif
#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility push(default)
#endif

/* Two bars from where the melody starts -> tokens (at most `most`), metre (2) and quarter notes a minute. How many tokens; 0,
 * with one line in `problem`, where there is no melody. Allocates. */
int lm_read_midi(const unsigned char *file, unsigned long long bytes, int *tokens, int most, int *metre, double *tempo, char *problem,
                 unsigned problem_bytes);

#if defined(__GNUC__) && !defined(_WIN32)
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
