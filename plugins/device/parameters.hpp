// What can be moved, as a table: names, units, ranges and texts of every format come from here.
#pragma once
#include <string>
#include <vector>

namespace latentmix {

// Stands in saved projects: never renumber, only add at the end (and say so in `docs/plugins.md`).
enum Parameter {
    POSITION,
    PAD_X,
    PAD_Y,
    MIX_BY,
    ATTRIBUTE_1,
    ATTRIBUTE_5 = ATTRIBUTE_1 + 4,
    VARIATION,
    SEED,
    KEY,
    OCTAVE,
    DENSITY,
    VELOCITY,
    CHANNEL,
    FOLLOW,
    HOLD_MELODY,
    RECORD,
    RUN,
    TEMPO,
    BYPASS,
    VOLUME,
    PARAMETERS
};
constexpr int ATTRIBUTES = ATTRIBUTE_5 - ATTRIBUTE_1 + 1;

struct ParameterInfo {
    std::string symbol, name, unit; // symbol: letters, digits and _, for files
    double least, most, standard;
    bool is_whole;
    std::vector<std::string> choices; // from `least` on; empty: a number

    double clamp(double value) const; // into the range, whole where it is; the standard for NaN
    std::string text(double value) const;
    bool parse(const std::string &text, double &value) const;
};

// The table for a model with attributes of these names; those beyond are called "Attribute N" and do nothing.
std::vector<ParameterInfo> parameter_table(const std::vector<std::string> &attributes);

} // namespace latentmix
