#include "melody_file.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

namespace latentmix {
namespace {

constexpr int LOW = 48, HIGH = 84; // C3 to C6, where people sing
constexpr double OVERLAP = 0.05;              // quarter notes that legato may last

// melody_track.polyphony: share of the notes that start while another sounds
double polyphony(const std::vector<MidiNote> &notes) {
    double until = notes[0].end;
    int count = 0;
    for (std::size_t i = 1; i < notes.size(); i++) {
        count += notes[i].start - notes[i - 1].start < OVERLAP || until - notes[i].start > OVERLAP;
        until = std::max(until, notes[i].end);
    }
    return static_cast<double>(count) / static_cast<double>(notes.size());
}

// melody_track._monotony: how much notes run on in equal lengths and by leaps
double monotony(const std::vector<MidiNote> &notes) {
    if (notes.size() < 8) return 0.0;
    std::map<double, int> gaps;
    int most = 0, leaps = 0;
    for (std::size_t i = 1; i < notes.size(); i++) {
        most = std::max(most, ++gaps[std::nearbyint((notes[i].start - notes[i - 1].start) * 12)]);
        leaps += std::abs(notes[i].pitch - notes[i - 1].pitch) > 2;
    }
    const double n = static_cast<double>(notes.size()) - 1;
    return std::max(most / n - 0.5, 0.0) * 2 * (0.4 + 0.6 * leaps / n);
}

// melody_track.melodic_score
double score_of(const MidiPart &part, double length) {
    std::set<int> pitches;
    std::set<long long> spans;
    double in_range = 0.0;
    for (const MidiNote &note : part.notes) {
        pitches.insert(note.pitch);
        spans.insert(static_cast<long long>(std::floor(note.start / 2)));
        in_range += note.pitch >= LOW && note.pitch <= HIGH;
    }
    const double variety = std::min(static_cast<double>(pitches.size()) / 6, 1.0);
    const double cover = std::min(2 * static_cast<double>(spans.size()) / std::max(length / 2, 1.0), 1.0);
    return (1.0 - polyphony(part.notes)) * in_range / static_cast<double>(part.notes.size()) * variety * cover *
           (1.0 - 0.75 * monotony(part.notes));
}

// names.melody_claim, of the commonest English words: below 0 another part's name, 0 says nothing
int claim_of(const std::string &name) {
    static const std::map<std::string, int> words = {
        {"melody", 6}, {"vocal", 4}, {"vocals", 4}, {"voice", 4}, {"vox", 4}, {"lead", 4}, {"singer", 4},
        {"theme", 3}, {"solo", 3}, {"right", 2}, {"rh", 2}, {"left", -1}, {"lh", -1}, {"backing", -1}, {"background", -1},
        {"harmony", -1}, {"chord", -1}, {"chords", -1}, {"pad", -1}, {"pads", -1}, {"accompaniment", -1}, {"rhythm", -1},
        {"bass", -1}, {"drums", -1}, {"percussion", -1}, {"strings", -1}, {"choir", -1}, {"arp", -1}, {"arpeggio", -1},
        {"alto", -1}, {"tenor", -1}, {"click", -1}};
    int best = 0;
    std::string word;
    for (const char c : name + " ") {
        if (std::isalpha(static_cast<unsigned char>(c))) {
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
            continue;
        }
        const auto found = words.find(word);
        word.clear();
        if (found == words.end()) continue;
        if (found->second < 0) return -1;
        best = std::max(best, found->second);
    }
    return best;
}

const MidiPart *chosen(const MidiTune &tune) {
    const MidiPart *best = nullptr;
    int best_claim = 0;
    double best_score = 0.0;
    for (const MidiPart &part : tune.parts) {
        if (part.channel == DRUM_CHANNEL) continue;
        const int claim = tune.tracks > 1 ? claim_of(part.name) : 0; // of one track it is the tune's name
        const double score = score_of(part, tune.length);
        if (best && (claim != best_claim ? claim < best_claim : score <= best_score)) continue;
        best = &part;
        best_claim = claim;
        best_score = score;
    }
    return best;
}

// skyline.top_line: never two notes at a time
std::vector<MidiNote> top_line(const std::vector<MidiNote> &notes) {
    std::vector<MidiNote> out;
    for (const MidiNote &note : notes) {
        if (!out.empty() && out.back().end > note.start) {
            MidiNote &last = out.back();
            const double covered = std::min(last.end, note.end) - note.start;
            if (last.start == note.start || (note.pitch <= last.pitch && covered > (note.end - note.start) / 2)) continue;
            last.end = note.start;
        }
        out.push_back(note);
    }
    return out;
}

struct Placed {
    long long start, end;
    int pitch;
    double off, length;
};

// grid.place, on the beats of the file: of several notes on a step the nearest keeps it, but for grace notes
std::vector<Placed> placed(const std::vector<MidiNote> &line) {
    std::vector<Placed> out;
    for (const MidiNote &note : line) {
        const double at = 4 * note.start;
        const auto start = static_cast<long long>(std::ceil(at - 0.5 - 1e-6)); // half way: the earlier one
        const auto end = std::max(static_cast<long long>(std::floor(4 * note.end + 0.5 + 1e-6)), start + 1);
        const Placed next = {start, end, note.pitch, std::abs(at - static_cast<double>(start)), note.end - note.start};
        if (!out.empty() && out.back().start == start) {
            const Placed &last = out.back();
            const bool is_grace = last.length < 0.5 * next.length, is_brief = next.length < 0.5 * last.length;
            if (!is_grace && (is_brief || next.off >= last.off - 1e-6)) continue;
            out.back() = next;
        } else {
            out.push_back(next);
        }
    }
    return out;
}

} // namespace

bool melody_of(const MidiTune &tune, Melody &out, std::string &problem) {
    const MidiPart *part = chosen(tune);
    if (!part) {
        problem = "expected a melody, found only drums";
        return false;
    }
    const std::vector<Placed> notes = placed(top_line(part->notes));
    BarLine bar;
    if (!begin_at(tune, std::max(notes[0].start, 0LL), bar, out, problem)) return false;
    const int steps = FILE_BARS * steps_per_bar(bar.numerator, bar.denominator);
    out.program = part->program;
    out.tokens.assign(static_cast<std::size_t>(steps), HOLD);
    for (std::size_t i = 0; i < notes.size() && notes[i].start < bar.step + steps; i++) {
        const long long at = notes[i].start - bar.step, end = notes[i].end - bar.step;
        const bool is_last = i + 1 == notes.size();
        if (at < 0) continue;
        out.tokens[static_cast<std::size_t>(at)] = ONSET + notes[i].pitch;
        if (end < steps && (is_last || notes[i].end < notes[i + 1].start)) out.tokens[static_cast<std::size_t>(end)] = OFF;
    }
    tidy(out.tokens);
    return true;
}

} // namespace latentmix
