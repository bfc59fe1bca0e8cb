// Latents of two to four pieces, the even ways between them, and the mixes at the points of a pad; of melodies and of drums.
#pragma once
#include <vector>

#include "../engine/travel.hpp"
#include "pad_points.hpp"

namespace latentmix {

// The even way between two pieces, and whose latents (windows, D) it goes between.
struct Way {
    std::vector<float> from, to, places; // the last (PLACES, windows, D)
};

class Mixes {
  public:
    // Others from now on: latents (count, size). Ways between pieces that stayed as they were are kept.
    void set(std::vector<float> latents, int count);

    const std::vector<float> &latents() const { return latents_; }
    int count() const { return count_; }
    int size() const { return size_; }

    // The first way that a line or a plane still lacks, with its ends but no places; false where it lacks none.
    bool lacks(bool is_plane, Way &way) const;
    void add(const Way &way); // of no use, and forgotten, where the pieces are others by now

    // Weights (count) at a point of a pad, and the mix (size) there: by the ways where none is lacking, else straight.
    std::vector<double> weights(const PadPoints &pad, int point) const;
    void mix(const std::vector<double> &weights, bool is_even, float *out) const;

  private:
    const Way *way(int from, int to) const; // null: not there yet

    std::vector<float> latents_;
    std::vector<Way> ways_;
    int count_ = 0, size_ = 0;
};

} // namespace latentmix
