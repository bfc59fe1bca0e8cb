#include "voice.hpp"

#include <cmath>

namespace latentmix {
namespace {

constexpr double TWO_PI = 6.283185307179586, RISE = 0.004, FALL = 0.050; // seconds to 63 %

} // namespace

void Voice::activate(double rate) {
    rate_ = rate;
    phase_ = turn_ = 0.0;
    level_ = wanted_ = 0.0f;
    rise_ = static_cast<float>(1.0 - std::exp(-1.0 / (RISE * rate)));
    fall_ = static_cast<float>(1.0 - std::exp(-1.0 / (FALL * rate)));
}

void Voice::start(int pitch, int velocity) {
    turn_ = 440.0 * std::exp2((pitch - 69) / 12.0) / rate_;
    phase_ = 0.0; // so that a note sounds the same whatever came before, in every bounce
    level_ = 0.0f;
    wanted_ = static_cast<float>(velocity) / 127.0f;
}

void Voice::end() { wanted_ = 0.0f; }

void Voice::render(float *left, float *right, int frames, float gain) {
    for (int i = 0; i < frames; i++) {
        level_ += (wanted_ - level_) * (wanted_ > level_ ? rise_ : fall_);
        if (level_ < 1e-6f && wanted_ == 0.0f) {
            level_ = 0.0f;
            left[i] = right[i] = 0.0f;
            continue;
        }
        const double turn = TWO_PI * phase_;
        left[i] = right[i] =
            gain * level_ * static_cast<float>(0.75 * std::sin(turn) + 0.2 * std::sin(2.0 * turn) + 0.05 * std::sin(3.0 * turn));
        phase_ += turn_;
        if (phase_ >= 1.0) phase_ -= 1.0;
    }
}

} // namespace latentmix
