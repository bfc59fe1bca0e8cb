#include "groove.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

// kit._GENERAL; the first is the one that is played
constexpr int NOTES[DRUMS][4] = {{36, 35, -1, -1}, {38, 40, 37, 39}, {42, 44, 22, -1}, {46, 26, -1, -1}, {43, 41, 58, -1},
                                 {47, 45, -1, -1}, {50, 48, -1, -1}, {49, 57, 55, 52}, {51, 59, 53, -1}};
constexpr const char *NAMES[DRUMS] = {"kick", "snare", "closed hat", "open hat", "low tom", "mid tom", "high tom", "crash", "ride"};
constexpr float MAX_OFFSET = 0.5f;

Groove rebar(const Groove &groove, int numerator, int denominator) {
    const int old_size = groove.steps_per_bar(), new_size = steps_per_bar(numerator, denominator);
    Groove out = groove;
    if (old_size % new_size && new_size % old_size) { // each bar is laid in a bar, cut off or left empty at its end
        const int bars = groove.steps() / old_size, kept = std::min(old_size, new_size) * DRUMS;
        out.hits.assign(static_cast<std::size_t>(bars) * new_size * DRUMS, Hit());
        for (int b = 0; b < bars; b++)
            std::copy_n(&groove.hits[static_cast<std::size_t>(b) * old_size * DRUMS], kept,
                        &out.hits[static_cast<std::size_t>(b) * new_size * DRUMS]);
    }
    const int steps = (out.steps() + new_size - 1) / new_size * new_size;
    out.hits.resize(static_cast<std::size_t>(steps) * DRUMS);
    out.numerator = numerator;
    out.denominator = denominator;
    return out;
}

} // namespace

int drum_of_note(int note) {
    for (int drum = 0; drum < DRUMS; drum++)
        for (const int each : NOTES[drum])
            if (each == note && note >= 0) return drum;
    return -1;
}
int note_of_drum(int drum) { return NOTES[drum][0]; }
const char *name_of_drum(int drum) { return NAMES[drum]; }

bool Groove::is_valid() const {
    const int bar = steps_per_bar();
    if (!bar || hits.empty() || hits.size() % (static_cast<std::size_t>(bar) * DRUMS) || !(tempo > 0.0f && tempo < 10000.0f)) return false;
    return std::all_of(hits.begin(), hits.end(), [](const Hit &h) { return h.velocity <= FULL && std::abs(h.offset) <= MAX_OFFSET; });
}

bool Groove::has_hits() const {
    return std::any_of(hits.begin(), hits.end(), [](const Hit &h) { return h.velocity > 0; });
}

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

void from_cells(const float *cells, int windows, const WindowLayout &layout, int steps, Hit *hits) {
    const int used = static_cast<int>(layout.places.size());
    for (int i = 0; i < std::min(steps, windows * used); i++) {
        const float *from = cells + static_cast<std::size_t>(i / used) * WINDOW_CELLS + layout.places[i % used] * CELL;
        for (int drum = 0; drum < DRUMS; drum++, hits++) {
            *hits = Hit();
            if (!(from[drum] > 0.5f)) continue;
            const float velocity = std::nearbyint(from[DRUMS + drum] * FULL);
            hits->velocity = static_cast<std::uint8_t>(std::min(std::max(velocity, 1.0f), static_cast<float>(FULL)));
            hits->offset = std::min(std::max(from[2 * DRUMS + drum], -MAX_OFFSET), MAX_OFFSET);
        }
    }
}

std::vector<Groove> partners(const std::vector<Groove> &grooves) {
    if (grooves.empty() || !fits_a_window(grooves[0].numerator, grooves[0].denominator)) return {};
    std::vector<Groove> out;
    std::size_t most = 0;
    for (const Groove &g : grooves) {
        out.push_back(rebar(g, grooves[0].numerator, grooves[0].denominator));
        most = std::max(most, out.back().hits.size());
    }
    for (Groove &g : out) { // from its start again and again
        const std::size_t size = g.hits.size();
        g.hits.resize(most);
        for (std::size_t i = size; i < most; i++) g.hits[i] = g.hits[i - size];
    }
    return out;
}

} // namespace latentmix
