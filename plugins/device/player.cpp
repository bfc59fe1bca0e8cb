#include "player.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../engine/shaping.hpp"

namespace latentmix {
namespace {

Shape wanted_shape(const double *values, const Pad &pad) {
    const int chosen = whole(values[KEY]), key = chosen == 0 ? 0 : chosen == 1 ? pad.own_key : chosen - 1;
    return {pad.serial, pad.wanted(values), key, static_cast<int>(std::floor(values[OCTAVE] + 0.5)), values[DENSITY]};
}

void shaped(const Pad &pad, const Shape &shape, int *tokens) { // (pad.steps)
    std::copy(pad.tokens[shape.point], pad.tokens[shape.point] + pad.steps, tokens);
    thin(tokens, pad.steps, pad.numerator, pad.denominator, shape.density);
    lock(tokens, pad.steps, shape.key);
    to_octave(tokens, pad.steps, shape.octave);
}

} // namespace

void Player::show(Shown &to) const {
    size_.show(to);
    std::copy(tokens_, tokens_ + size_.steps, to.tokens);
}

void Player::show_wanted(const Pad &pad, const double *values, Shown &to) {
    int tokens[MAX_PAD_STEPS];
    shaped(pad, wanted_shape(values, pad), tokens);
    Size(pad).show(to);
    std::copy(tokens, tokens + pad.steps, to.tokens);
}

void Player::activate(double rate) {
    begin(rate);
    sounding_ = -1;
    made_.serial = 0;
}

void Player::play(const Stretch &block, const double *values, const Pad &pad, NoteSink &out) {
    for (Step now; song_.next(block, now);) step(now, values, pad, out);
}

// Sequencer.step in Python: one voice; what sounds goes on until the melody has an event of its own, and ends where a
// new melody is silent and at the end of the loop.
void Player::step(const Step &now, const double *values, const Pad &pad, NoteSink &out) {
    const bool may_change = is_boundary(now, values) && (values[HOLD_MELODY] < 0.5 || !size_.steps);
    const bool is_swapped = may_change && renew(values, pad);
    const int at = modulo(now.number, size_.steps), token = tokens_[at];
    if (token >= ONSET || token == OFF || at == 0 || (is_swapped && token_sounding(at) == OFF)) silence(now.frame, out);
    if (token < ONSET) return;
    sounding_ = token - ONSET;
    out.note(now.frame, true, sounding_, whole(values[VELOCITY]), channel_);
}

// The melody as it is wanted now; whether it is another one.
bool Player::renew(const double *values, const Pad &pad) {
    const Shape wanted = wanted_shape(values, pad);
    if (wanted == made_) return false;
    made_ = wanted;
    size_ = Size(pad);
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

// Keeps what comes in, on the nearest sixteenth.
bool Player::record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                    const Stretch &block, Recording &recording) {
    const Recorder::Now now = recorder_.listen(transport, values, pad, block, recording);
    if (now == Recorder::IDLE) return false;
    if (now == Recorder::BEGINS) {
        std::memset(recording.tokens, HOLD, sizeof recording.tokens);
        record_sounding_ = -1;
    }
    for (int i = 0; i < count; i++) {
        const int step = static_cast<int>(std::floor(recorder_.place(block, in[i]) + 0.5));
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
    return recorder_.ends(block, recording);
}

} // namespace latentmix
