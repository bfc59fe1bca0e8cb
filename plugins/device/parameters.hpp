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
    HUMANISE, // of drums
    LEVEL,    // of drums
    AXES,
    PARAMETERS
};
constexpr int SLOTS = 4; // of melodies or grooves
constexpr int ATTRIBUTES = ATTRIBUTE_5 - ATTRIBUTE_1 + 1;

struct ParameterInfo {
    int id; // a `Parameter`
    std::string symbol, name, unit; // symbol: letters, digits and _, for files
    double least, most, standard;
    bool is_whole;
    std::vector<std::string> choices; // from `least` on; empty: a number

    double clamp(double value) const; // into the range, whole where it is; the standard for NaN
    std::string text(double value) const;
    bool parse(const std::string &text, double &value) const;
};

// The table of plugins with a model of a kind (`engine/weights.hpp`), in the order in which hosts see it, which never changes either;
// of melodies that is the order of `Parameter`. Attributes have these names; those beyond are called "Attribute N" and do nothing.
std::vector<ParameterInfo> parameter_table(int kind, const std::vector<std::string> &attributes);

int index_of(const std::vector<ParameterInfo> &table, int id); // below 0: it is not in there

} // namespace latentmix
