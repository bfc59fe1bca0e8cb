// Latents of two to four pieces, the even ways and charts between them, and the mixes at the points of a pad; of melodies and of
// drums.
#pragma once
#include <vector>

#include "../engine/travel.hpp"
#include "pad_points.hpp"

namespace latentmix {

constexpr int CHART_SIDE = 13; // places on a side of the chart of a plane; on that of rhythm and pitch there are PLACES

// What is searched so that pieces change evenly: on a line the way between two of them, on a plane its chart.
struct Way {
    Field field = Field::LINE;
    std::vector<float> ends;    // latents (pieces, windows, D) that it goes between
    std::vector<float> places;  // (PLACES or the square of a side, windows, D); empty: there is none
    std::vector<Melody> pieces; // of rhythm and pitch, as partners
};

class Mixes {
  public:
    explicit Mixes(bool has_charts) : has_charts_(has_charts), goes_by_chart_(has_charts) {}

    // Whether the plane goes by its chart, as it does at first, or by straight cells, as projects of before charts have it.
    void go_by_chart(bool does) { goes_by_chart_ = has_charts_ && does; }
    bool goes_by_chart() const { return goes_by_chart_; }

    // Others from now on: latents (count, size). Ways between pieces that stayed as they were are kept.
    void set(std::vector<float> latents, int count);

    const std::vector<float> &latents() const { return latents_; }
    int count() const { return count_; }
    int size() const { return size_; }

    // The first way that a field still lacks, with its ends but no places; false where it lacks none.
    bool lacks(Field field, Way &way) const;
    void add(const Way &way); // of no use, and forgotten, where the pieces are others by now

    // Weights (count) at a point of a pad, and the mix (size) there: by the ways where none is lacking, else straight.
    std::vector<double> weights(const PadPoints &pad, int point) const;
    void mix(const PadPoints &pad, int point, bool is_even, float *out) const;

    std::vector<float> chart_shares() const; // (CHART_SIDE squared, count)

  private:
    const Way *way(int from, int to) const; // null: not there yet
    const Way *chart(Field field) const;
    bool is_charted(Field field) const; // whether a chart is gone by, once it is there
    bool goes(const Way &way, Field field, int from, int step, int pieces) const; // between every `step`-th piece
    std::vector<double> weights_at(Field field, double x, double y) const;

    const bool has_charts_;
    bool goes_by_chart_;
    std::vector<float> latents_;
    std::vector<Way> ways_;
    int count_ = 0, size_ = 0;
};

} // namespace latentmix
