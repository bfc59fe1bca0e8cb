// Even ways between melodies: places at which the melody changes evenly, as `midi_vae.travel` in Python finds them.
#pragma once
#include <vector>

#include "network.hpp"
#include "watch.hpp"

namespace latentmix {

constexpr int PLACES = 9; // of a way, evenly spaced, both ends among them

// Finds ways, window by window. One thread at a time, never an audio thread; allocates.
class Travel {
  public:
    explicit Travel(Network &network);

    // Latents a and b (D) of one window -> places, each (D), of which neighbours stand `stride` floats apart. About 40 ms.
    // False where `watch`, if any, ended it: then not all places are there.
    bool find(const float *a, const float *b, float *places, std::size_t stride, Watch *watch = nullptr);

  private:
    struct Task { // a place to be found, half-way between two melodies
        const int *left, *right;
        float at, surprise, onsets; // the share of the whole way, and what is due there
    };
    bool propose(const float *a, const float *b, Watch *watch);
    void choose(const Task &task, int few, int *x) const;
    bool improve(const std::vector<Task> &tasks, int few, int *best, Watch *watch);
    float cost(const Task &task, const int *x, const float *surprise) const;
    void change(const Task &task, const float *log_p, float surprise, int *x) const;
    void hear(const float *latents, int count, int *symbols);
    void encode(const int *symbols, int count, float *latents);

    Network &network_;
    const int symbols_, size_; // of the critic, D
    std::vector<float> latents_, where_, log_p_;
    std::vector<int> proposals_, tokens_;
    float steps_ = 1.0f; // in which the ends of the whole way differ
};

} // namespace latentmix
