// Which pitches bent notes have. The rules are those of `midi_vae/midi/bends.py`.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "channels.hpp"

namespace latentmix {
namespace {

constexpr double MIN_BEND = 0.75, DRUM_PART_SHARE = 0.5; // semitones that a bend must move a note by, to be heard as another pitch
constexpr int MAX_WHOLE = 129;                     // semitones: a range has 127 and 127 hundredths
using Places = std::vector<std::size_t>;

bool is_of_kit(int pitch) {
    constexpr int DRUM_PART[] = {35, 36, 37, 38, 39, 40, 42, 44, 46, 49, 51};
    return std::find(std::begin(DRUM_PART), std::end(DRUM_PART), pitch) != std::end(DRUM_PART);
}

struct Bent { // a note under the bends from `first` to `last`
    TickNote *note;
    std::size_t first, last, far, begins; // `far`: the first one by two semitones away, `begins`: of its shift
    long long most;                       // ticks at its shift
    int shift;
};

// The bends of one channel. However many lie under however many notes, the time is that of both added up, times the shifts.
class Bends {
  public:
    void add(long long tick, double semitones) {
        ticks_.push_back(tick);
        whole_.push_back(std::abs(semitones) < MIN_BEND ? 0 : static_cast<int>(std::nearbyint(semitones)));
        is_heard_ = is_heard_ || std::abs(semitones) >= MIN_BEND;
    }
    bool is_heard() const { return is_heard_; }

    // Moves notes of the channel; what becomes a note of its own is added to `more`.
    void move(const std::vector<TickNote *> &notes, double step, std::vector<TickNote> &more) const {
        std::vector<Bent> rows;
        for (TickNote *note : notes) {
            const std::size_t first = under(note->start);
            rows.push_back({note, first, under(std::max(note->end - 1, note->start)), count(), first, -1, whole_[first]});
        }
        bool is_there[2 * MAX_WHOLE + 1] = {};
        for (const int each : whole_) is_there[MAX_WHOLE + each] = true;
        for (int each = -MAX_WHOLE; each <= MAX_WHOLE; each++)
            if (is_there[MAX_WHOLE + each]) try_shift(each, rows);
        Places stays_from = {0};
        for (std::size_t i = 1; i < count(); i++) stays_from.push_back(whole_[i] != whole_[i - 1] ? i : stays_from.back());
        for (const Bent &row : rows) {
            TickNote &note = *row.note;
            const int begins = whole_[row.first], ends = whole_[row.last];
            const long long change = row.far <= row.last ? ticks_[row.far] : note.end;
            const bool is_long = static_cast<double>(change - note.start) >= step && static_cast<double>(note.end - change) >= step;
            if (row.far <= row.last && stays_from[row.last] <= row.far && is_long) {
                more.push_back({change, note.end, note.pitch + ends, note.velocity, note.channel});
                note.end = change;
                note.pitch += begins;
            } else {
                note.pitch += row.shift;
            }
        }
    }

  private:
    std::size_t count() const { return ticks_.size(); }
    std::size_t under(long long tick) const {
        return static_cast<std::size_t>(std::upper_bound(ticks_.begin(), ticks_.end(), tick) - ticks_.begin()) - 1;
    }

    // For how long each note has a shift, and where that first is so; and what is far from it.
    void try_shift(int shift, std::vector<Bent> &rows) const {
        std::vector<long long> passed = {0}; // ticks at it, up to each bend
        for (std::size_t i = 1; i < count(); i++) passed.push_back(passed.back() + (whole_[i - 1] == shift ? ticks_[i] - ticks_[i - 1] : 0));
        Places next(count() + 1, count()), far = next; // from each bend on
        for (std::size_t i = count(); i-- > 0;) {
            next[i] = whole_[i] == shift ? i : next[i + 1];
            far[i] = std::abs(whole_[i] - shift) >= 2 ? i : far[i + 1];
        }
        const auto at = [&](std::size_t i, long long tick) { return passed[i] + (whole_[i] == shift ? tick - ticks_[i] : 0); };
        for (Bent &row : rows) {
            const long long start = row.note->start, time = at(row.last, std::max(row.note->end, start + 1)) - at(row.first, start);
            if (whole_[row.first] == shift) row.far = far[row.first];
            if (time < row.most || (time == row.most && next[row.first] >= row.begins)) continue;
            row.most = time;
            row.begins = next[row.first];
            row.shift = shift;
        }
    }

    std::vector<long long> ticks_ = {-1}; // the first is before all notes
    std::vector<int> whole_ = {0};        // by how many semitones each moves
    bool is_heard_ = false;
};

} // namespace

void bend_pitches(std::vector<TickNote> &notes, const TrackEvents &events, const ChannelStates &states, int port, double resolution) {
    Bends bends[CHANNELS];
    for (const Event &event : events.events)
        if (event.kind() == 0xe0) {
            const int channel = event.channel(), value = (event.first | event.second << 7) - 8192;
            bends[channel].add(event.tick, value / 8192.0 * states.range(port, channel));
        }
    std::vector<TickNote> more;
    bool has_bent = false;
    for (int channel = 0; channel < CHANNELS; channel++) {
        if (!bends[channel].is_heard()) continue;
        std::vector<TickNote *> mine;
        double kit = 0;
        for (TickNote &note : notes) {
            if (note.channel != channel) continue;
            mine.push_back(&note);
            kit += is_of_kit(note.pitch);
        }
        if (states.is_drum(port, channel) && kit > DRUM_PART_SHARE * static_cast<double>(mine.size())) continue; // a drum that is tuned stays that drum
        bends[channel].move(mine, resolution / 4, more);
        has_bent = true;
    }
    if (!has_bent) return;
    notes.insert(notes.end(), more.begin(), more.end());
    for (TickNote &note : notes) note.pitch = std::min(std::max(note.pitch, 0), 127);
    sort_notes(notes);
}

} // namespace latentmix
