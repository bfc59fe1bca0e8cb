#include "parameters.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "../engine/shaping.hpp"

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

std::vector<ParameterInfo> parameter_table(const std::vector<std::string> &attributes) {
    auto number = [](const char *symbol, const char *name, const char *unit, double least, double most, double standard,
                     bool is_whole = false) {
        return ParameterInfo{symbol, name, unit, least, most, standard, is_whole, {}};
    };
    auto choice = [](const char *symbol, const char *name, std::vector<std::string> choices, double standard = 0) {
        const double most = static_cast<double>(choices.size()) - 1;
        return ParameterInfo{symbol, name, "", 0, most, standard, true, std::move(choices)};
    };
    std::vector<std::string> keys = {"none", "auto"};
    for (int key = 1; key <= KEYS; key++) keys.push_back(key_name(key));
    std::vector<ParameterInfo> t;
    t.push_back(number("position", "Position", "", 0, 1, 0));
    t.push_back(number("x", "Pad X", "", 0, 1, 0.5));
    t.push_back(number("y", "Pad Y", "", 0, 1, 0.5));
    t.push_back(choice("mix_by", "Mix by", {"position", "pad"}));
    for (int i = 0; i < ATTRIBUTES; i++) {
        const std::string digit(1, static_cast<char>('1' + i));
        const bool is_known = i < static_cast<int>(attributes.size()) && !attributes[i].empty();
        std::string name = is_known ? "More " + attributes[i] : "Attribute " + digit;
        t.push_back({"attribute_" + digit, name, "sd", -3, 3, 0, false, {}});
    }
    t.push_back(number("variation", "Variation", "", 0, 2, 0));
    t.push_back(number("seed", "Variation seed", "", 0, 999, 0, true));
    t.push_back(choice("key", "Key", keys));
    t.push_back(number("octave", "Octave", "oct", -3, 3, 0, true));
    t.push_back(number("density", "Notes kept", "", 0, 1, 1));
    t.push_back(number("velocity", "Velocity", "", 1, 127, 80, true));
    t.push_back(number("channel", "MIDI channel", "", 1, 16, 1, true));
    t.push_back(choice("follow", "Changes heard at", {"step", "beat", "bar"}));
    t.push_back(choice("hold", "Hold", {"off", "on"}));
    t.push_back(choice("record", "Record into", {"off", "melody 1", "melody 2", "melody 3", "melody 4"}));
    t.push_back(choice("run", "Run", {"with the host", "always"}));
    t.push_back(number("tempo", "Tempo without a host's", "BPM", 20, 400, 120));
    t.push_back(choice("bypass", "Bypass", {"off", "on"}));
    t.push_back(number("volume", "Volume", "dB", -60, 6, -12));
    return t;
}

} // namespace latentmix
