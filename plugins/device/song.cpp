#include "song.hpp"

#include <algorithm>
#include <cmath>

#include "../engine/melody.hpp"

namespace latentmix {
namespace {

// Sixteenths between where a block should start and where the host says that it does. More than a JUMP is one. Less than a
// TICK is how the host counts, which may be in ticks (1/1920 of a quarter in Ardour): notes stay where they should be.
constexpr double JUMP = 0.01, TICK = 0.0025;

// Where numbers of a host are none: a block of more steps than anybody hears would keep the audio thread for ever.
constexpr double SLOWEST = 1.0, QUICKEST = 10000.0, FARTHEST = 1e12; // quarter notes a minute; sixteenths

} // namespace

int modulo(long long a, int n) { return static_cast<int>((a % n + n) % n); }

int Stretch::frame_of(double place) const {
    const double frame = std::floor((place - at) * frames_a_step + 0.5);
    return frame >= frames ? frames : std::max(0, static_cast<int>(frame));
}

void Song::activate(double rate) {
    rate_ = rate;
    free_ = expected_ = 0.0;
    is_running_ = false;
    is_fresh_ = true;
}

bool Song::go(const Transport &transport, const double *values, bool is_ready, int frames, Stretch &to) {
    const bool is_free = values[RUN] >= 0.5, has_host = transport.is_playing && transport.has_position;
    if (!(is_free || has_host) || values[BYPASS] >= 0.5 || !is_ready || frames <= 0) {
        is_running_ = false;
        free_ = 0.0;
        return false;
    }
    const double tempo = std::min(std::max(transport.tempo > 0.0 ? transport.tempo : values[TEMPO], SLOWEST), QUICKEST);
    const double asked = has_host ? 4.0 * transport.beat : free_;
    const double said = std::abs(asked) < FARTHEST ? asked : 0.0;
    const double off = is_running_ ? std::abs(said - expected_) : HUGE_VAL;
    to.frames = frames;
    to.frames_a_step = rate_ * 15.0 / tempo;
    to.steps = frames / to.frames_a_step;
    to.at = off <= TICK ? expected_ : said;
    to.is_jump = off > JUMP;
    is_fresh_ |= to.is_jump;
    is_running_ = true;
    expected_ = to.at + to.steps;
    free_ = is_free ? expected_ : 0.0;
    cursor_ = static_cast<long long>(std::ceil(to.at - JUMP));
    return true;
}

bool Song::next(const Stretch &in, Step &to) {
    for (; static_cast<double>(cursor_) < in.at + in.steps + JUMP; cursor_++) {
        const int frame = in.frame_of(static_cast<double>(cursor_));
        if (frame >= in.frames) return false; // the first frame of a later block
        if (!is_fresh_ && cursor_ <= last_) continue; // a host that counts a little too far does not lose a note by it
        to = {cursor_, frame, is_fresh_};
        last_ = cursor_++;
        is_fresh_ = false;
        return true;
    }
    return false;
}

double Song::at(int steps) const { return is_running_ && steps ? expected_ - std::floor(expected_ / steps) * steps : -1.0; }

Recorder::Now Recorder::listen(const Transport &transport, const double *values, const PadPoints &pad, const Stretch &block, Take &take) {
    const int armed = whole(values[RECORD]);
    if (armed != armed_) {
        armed_ = armed;
        is_recording_ = is_done_ = false;
    }
    if (block.is_jump) is_recording_ = false;
    if (!armed_ || is_done_) return IDLE;
    if (is_recording_) return GOES_ON;
    const bool is_metre = fits_a_window(transport.numerator, transport.denominator);
    take.numerator = is_metre ? transport.numerator : pad.numerator;
    take.denominator = is_metre ? transport.denominator : pad.denominator;
    const int bar = std::max(1, steps_per_bar(take.numerator, take.denominator));
    from_ = static_cast<long long>(std::ceil((block.at - 0.5) / bar)) * bar; // half a sixteenth early counts: nobody plays on the grid
    take.slot = armed_ - 1;
    take.steps = 2 * bar;
    take.tempo = static_cast<float>(transport.tempo > 0.0 ? transport.tempo : values[TEMPO]);
    is_recording_ = true;
    return BEGINS;
}

double Recorder::place(const Stretch &block, const NoteIn &note) const {
    return block.at + note.frame / block.frames_a_step - static_cast<double>(from_);
}

bool Recorder::ends(const Stretch &block, const Take &take) {
    if (block.at + block.steps < static_cast<double>(from_ + take.steps)) return false;
    is_done_ = true;
    is_recording_ = false;
    return true;
}

} // namespace latentmix
