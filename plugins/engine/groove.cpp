#include "groove.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

constexpr float MAX_OFFSET = 0.5f;

} // namespace

bool Groove::is_valid() const {
    const int bar = steps_per_bar();
    if (!bar || hits.empty() || hits.size() % (static_cast<std::size_t>(bar) * DRUMS) || !(tempo > 0.0f && tempo < 10000.0f)) return false;
    return std::all_of(hits.begin(), hits.end(), [](const Hit &h) { return h.velocity <= FULL && std::abs(h.offset) <= MAX_OFFSET; });
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

} // namespace latentmix
