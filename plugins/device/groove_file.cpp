#include "groove_file.hpp"

#include <algorithm>
#include <cmath>

#include "melody_file.hpp"

namespace latentmix {

bool groove_of(const MidiTune &tune, Groove &out, std::string &problem) {
    struct Struck {
        long long step;
        int drum, velocity;
        float offset;
    };
    std::vector<Struck> hits;
    for (const MidiPart &part : tune.parts)
        for (const MidiNote &note : part.notes) {
            const double at = 4.0 * note.start, step = std::floor(at + 0.5);
            const int drum = part.channel == DRUM_CHANNEL ? drum_of(note.pitch) : -1;
            if (drum >= 0) hits.push_back({static_cast<long long>(step), drum, note.velocity, static_cast<float>(at - step)});
        }
    if (hits.empty()) {
        problem = "expected drums, which are on channel 10, found none";
        return false;
    }
    const auto first = std::min_element(hits.begin(), hits.end(), [](const Struck &a, const Struck &b) { return a.step < b.step; });
    BarLine bar;
    if (!begin_at(tune, first->step, bar, out, problem)) return false;
    const int steps = FILE_BARS * steps_per_bar(bar.numerator, bar.denominator);
    out.hits.assign(static_cast<std::size_t>(steps) * DRUMS, {});
    for (const Struck &struck : hits) {
        const long long at = struck.step - bar.step;
        if (at < 0 || at >= steps) continue;
        Hit &hit = out.hits[static_cast<std::size_t>(at) * DRUMS + static_cast<std::size_t>(struck.drum)];
        if (struck.velocity <= hit.velocity) continue; // of several on a step the hardest
        hit.velocity = static_cast<std::uint8_t>(struck.velocity);
        hit.offset = struck.offset;
    }
    return true;
}

} // namespace latentmix
