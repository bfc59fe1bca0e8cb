// The tables of parameters as JSON, for what writes the descriptions that LV2 wants beside a binary.
#include <sstream>

#include "../engine/weights.hpp"
#include "parameters.hpp"

namespace {

std::string quoted(const std::string &text) {
    std::string out = "\"";
    for (char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

void describe(const std::vector<latentmix::ParameterInfo> &table, std::ostringstream &out) {
    out << '[';
    bool is_first = true;
    for (const auto &p : table) {
        out << (is_first ? "" : ",\n ") << "{\"symbol\": " << quoted(p.symbol) << ", \"name\": " << quoted(p.name)
            << ", \"unit\": " << quoted(p.unit) << ", \"least\": " << p.least << ", \"most\": " << p.most
            << ", \"standard\": " << p.standard << ", \"is_whole\": " << (p.is_whole ? "true" : "false") << ", \"choices\": [";
        for (std::size_t i = 0; i < p.choices.size(); i++) out << (i ? ", " : "") << quoted(p.choices[i]);
        out << "]}";
        is_first = false;
    }
    out << ']';
}

} // namespace

extern "C" __attribute__((visibility("default"))) const char *latentmix_parameters() {
    static const std::string text = [] {
        std::ostringstream out;
        out.imbue(std::locale::classic());
        out << "{\"melodies\": ";
        describe(latentmix::parameter_table(latentmix::MELODY_KIND, {}), out);
        out << ",\n\"drums\": ";
        describe(latentmix::parameter_table(latentmix::DRUM_KIND, {}), out);
        out << "}\n";
        return out.str();
    }();
    return text.c_str();
}
