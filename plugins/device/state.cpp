#include "state.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <locale>
#include <sstream>

namespace latentmix {
namespace {

constexpr const char *FIRST = "latentmix state ";
constexpr const char *CHART = "chart", *CELLS = "cells";
constexpr const char *CAME_WITH_CHARTS = "axes"; // the parameter: a state that has it is of a release that had charts
constexpr int VERSION = 1;
constexpr std::size_t MAX_LATENTS = 4 * 8 * 1024, MAX_LINES = 64, MAX_TOKENS = 4096, MAX_NAME = 63;

// Numbers in the C locale, whatever the host has set.
std::istringstream numbers(const std::string &text) {
    std::istringstream in(text);
    in.imbue(std::locale::classic());
    return in;
}

bool read_melody(const std::string &rest, Melody &m) {
    auto in = numbers(rest);
    if (!(in >> m.numerator >> m.denominator >> m.tempo >> m.program)) return false;
    in.get();
    std::getline(in, m.name);
    if (m.name.size() > MAX_NAME) m.name.resize(MAX_NAME);
    return m.program >= 0 && m.program <= 127;
}

bool read_groove(const std::string &rest, Groove &g) {
    auto in = numbers(rest);
    std::size_t steps;
    if (!(in >> g.numerator >> g.denominator >> g.tempo >> steps) || !steps || steps > MAX_TOKENS) return false;
    in.get();
    std::getline(in, g.name);
    if (g.name.size() > MAX_NAME) g.name.resize(MAX_NAME);
    g.hits.resize(steps * DRUMS);
    return true;
}

bool read_hits(const std::string &rest, Groove &g) {
    auto in = numbers(rest);
    std::uint32_t bits;
    for (int step, drum, velocity; in >> std::dec >> step >> drum >> velocity >> std::hex >> bits;) {
        if (step < 0 || step >= g.steps() || drum < 0 || drum >= DRUMS || velocity < 1 || velocity > FULL) return false;
        Hit &hit = g.hits[static_cast<std::size_t>(step) * DRUMS + static_cast<std::size_t>(drum)];
        hit.velocity = static_cast<std::uint8_t>(velocity);
        std::memcpy(&hit.offset, &bits, 4);
    }
    return in.eof() && g.is_valid();
}

bool read_tokens(const std::string &rest, Melody &m) {
    auto in = numbers(rest);
    for (int token; in >> token;) {
        if (m.tokens.size() == MAX_TOKENS) return false;
        m.tokens.push_back(token);
    }
    return in.eof() && m.is_valid();
}

bool read_latents(const std::string &rest, std::vector<float> &out) {
    auto in = numbers(rest);
    in >> std::hex;
    for (std::uint32_t bits; in >> bits;) {
        float value;
        std::memcpy(&value, &bits, 4);
        if (out.size() == MAX_LATENTS || !std::isfinite(value)) return false;
        out.push_back(value);
    }
    return in.eof();
}

// A name on a line of its own.
std::string on_a_line(std::string name) {
    for (char &c : name)
        if (c == '\n' || c == '\r') c = ' ';
    return name;
}

void write_hits(const Groove &g, std::ostringstream &out) {
    out << "hits";
    for (std::size_t i = 0; i < g.hits.size(); i++) {
        std::uint32_t bits;
        std::memcpy(&bits, &g.hits[i].offset, 4);
        if (g.hits[i].velocity)
            out << std::dec << ' ' << i / DRUMS << ' ' << i % DRUMS << ' ' << static_cast<int>(g.hits[i].velocity) << ' ' << std::hex << bits;
    }
    out << std::dec << '\n';
}

} // namespace

std::string write_state(const State &state) {
    std::ostringstream out;
    out.imbue(std::locale::classic());
    out.precision(17);
    out << FIRST << VERSION << "\nmodel " << state.fingerprint << '\n';
    for (const auto &[symbol, value] : state.values) out << "value " << symbol << ' ' << value << '\n';
    if (!state.melodies.empty()) out << "plane " << (state.goes_by_chart ? CHART : CELLS) << '\n';
    for (const Melody &m : state.melodies) {
        out << "melody " << m.numerator << ' ' << m.denominator << ' ' << m.tempo << ' ' << m.program << ' ' << on_a_line(m.name)
            << "\ntokens";
        for (int token : m.tokens) out << ' ' << token;
        out << '\n';
    }
    for (const Groove &g : state.grooves) {
        out << "groove " << g.numerator << ' ' << g.denominator << ' ' << g.tempo << ' ' << g.steps() << ' ' << on_a_line(g.name) << '\n';
        write_hits(g, out);
    }
    out << "latents" << std::hex;
    for (float value : state.latents) {
        std::uint32_t bits;
        std::memcpy(&bits, &value, 4);
        out << ' ' << bits;
    }
    out << "\nend\n";
    return out.str();
}

bool read_state(const std::string &text, State &state, std::string &problem) {
    problem = "expected the state of a latentmix plugin, found something else or a damaged one";
    const std::size_t first = std::strlen(FIRST);
    if (text.size() > MAX_STATE_BYTES || text.compare(0, first, FIRST)) return false;
    std::istringstream lines(text);
    std::string line;
    std::getline(lines, line);
    if (std::strtol(line.c_str() + first, nullptr, 10) != VERSION) {
        problem = "expected a state of version 1, found " + line.substr(0, 40) + "; use a later release";
        return false;
    }
    bool is_whole = false, says_plane = false;
    for (std::size_t n = 0; n < MAX_LINES && std::getline(lines, line); n++) {
        const std::size_t gap = line.find(' ');
        const std::string word = line.substr(0, gap), rest = gap == std::string::npos ? "" : line.substr(gap + 1);
        if (word == "end") {
            is_whole = true;
            break;
        }
        if (word == "model") state.fingerprint = rest.substr(0, 64);
        if (word == "value") {
            auto in = numbers(rest);
            std::string symbol;
            double value;
            if (!(in >> symbol >> value) || !std::isfinite(value)) return false;
            state.values.emplace_back(symbol, value);
        }
        if (word == "plane") {
            says_plane = true;
            state.goes_by_chart = rest == CHART;
            if (!state.goes_by_chart && rest != CELLS) return false;
        }
        if (word == "melody") {
            state.melodies.emplace_back();
            if (state.melodies.size() > 8 || !read_melody(rest, state.melodies.back())) return false;
        }
        if (word == "tokens" && (state.melodies.empty() || !read_tokens(rest, state.melodies.back()))) return false;
        if (word == "groove") {
            state.grooves.emplace_back();
            if (state.grooves.size() > 8 || !read_groove(rest, state.grooves.back())) return false;
        }
        if (word == "hits" && (state.grooves.empty() || !read_hits(rest, state.grooves.back()))) return false;
        if (word == "latents" && !read_latents(rest, state.latents)) return false;
    }
    if (!is_whole || state.melodies.empty() == state.grooves.empty()) return false;
    for (const Melody &m : state.melodies)
        if (!m.is_valid()) return false;
    for (const Groove &g : state.grooves)
        if (!g.is_valid()) return false;
    for (const auto &each : state.values)
        if (!says_plane && each.first == CAME_WITH_CHARTS) state.goes_by_chart = true;
    problem.clear();
    return true;
}

} // namespace latentmix
