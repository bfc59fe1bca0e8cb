#include "player.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../engine/shaping.hpp"

namespace latentmix {
namespace {

// Sixteenths between where a block should start and where the host says that it does. More than a JUMP is one. Less than a
// TICK is how the host counts, which may be in ticks (1/1920 of a quarter in Ardour): notes stay where they should be.
constexpr double JUMP = 0.01, TICK = 0.0025;

int modulo(long long a, int n) { return static_cast<int>((a % n + n) % n); }
int whole(double value) { return static_cast<int>(value + 0.5); }

} // namespace

Shape wanted_shape(const double *values, const Pad &pad) {
    const int chosen = whole(values[KEY]), key = chosen == 0 ? 0 : chosen == 1 ? pad.own_key : chosen - 1;
    return {pad.serial, pad.point(values[POSITION], values[PAD_X], values[PAD_Y]), key,
            static_cast<int>(std::floor(values[OCTAVE] + 0.5)), values[DENSITY]};
}

void shaped(const Pad &pad, const Shape &shape, int *tokens) {
    std::copy(pad.tokens[shape.point], pad.tokens[shape.point] + pad.steps, tokens);
    thin(tokens, pad.steps, pad.numerator, pad.denominator, shape.density);
    lock(tokens, pad.steps, shape.key);
    to_octave(tokens, pad.steps, shape.octave);
}

double Player::at() const {
    return is_running_ && steps_ ? expected_ - std::floor(expected_ / steps_) * steps_ : -1.0;
}

void Player::activate(double rate) {
    rate_ = rate > 0.0 ? rate : 48000.0;
    free_ = expected_ = 0.0;
    is_running_ = is_recording_ = false;
    is_fresh_ = true;
    sounding_ = -1;
    made_.serial = 0;
}

bool Player::process(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                     int frames, NoteSink &out, Recording &recording) {
    const bool is_free = values[RUN] >= 0.5, has_host = transport.is_playing && transport.has_position;
    const bool runs = (is_free || has_host) && values[BYPASS] < 0.5 && pad.serial && frames > 0;
    if (sounding_ >= 0 && whole(values[CHANNEL]) - 1 != channel_) silence(0, out);
    channel_ = whole(values[CHANNEL]) - 1;
    if (!runs) {
        silence(0, out);
        is_running_ = is_recording_ = false;
        free_ = 0.0;
        return false;
    }
    const double tempo = transport.tempo > 0.0 ? transport.tempo : values[TEMPO];
    const double frames_a_step = rate_ * 15.0 / tempo, said = has_host ? 4.0 * transport.beat : free_;
    const double steps = frames / frames_a_step, off = is_running_ ? std::abs(said - expected_) : HUGE_VAL;
    const double at = off <= TICK ? expected_ : said;
    if (off > JUMP) { // started, sought or wrapped
        silence(0, out);
        is_fresh_ = true;
        is_recording_ = false;
    }
    is_running_ = true;
    for (long long s = static_cast<long long>(std::ceil(at - JUMP)); static_cast<double>(s) < at + steps + JUMP; s++) {
        const double frame = std::floor((static_cast<double>(s) - at) * frames_a_step + 0.5);
        if (frame >= frames) break; // the first frame of a later block
        if (!is_fresh_ && s <= last_) continue; // a host that counts a little too far does not lose a note by it
        step(s, std::max(0, static_cast<int>(frame)), values, pad, out);
        last_ = s;
        is_fresh_ = false;
    }
    const bool is_whole = record(transport, values, pad, in, count, at, steps, frames_a_step, recording);
    expected_ = at + steps;
    free_ = is_free ? expected_ : 0.0;
    return is_whole;
}

// Sequencer.step in Python: one voice; what sounds goes on until the melody has an event of its own, and ends where a
// new melody is silent and at the end of the loop.
void Player::step(long long step, int frame, const double *values, const Pad &pad, NoteSink &out) {
    const int unit = values[FOLLOW] < 0.5 ? 1 : values[FOLLOW] < 1.5 ? beat_ : bar_;
    const bool is_boundary = is_fresh_ || !steps_ || modulo(step, unit) == 0;
    const bool is_swapped = is_boundary && (values[HOLD_MELODY] < 0.5 || !steps_) && renew(values, pad);
    const int at = modulo(step, steps_), token = tokens_[at];
    if (token >= ONSET || token == OFF || at == 0 || (is_swapped && token_sounding(at) == OFF)) silence(frame, out);
    if (token < ONSET) return;
    sounding_ = token - ONSET;
    out.note(frame, true, sounding_, whole(values[VELOCITY]), channel_);
}

// The melody as it is wanted now; whether it is another one.
bool Player::renew(const double *values, const Pad &pad) {
    const Shape wanted = wanted_shape(values, pad);
    if (wanted == made_) return false;
    made_ = wanted;
    steps_ = pad.steps;
    bar_ = std::max(1, steps_per_bar(pad.numerator, pad.denominator));
    beat_ = steps_a_beat(pad.numerator, pad.denominator);
    shaped(pad, wanted, tokens_);
    changes_++;
    return true;
}

int Player::token_sounding(int at) const {
    for (; at >= 0; at--)
        if (tokens_[at] != HOLD) return tokens_[at];
    return OFF;
}

void Player::silence(int frame, NoteSink &out) {
    if (sounding_ < 0) return;
    out.note(frame, false, sounding_, 0, channel_);
    sounding_ = -1;
}

// Keeps what comes in, from the next bar on for two bars, on the nearest sixteenth.
bool Player::record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                    double at, double steps, double frames_a_step, Recording &recording) {
    const int armed = whole(values[RECORD]);
    const bool is_metre = fits_a_window(transport.numerator, transport.denominator);
    const int numerator = is_metre ? transport.numerator : pad.numerator;
    const int denominator = is_metre ? transport.denominator : pad.denominator;
    const int bar = std::max(1, steps_per_bar(numerator, denominator));
    if (armed != armed_) {
        armed_ = armed;
        is_recording_ = is_done_ = false;
    }
    if (!armed_ || is_done_) return false;
    if (!is_recording_) { // half a sixteenth early counts: nobody plays on the grid
        record_from_ = static_cast<long long>(std::ceil((at - 0.5) / bar)) * bar;
        recording.slot = armed_ - 1;
        recording.steps = std::min(2 * bar, MAX_PAD_STEPS);
        recording.numerator = numerator;
        recording.denominator = denominator;
        recording.tempo = static_cast<float>(transport.tempo > 0.0 ? transport.tempo : values[TEMPO]);
        std::memset(recording.tokens, HOLD, sizeof recording.tokens);
        record_sounding_ = -1;
        is_recording_ = true;
    }
    for (int i = 0; i < count; i++) {
        const double heard = at + in[i].frame / frames_a_step - static_cast<double>(record_from_);
        const int step = static_cast<int>(std::floor(heard + 0.5));
        if (step < 0 || step >= recording.steps || in[i].pitch < 0 || in[i].pitch > 127) continue;
        if (in[i].is_on) {
            recording.tokens[step] = static_cast<std::uint8_t>(ONSET + in[i].pitch);
            record_sounding_ = in[i].pitch;
        } else if (in[i].pitch == record_sounding_) { // a note is at least a sixteenth long
            if (recording.tokens[step] == HOLD) recording.tokens[step] = OFF;
            else if (step + 1 < recording.steps && recording.tokens[step] == ONSET + in[i].pitch)
                recording.tokens[step + 1] = OFF;
            record_sounding_ = -1;
        }
    }
    if (at + steps < static_cast<double>(record_from_ + recording.steps)) return false;
    is_done_ = true;
    is_recording_ = false;
    return true;
}

} // namespace latentmix
