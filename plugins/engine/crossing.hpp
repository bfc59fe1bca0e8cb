// The rhythm of one melody with the pitches of another, and the plane whose sides are these: `midi_vae.crossing` in Python.
#pragma once
#include <vector>

#include "travel.hpp"

namespace latentmix {

// One thread at a time, never an audio thread; allocates.
class Crossing {
  public:
    explicit Crossing(Network &network);

    // Windows (count, 32) of tokens of two melodies: of the first the rhythm, of the second the pitches -> (count, 32).
    // False where one of them has no note.
    bool join(const int *rhythm, const int *pitch, int count, int *tokens);

    // Latents (count, D) of the same, by way of what is decoded of them.
    bool join_latents(const float *rhythm, const float *pitch, int count, float *out);

    // The plane between partners (`melody.hpp`) -> latents (PLACES, PLACES, windows, D), the rhythm across, the pitch
    // upwards; empty where a melody has no note. About a third of a second a window. False where `watch` ended it.
    bool plane(const Melody &a, const Melody &b, std::vector<float> &places, Watch *watch = nullptr);

  private:
    bool line(const std::vector<int> &windows, int *out) const;
    void choose(const int *rhythm, const int *line, int count, int *tokens);

    Network &network_;
    Travel travel_;
    const int symbols_, lowest_, pitches_, size_; // of the critic, of the model; D
    std::vector<float> log_p_;
};

} // namespace latentmix
