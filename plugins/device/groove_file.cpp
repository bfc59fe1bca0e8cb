#include "groove_file.hpp"

#include <algorithm>
#include <cmath>

#include "../midi/melody_file.hpp"

namespace latentmix {

bool groove_of(const MidiTune &tune, Groove &out, std::string &problem) {
    struct Struck {
        long long step;
        int drum, velocity;
        float offset;
    };
    std::vector<Struck> hits;
    const Timeline *timeline = nullptr; // of the first part that plays drums
    std::vector<Section> sections;
    for (const MidiPart &part : tune.parts) {
        if (!part.is_drum) continue;
        if (!timeline) {
            timeline = &tune.timeline_of(part);
            sections = bar_sections(timeline->metres);
        }
        for (const MidiNote &note : part.notes) {
            const double at = STEPS_A_BEAT * (note.start - sections[0].beat), step = std::floor(at + 0.5);
            const int drum = drum_of(note.pitch);
            if (drum >= 0) hits.push_back({static_cast<long long>(step), drum, note.velocity, static_cast<float>(at - step)});
        }
    }
    if (!timeline) {
        problem = "expected drums, which are on channel 10, found none";
        return false;
    }
    if (hits.empty()) {
        problem = "expected drums of General MIDI, found none among the notes";
        return false;
    }
    const auto first = std::min_element(hits.begin(), hits.end(), [](const Struck &a, const Struck &b) { return a.step < b.step; });
    const BarLine bar = bar_of_step(sections, first->step);
    if (!has_fitting_bars(bar, problem)) return false;
    out.numerator = bar.numerator;
    out.denominator = bar.denominator;
    const double tempo = timeline->tempo_at(sections[0].beat + static_cast<double>(bar.step) / STEPS_A_BEAT);
    out.tempo = std::min(std::max(static_cast<float>(tempo), 1.0f), 9999.0f);
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
