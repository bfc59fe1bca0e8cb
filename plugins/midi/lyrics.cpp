#include "lyrics.hpp"

#include <algorithm>
#include <cstring>

namespace latentmix {
namespace {

constexpr double MAX_WORDS = 2.0, MAX_CHORDS = 0.5;

// Not as `std::strchr` has it, for which the 0 at the end is one of them.
bool is_one_of(const char *set, char c) { return c && std::strchr(set, c); }

bool is_white(char c) { return c == ' ' || (c >= 9 && c < 14); }

std::string stripped(const std::string &text) { // of spaces, and of what stands for a new line in karaoke files
    const auto from = text.find_first_not_of("\r\n /\\");
    return from == std::string::npos ? "" : text.substr(from, text.find_last_not_of("\r\n /\\") - from + 1);
}

// Whether it may be sung: not a number of a bar, nor one of the chords and remarks of M-Live's karaoke files.
bool is_word(const std::string &text) {
    if (stripped(text).empty() || text[0] == '%' || text[0] == '<') return false;
    return !std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || c == ':' || c == '.' || is_white(c); });
}

std::size_t root(const std::string &text, std::size_t at) { // after the root of a chord; 0 where none is
    if (at >= text.size() || text[at] < 'A' || text[at] > 'H') return 0;
    return at + 1 + (at + 1 < text.size() && (text[at + 1] == 'b' || text[at + 1] == '#'));
}

bool is_chord(const std::string &text) {
    static const char *const KINDS[] = {"M", "maj", "ma", "min", "mi", "m", "dim", "aug", "sus", "add", "alt"};
    const std::size_t size = text.size();
    const bool is_open = size && is_one_of("([%", text[0]);
    const std::size_t start = root(text, is_open);
    if (!start) return false;
    const auto ends = [&](std::size_t at) { return at == size || (at + 1 == size && (text[at] == ')' || text[at] == ']')); };
    std::vector<bool> reached(size + 1, false);
    // the letter after a root may be its sign or part of what follows
    for (std::size_t at = start; at > (is_open ? 1u : 0u) && at + 1 >= start; at--) reached[at] = true;
    reached[is_open] = false;
    for (std::size_t at = 0; at <= size; at++) {
        if (!reached[at]) continue;
        if (ends(at)) return true;
        if (text[at] == '/') {
            const std::size_t bass = root(text, at + 1);
            if (bass && (ends(bass) || ends(at + 2))) return true;
        }
        if (is_one_of("o+-()/,b#0123456789", text[at])) reached[at + 1] = true;
        for (const char *kind : KINDS)
            if (!text.compare(at, std::strlen(kind), kind)) reached[at + std::strlen(kind)] = true;
    }
    return false;
}

std::size_t words_in(const std::string &text) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); i++) count += !is_white(text[i]) && (!i || is_white(text[i - 1]));
    return count;
}

bool begins_word(const std::string &text) { return !text.empty() && is_one_of(" /\\", text[0]); }
bool ends_word(const std::string &text) { return text.empty() || is_one_of(" \r\n", text.back()); }

} // namespace

std::vector<long long> syllables(std::vector<Lyric> events) {
    if (events.size() > MAX_SYLLABLES) events.resize(MAX_SYLLABLES);
    std::vector<long long> shown, words;
    double chords = 0, count = 0, letters = 0;
    for (const Lyric &each : events) {
        if (!is_word(each.text)) continue;
        const std::string text = stripped(each.text);
        shown.push_back(each.tick);
        chords += is_chord(text);
        count += static_cast<double>(words_in(text));
        letters += text.size() == 1 && ((text[0] >= 'A' && text[0] <= 'Z') || (text[0] >= 'a' && text[0] <= 'z'));
    }
    const auto all = static_cast<double>(shown.size());
    if (chords > MAX_CHORDS * all || count > MAX_WORDS * all) return {};
    if (letters <= all / 2) return shown;
    bool is_new = true; // timed letter by letter: where words begin
    for (const Lyric &each : events) {
        if (!stripped(each.text).empty() && (is_new || begins_word(each.text))) words.push_back(each.tick);
        is_new = ends_word(each.text);
    }
    return words;
}

} // namespace latentmix
