#include "melody.hpp"

#include <algorithm>

namespace latentmix {

int steps_per_bar(int numerator, int denominator) {
    const bool is_power = denominator > 0 && !(denominator & (denominator - 1));
    if (!is_power || numerator < 1 || numerator > 255 || 16 * numerator % denominator) return 0;
    return 16 * numerator / denominator;
}

int Melody::steps_per_bar() const { return latentmix::steps_per_bar(numerator, denominator); }

bool Melody::is_valid() const {
    const int bar = steps_per_bar();
    if (!bar || tokens.empty() || tokens.size() % bar || !(tempo > 0.0f && tempo < 10000.0f)) return false;
    return std::all_of(tokens.begin(), tokens.end(), [](int t) { return t >= 0 && t < VOCABULARY; });
}

bool Melody::has_notes() const {
    return std::any_of(tokens.begin(), tokens.end(), [](int t) { return t >= ONSET; });
}

bool fits_a_window(int numerator, int denominator) {
    const int size = steps_per_bar(numerator, denominator);
    return size && size <= WINDOW_STEPS;
}

void tidy(std::vector<int> &tokens) {
    bool is_idle = true;
    for (int &token : tokens) {
        if (token == HOLD) continue;
        const bool was_idle = is_idle;
        is_idle = token == OFF;
        if (token == OFF && was_idle) token = HOLD;
    }
}

WindowLayout window_layout(int numerator, int denominator) {
    WindowLayout out;
    const int size = steps_per_bar(numerator, denominator);
    if (!size || size > WINDOW_STEPS) return out;
    if (size > HALF_WINDOW) {
        out.bars = 1;
        for (int s = 0; s < size; s++) out.places.push_back(s);
        return out;
    }
    const int bars = HALF_WINDOW / size;
    out.bars = 2 * bars;
    for (int half = 0; half < 2; half++)
        for (int s = 0; s < bars * size; s++) out.places.push_back(half * HALF_WINDOW + s);
    return out;
}

std::vector<int> to_windows(const Melody &melody) {
    const WindowLayout layout = window_layout(melody.numerator, melody.denominator);
    const int used = static_cast<int>(layout.places.size()), steps = static_cast<int>(melody.tokens.size());
    if (!used) return {};
    const int count = (steps + used - 1) / used;
    std::vector<int> tokens = melody.tokens;
    tokens.resize(static_cast<std::size_t>(count) * used, HOLD);
    if (steps < count * used) tokens[steps] = OFF; // the silence ends the last note
    tidy(tokens);
    std::vector<int> windows(static_cast<std::size_t>(count) * WINDOW_STEPS, HOLD);
    for (int i = 0; i < count * used; i++) windows[i / used * WINDOW_STEPS + layout.places[i % used]] = tokens[i];
    return windows;
}

std::vector<int> from_windows(const int *windows, int count, const WindowLayout &layout, int steps) {
    std::vector<int> tokens;
    for (int w = 0; w < count; w++)
        for (int place : layout.places) tokens.push_back(windows[w * WINDOW_STEPS + place]);
    if (static_cast<int>(tokens.size()) > steps) tokens.resize(steps);
    tidy(tokens);
    return tokens;
}

Melody rebar(const Melody &melody, int numerator, int denominator, int steps) {
    const int old_size = melody.steps_per_bar(), new_size = steps_per_bar(numerator, denominator);
    std::vector<int> tokens = melody.tokens;
    if (old_size % new_size && new_size % old_size) { // each bar is laid in a bar, cut off or filled up
        const int bars = static_cast<int>(tokens.size()) / old_size, kept = std::min(old_size, new_size);
        std::vector<int> laid(static_cast<std::size_t>(bars) * new_size, HOLD);
        for (int b = 0; b < bars; b++) {
            for (int s = 0; s < kept; s++) laid[b * new_size + s] = tokens[b * old_size + s];
            if (old_size < new_size) laid[b * new_size + old_size] = OFF;
        }
        // a note that ended or gave way in what is cut off does not sound on over the bar line
        for (int b = 0; old_size > new_size && b + 1 < bars; b++) {
            bool is_gone = false;
            for (int s = new_size; s < old_size; s++) is_gone |= tokens[b * old_size + s] != HOLD;
            int &next = laid[(b + 1) * new_size];
            if (is_gone && next == HOLD) next = OFF;
        }
        tokens = std::move(laid);
    }
    std::vector<int> joint = tokens;
    if (joint[0] == HOLD) joint[0] = OFF; // a repeat that starts with a rest ends the last note of the one before
    for (std::size_t i = 0; static_cast<int>(tokens.size()) < steps; i++) tokens.push_back(joint[i % joint.size()]);
    tokens.resize(steps);
    tidy(tokens);
    Melody out = melody;
    out.tokens = std::move(tokens);
    out.numerator = numerator;
    out.denominator = denominator;
    return out;
}

std::vector<Melody> partners(const std::vector<Melody> &melodies) {
    if (melodies.empty()) return {};
    const Melody &first = melodies[0];
    const int wanted = first.steps_per_bar();
    if (!window_layout(first.numerator, first.denominator).bars) return {};
    int bars = 0;
    for (const Melody &m : melodies) {
        const int size = m.steps_per_bar(), steps = static_cast<int>(m.tokens.size());
        const bool is_even = !(size % wanted) || !(wanted % size);
        bars = std::max(bars, ((is_even ? steps : steps / size * wanted) + wanted - 1) / wanted);
    }
    std::vector<Melody> out;
    for (const Melody &m : melodies) out.push_back(rebar(m, first.numerator, first.denominator, bars * wanted));
    return out;
}

int fold_pitch(int token, int lowest, int pitches) {
    if (token < ONSET) return token;
    int pitch = token - ONSET;
    while (pitch < lowest) pitch += 12;
    while (pitch > lowest + pitches - 1) pitch -= 12;
    return pitch + ONSET;
}

} // namespace latentmix
