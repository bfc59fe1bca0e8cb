#include "bars.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

constexpr double MAX_LATE = 0.5 / STEPS_A_BEAT; // beats that a metre event may be off its bar line

bool is_same(const Metre &a, const Metre &b) { return a.numerator == b.numerator && a.denominator == b.denominator; }

} // namespace

std::vector<Section> bar_sections(const std::vector<Metre> &metres) {
    std::vector<Metre> changes; // by their places, one at each
    for (Metre metre : metres) {
        if (metre.at <= MAX_LATE) metre.at = 0.0;
        if (changes.empty() || changes.back().at != metre.at) changes.push_back(metre);
        else if (metre.numerator > 1) changes.back() = metre;
    }
    if (changes.empty() || changes[0].at != 0.0) changes.insert(changes.begin(), {0.0, 4, 4});
    for (std::size_t i = 0; i < changes.size(); i++) { // sequencers write 1/4 where they know none
        const bool is_long = i + 1 == changes.size() || changes[i + 1].at - changes[i].at >= 2 * changes[i].beats();
        if (changes[i].numerator == 1 && is_long) changes[i] = {changes[i].at, 4, 4};
    }
    double origin = 0.0;
    std::size_t first = 0;
    while (first + 1 < changes.size() && changes[first + 1].at < changes[first + 1].beats()) { // an upbeat
        first++;
        origin = changes[first].at - changes[first].beats();
    }
    std::vector<Section> sections = {{origin, 0, 0, changes[first]}};
    for (std::size_t i = first + 1; i < changes.size(); i++) {
        const Section &last = sections.back();
        const double size = last.metre.beats();
        double bars = (changes[i].at - last.beat) / size, at = changes[i].at;
        const double whole = std::nearbyint(bars);
        if (std::abs(bars - whole) * size < MAX_LATE && whole > 0) {
            bars = whole;
            at = last.beat + whole * size;
        }
        if (is_same(changes[i], last.metre) && std::abs(bars - std::nearbyint(bars)) <= 1e-6) continue;
        const auto step = last.step + static_cast<long long>(std::nearbyint((at - last.beat) * STEPS_A_BEAT));
        sections.push_back({at, step, last.bar + static_cast<long long>(std::ceil(bars - 1e-6)), changes[i]});
    }
    return sections;
}

BarLine bar_of_step(const std::vector<Section> &sections, long long step) {
    const Section *section = &sections[0];
    for (const Section &each : sections)
        if (each.step <= step) section = &each;
    const double size = section->metre.beats() * STEPS_A_BEAT;
    const double bars = std::trunc(static_cast<double>(step - section->step) / size);
    return {section->step + static_cast<long long>(std::nearbyint(bars * size)), section->metre.numerator, section->metre.denominator};
}

} // namespace latentmix
