#include "groove.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

constexpr float MAX_OFFSET = 0.5f;
constexpr int NOTES_A_DRUM = 4; // at most; the first is the one that is written
constexpr int NOTES[DRUMS][NOTES_A_DRUM] = {{36, 35}, {38, 40, 37, 39}, {42, 44, 22}, {46, 26}, {43, 41, 58}, {47, 45}, {50, 48}, {49, 57, 55, 52}, {51, 59, 53}};

// In bars of another metre. Where one bar length is a multiple of the other hits stay as they follow one another; else every
// bar is laid in a bar, cut off or left empty at its end.
Groove rebar(const Groove &groove, int numerator, int denominator) {
    const int old_size = groove.steps_per_bar(), new_size = steps_per_bar(numerator, denominator);
    Groove out = groove;
    out.numerator = numerator;
    out.denominator = denominator;
    if (old_size % new_size && new_size % old_size) {
        const int bars = groove.steps() / old_size, kept = std::min(old_size, new_size);
        out.hits.assign(static_cast<std::size_t>(bars) * new_size * DRUMS, {});
        for (int b = 0; b < bars; b++)
            std::copy_n(groove.hits.begin() + b * old_size * DRUMS, kept * DRUMS, out.hits.begin() + b * new_size * DRUMS);
    }
    const int rest = out.steps() % new_size;
    if (rest) out.hits.resize(out.hits.size() + static_cast<std::size_t>(new_size - rest) * DRUMS);
    return out;
}

} // namespace

bool Groove::is_valid() const {
    const int bar = steps_per_bar();
    if (!bar || hits.empty() || hits.size() % (static_cast<std::size_t>(bar) * DRUMS) || !(tempo > 0.0f && tempo < 10000.0f)) return false;
    return std::all_of(hits.begin(), hits.end(), [](const Hit &h) { return h.velocity <= FULL && std::abs(h.offset) <= MAX_OFFSET; });
}

int drum_of(int note) {
    for (int drum = 0; drum < DRUMS; drum++)
        for (const int each : NOTES[drum])
            if (each && each == note) return drum;
    return -1;
}

int note_of(int drum) { return NOTES[drum][0]; }

std::vector<float> to_cells(const Groove &groove) {
    const WindowLayout layout = window_layout(groove.numerator, groove.denominator);
    const int used = static_cast<int>(layout.places.size()), steps = groove.steps();
    if (!used) return {};
    const int windows = (steps + used - 1) / used;
    std::vector<float> cells(static_cast<std::size_t>(windows) * WINDOW_CELLS, 0.0f);
    for (int i = 0; i < steps; i++) {
        float *to = &cells[static_cast<std::size_t>(i / used) * WINDOW_CELLS + layout.places[i % used] * CELL];
        for (int drum = 0; drum < DRUMS; drum++) {
            const Hit &hit = groove.hits[static_cast<std::size_t>(i) * DRUMS + drum];
            if (!hit.velocity) continue;
            to[drum] = 1.0f;
            to[DRUMS + drum] = static_cast<float>(hit.velocity) / FULL;
            to[2 * DRUMS + drum] = hit.offset;
        }
    }
    return cells;
}

void to_hits(const float *cells, Hit *hits) {
    for (int drum = 0; drum < DRUMS; drum++) {
        hits[drum] = {};
        if (!(cells[drum] > 0.5f)) continue;
        const float velocity = std::nearbyint(cells[DRUMS + drum] * FULL), offset = cells[2 * DRUMS + drum];
        hits[drum].velocity = static_cast<std::uint8_t>(velocity >= 1.0f ? std::min<float>(velocity, FULL) : 1.0f);
        hits[drum].offset = offset >= -MAX_OFFSET ? std::min(offset, MAX_OFFSET) : -MAX_OFFSET;
    }
}

std::vector<Groove> partners(const std::vector<Groove> &grooves) {
    if (grooves.empty() || !fits_a_window(grooves[0].numerator, grooves[0].denominator)) return {};
    std::vector<Groove> out;
    std::size_t longest = 0;
    for (const Groove &g : grooves) {
        out.push_back(rebar(g, grooves[0].numerator, grooves[0].denominator));
        longest = std::max(longest, out.back().hits.size());
    }
    for (Groove &g : out)
        for (std::size_t i = g.hits.size(), length = i; i < longest; i++) {
            const Hit repeated = g.hits[i % length]; // before the vector grows
            g.hits.push_back(repeated);
        }
    return out;
}

} // namespace latentmix
