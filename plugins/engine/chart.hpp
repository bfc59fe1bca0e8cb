// Charts of the plane among melodies: latents of the places of a pad, as `midi_vae.chart` in Python finds them.
#pragma once
#include <vector>

#include "network.hpp"
#include "watch.hpp"

namespace latentmix {

// What lies at a place 0 .. 1 of a plane, of which a grid (rows upwards, columns, size) is known; bilinear, (size).
void on_grid(const float *grid, int rows, int columns, int size, double x, double y, float *out);

// Finds charts, window by window. One thread at a time, never an audio thread; allocates.
class Chart {
  public:
    static constexpr int MAX_MELODIES = 8;

    explicit Chart(Network &network);

    // Latents of one window of `count` melodies, each (D), of which neighbours stand `apart` floats apart, and their shares
    // (places, count), of the sum 1 -> latents, each (D), of which neighbours stand `stride` floats apart; where one melody
    // has it all, its own. About a third of a second and two milliseconds a place. False where `watch` ended it.
    bool find(const float *melodies, std::size_t apart, int count, const float *shares, int places, float *to, std::size_t stride,
              Watch *watch = nullptr);

  private:
    using Race = std::vector<float>; // (32, count): in each step the melody with the least of this over its share is heard

    void hear(const float *melodies, std::size_t apart);
    bool search(const float *shares, const std::vector<int> &looked_at, Watch *watch, Race &best);
    Race even_races(const float *shares, const std::vector<int> &looked_at) const;
    void sources(const float *race, int steps, const float *share, int *to) const;
    // the cost; gains (32, 32): how good each step would be with the race of each
    float look(const float *race, const float *shares, const std::vector<int> &looked_at, float *gains);
    void exchange(float *race, const float *gains) const;

    Network &network_;
    const int symbols_, size_; // of the critic, D
    int count_ = 0;
    std::vector<int> heard_, order_; // symbols (count, 32), the steps in which they differ, half bars in turn
    std::vector<float> log_p_;
};

} // namespace latentmix
