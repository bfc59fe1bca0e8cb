#include "parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "../engine/shaping.hpp"
#include "../engine/weights.hpp"

namespace latentmix {

double ParameterInfo::clamp(double value) const {
    if (!(value == value)) return standard;
    value = std::min(std::max(value, least), most);
    return is_whole ? std::floor(value + 0.5) : value;
}

std::string ParameterInfo::text(double value) const {
    value = clamp(value);
    if (!choices.empty()) return choices[static_cast<std::size_t>(value - least)];
    char out[48];
    std::snprintf(out, sizeof out, is_whole ? "%.0f" : "%.3f", value == 0.0 ? 0.0 : value);
    return unit.empty() ? out : out + (" " + unit);
}

bool ParameterInfo::parse(const std::string &text, double &value) const {
    for (std::size_t i = 0; i < choices.size(); i++)
        if (choices[i] == text) {
            value = least + static_cast<double>(i);
            return true;
        }
    char *end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || !std::isfinite(number)) return false;
    value = clamp(number);
    return true;
}

namespace {

using Table = std::vector<ParameterInfo>;

ParameterInfo number(int id, const char *symbol, const char *name, const char *unit, double least, double most, double standard,
                     bool is_whole = false) {
    return {id, symbol, name, unit, least, most, standard, is_whole, {}};
}

ParameterInfo choice(int id, const char *symbol, const char *name, std::vector<std::string> choices, double standard = 0) {
    const double most = static_cast<double>(choices.size()) - 1;
    return {id, symbol, name, "", 0, most, standard, true, std::move(choices)};
}

void add_places(Table &t) {
    t.push_back(number(POSITION, "position", "Position", "", 0, 1, 0));
    t.push_back(number(PAD_X, "x", "Pad X", "", 0, 1, 0.5));
    t.push_back(number(PAD_Y, "y", "Pad Y", "", 0, 1, 0.5));
    t.push_back(choice(MIX_BY, "mix_by", "Mix by", {"position", "pad"}));
}

void add_variation(Table &t) {
    t.push_back(number(VARIATION, "variation", "Variation", "", 0, 2, 0));
    t.push_back(number(SEED, "seed", "Variation seed", "", 0, 999, 0, true));
}

void add_playing(Table &t, int channel, const std::string &piece) {
    std::vector<std::string> slots = {"off"};
    for (int slot = 1; slot <= SLOTS; slot++) slots.push_back(piece + " " + std::to_string(slot));
    t.push_back(number(CHANNEL, "channel", "MIDI channel", "", 1, 16, channel, true));
    t.push_back(choice(FOLLOW, "follow", "Changes heard at", {"step", "beat", "bar"}));
    t.push_back(choice(HOLD_MELODY, "hold", "Hold", {"off", "on"}));
    t.push_back(choice(RECORD, "record", "Record into", slots));
    t.push_back(choice(RUN, "run", "Run", {"with the host", "always"}));
    t.push_back(number(TEMPO, "tempo", "Tempo without a host's", "BPM", 20, 400, 120));
    t.push_back(choice(BYPASS, "bypass", "Bypass", {"off", "on"}));
}

Table melody_table(const std::vector<std::string> &attributes) {
    std::vector<std::string> keys = {"none", "auto"};
    for (int key = 1; key <= KEYS; key++) keys.push_back(key_name(key));
    Table t;
    add_places(t);
    for (int i = 0; i < ATTRIBUTES; i++) {
        const std::string digit(1, static_cast<char>('1' + i));
        const bool is_known = i < static_cast<int>(attributes.size()) && !attributes[i].empty();
        const std::string name = is_known ? "More " + attributes[i] : "Attribute " + digit;
        t.push_back(number(ATTRIBUTE_1 + i, ("attribute_" + digit).c_str(), name.c_str(), "sd", -3, 3, 0));
    }
    add_variation(t);
    t.push_back(choice(KEY, "key", "Key", keys));
    t.push_back(number(OCTAVE, "octave", "Octave", "oct", -3, 3, 0, true));
    t.push_back(number(DENSITY, "density", "Notes kept", "", 0, 1, 1));
    t.push_back(number(VELOCITY, "velocity", "Velocity", "", 1, 127, 80, true));
    add_playing(t, 1, "melody");
    t.push_back(number(VOLUME, "volume", "Volume", "dB", -60, 6, -12));
    t.push_back(choice(AXES, "axes", "Pad axes", {"melodies", "rhythm and pitch"}));
    return t;
}

Table drum_table() {
    Table t;
    add_places(t);
    t.push_back(number(HUMANISE, "humanise", "Humanise", "", 0, 2, 0));
    add_variation(t);
    t.push_back(number(LEVEL, "level", "Velocity", "x", 0, 2, 1));
    add_playing(t, 10, "groove");
    return t;
}

} // namespace

std::vector<ParameterInfo> parameter_table(int kind, const std::vector<std::string> &attributes) {
    return kind == DRUM_KIND ? drum_table() : melody_table(attributes);
}

int index_of(const std::vector<ParameterInfo> &table, int id) {
    for (std::size_t i = 0; i < table.size(); i++)
        if (table[i].id == id) return static_cast<int>(i);
    return -1;
}

} // namespace latentmix
