// Trills and mordents that a program has written out -> the note that stood in the score.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "grid.hpp"

namespace latentmix {
namespace {

constexpr double MAX_GAP = 0.21, HELD = 0.3; // beats
constexpr std::size_t MIN_TRILL = 4;         // notes; three are a mordent if the last one is held

} // namespace

std::vector<bool> merge_trills(std::vector<MidiNote> &line) {
    const std::vector<MidiNote> notes = line;
    const std::size_t n = notes.size();
    std::vector<bool> keep(n, true);
    const auto is_fast = [&](std::size_t i) { return i + 1 < n && notes[i + 1].start - notes[i].start <= MAX_GAP; };
    const auto goes_on = [&](std::size_t i) { // notes i, i + 1 and i + 2 are of one trill
        if (i + 2 >= n) return false;
        const int step = std::abs(notes[i + 2].pitch - notes[i + 1].pitch);
        return notes[i + 2].pitch == notes[i].pitch && step <= 2 && step > 0 && is_fast(i) && is_fast(i + 1);
    };
    std::size_t done = 0;
    for (std::size_t i = 0; i + 2 < n; i++) {
        if (i < done || !goes_on(i)) continue;
        std::size_t last = i + 1;
        while (goes_on(last)) last++;
        last++; // the last note of the trill
        const bool is_next = last + 3 < n && goes_on(last + 1);
        if (last - i + 1 >= MIN_TRILL && is_fast(last) && is_fast(last + 1) && !is_next) { // a closing turn
            const int main = std::min(notes[last - 1].pitch, notes[last].pitch), low = notes[last + 1].pitch;
            if (main > low && main - low <= 2 && notes[last + 2].pitch == main) last += 2;
        }
        const auto held = [&] { return notes[last].end - notes[last].start; };
        const double start = notes[last].start;
        if (held() > HELD && std::abs(start - std::nearbyint(start)) < 0.02 && last - i > 2) last--; // comes after the trill
        if (last - i + 1 >= MIN_TRILL || held() >= 2 * (notes[i + 1].start - notes[i].start)) {
            line[i].pitch = held() > HELD ? notes[last].pitch : std::min(notes[i].pitch, notes[i + 1].pitch);
            line[i].end = notes[last].end;
            for (std::size_t k = i + 1; k <= last; k++) keep[k] = false;
        }
        done = last;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < n; i++)
        if (keep[i]) line[kept++] = line[i];
    line.resize(kept);
    return keep;
}

} // namespace latentmix
