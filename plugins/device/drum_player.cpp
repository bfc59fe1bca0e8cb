#include "drum_player.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../engine/shaping.hpp"

namespace latentmix {
namespace {

constexpr double HELD = 0.5; // sixteenths that a hit is held, if the same drum is not struck sooner

} // namespace

void DrumPlayer::show(Shown &to) const {
    size_.show(to);
    std::memcpy(to.hits, velocities_, static_cast<std::size_t>(size_.steps) * DRUMS);
}

void DrumPlayer::show_wanted(const DrumPad &pad, const double *values, Shown &to) {
    Size(pad).show(to);
    std::memcpy(to.hits, pad.velocities[pad.wanted(values)], static_cast<std::size_t>(pad.steps) * DRUMS);
}

void DrumPlayer::activate(double rate) {
    begin(rate);
    for (Voice &voice : voices_) voice = {};
    serial_ = 0;
}

void DrumPlayer::play(const Stretch &block, const double *values, const DrumPad &pad, NoteSink &out) {
    for (Step now; song_.next(block, now);) {
        strike(block, static_cast<double>(now.number), values[LEVEL], out);
        step(now, values, pad);
    }
    strike(block, HUGE_VAL, values[LEVEL], out);
}

void DrumPlayer::step(const Step &now, const double *values, const DrumPad &pad) {
    if (may_change(now, values)) renew(values, pad);
    const Step next = {now.number + 1, 0, false};
    const bool is_other = may_change(next, values);
    const int here = modulo(now.number, size_.steps), then = modulo(next.number, is_other ? pad.steps : size_.steps);
    for (int d = 0; d < DRUMS; d++) {
        Voice &voice = voices_[d];
        const double at = static_cast<double>(now.number);
        if (voice.early.velocity == NOTHING) voice.own = {std::max(at + offsets_[here][d], at), velocities_[here][d]};
        else voice.own = voice.early; // as it was planned, and mostly struck by now
        const float offset = is_other ? pad.offsets[pad.wanted(values)][then][d] : offsets_[then][d];
        const int velocity = is_other ? pad.velocities[pad.wanted(values)][then][d] : velocities_[then][d];
        voice.early = {};
        if (offset < 0.0f) voice.early = {at + 1.0 + offset, velocity};
    }
}

bool DrumPlayer::may_change(const Step &step, const double *values) const {
    return !size_.steps || (values[HOLD_MELODY] < 0.5 && is_boundary(step, values));
}

void DrumPlayer::renew(const double *values, const DrumPad &pad) {
    const int point = pad.wanted(values);
    if (serial_ == pad.serial && point_ == point) return;
    serial_ = pad.serial;
    point_ = point;
    size_ = Size(pad);
    std::memcpy(velocities_, pad.velocities[point], static_cast<std::size_t>(size_.steps) * DRUMS);
    std::memcpy(offsets_, pad.offsets[point], static_cast<std::size_t>(size_.steps) * DRUMS * sizeof(float));
    changes_++;
}

// In the order of their places; of one drum the end of a hit before the next hit.
void DrumPlayer::strike(const Stretch &block, double until, double level, NoteSink &out) {
    while (true) {
        double first = until;
        int drum = -1;
        Planned *hit = nullptr;
        for (int d = 0; d < DRUMS; d++) {
            Voice &voice = voices_[d];
            if (voice.sounds && voice.ends < first) {
                first = voice.ends;
                drum = d;
                hit = nullptr;
            }
            for (Planned *each : {&voice.own, &voice.early})
                if (each->velocity > 0 && each->at < first) {
                    first = each->at;
                    drum = d;
                    hit = each;
                }
        }
        const int frame = drum < 0 ? 0 : block.frame_of(first);
        if (drum < 0 || frame >= block.frames) return; // it is in a later block
        Voice &voice = voices_[drum];
        end(voice, frame, out);
        if (!hit) continue;
        const int velocity = level > 0.0 ? std::min(std::max(static_cast<int>(std::nearbyint(hit->velocity * level)), 1), FULL) : 0;
        hit->velocity = STRUCK;
        if (!velocity) continue;
        out.note(frame, true, note_of(drum), velocity, channel_);
        voice.sounds = true;
        voice.ends = first + HELD;
    }
}

void DrumPlayer::end(Voice &voice, int frame, NoteSink &out) {
    if (voice.sounds) out.note(frame, false, note_of(static_cast<int>(&voice - voices_)), 0, channel_);
    voice.sounds = false;
}

void DrumPlayer::end_notes(NoteSink &out) {
    for (Voice &voice : voices_) end(voice, 0, out);
}

void DrumPlayer::silence(int frame, NoteSink &out) {
    for (Voice &voice : voices_) {
        end(voice, frame, out);
        voice = {};
    }
}

// Keeps what comes in: of several hits of a drum on a step the hardest.
bool DrumPlayer::record(const Transport &transport, const double *values, const DrumPad &pad, const NoteIn *in, int count,
                        const Stretch &block, DrumRecording &recording) {
    const Recorder::Now now = recorder_.listen(transport, values, pad, block, recording);
    if (now == Recorder::IDLE) return false;
    if (now == Recorder::BEGINS) std::memset(recording.velocities, 0, sizeof recording.velocities);
    for (int i = 0; i < count; i++) {
        const double place = recorder_.place(block, in[i]);
        const int step = static_cast<int>(std::floor(place + 0.5)), drum = drum_of(in[i].pitch);
        if (!in[i].is_on || drum < 0 || step < 0 || step >= recording.steps) continue;
        const int velocity = std::min(std::max(in[i].velocity, 1), FULL);
        if (recording.velocities[step][drum] >= velocity) continue;
        recording.velocities[step][drum] = static_cast<std::uint8_t>(velocity);
        recording.offsets[step][drum] = static_cast<float>(place - step);
    }
    return recorder_.ends(block, recording);
}

} // namespace latentmix
