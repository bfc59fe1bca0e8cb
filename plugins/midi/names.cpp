#include "names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "../engine/order.hpp"

namespace latentmix {
namespace {

#include "words.inc"

constexpr std::size_t MAX_NAME = 800, MIN_PART = 4; // bytes of a name, letters of a part of a compound
using Letters = std::u32string;

// Where each of `WORDS` begins.
constexpr std::size_t COUNT = [] {
    std::size_t count = 0;
    for (std::size_t i = 0; i + 1 < sizeof WORDS; i++) count += !WORDS[i];
    return count;
}();
static_assert(sizeof WORDS < 65536);
constexpr auto STARTS = [] {
    std::array<std::uint16_t, COUNT> out{};
    std::size_t count = 0;
    for (std::size_t i = 0; i + 1 < sizeof WORDS; i++)
        if (!i || !WORDS[i - 1]) out[count++] = static_cast<std::uint16_t>(i);
    return out;
}();

// The kind of a word, below 0 for none.
int found(const std::string &word) {
    std::size_t first = 0, last = COUNT;
    while (first < last) {
        const std::size_t middle = (first + last) / 2;
        const char *at = WORDS + STARTS[middle];
        const int order = std::strcmp(at + 1, word.c_str());
        if (!order) return word.size() == std::strlen(at + 1) ? *at - 'A' : -1;
        (order < 0 ? first : last) = order < 0 ? middle + 1 : middle;
    }
    return -1;
}

bool is_in(const char *set, const std::string &word) {
    for (; *set; set += std::strlen(set) + 1)
        if (word == set) return true;
    return false;
}

// Of all phrases in some bytes, a bit for each kind.
unsigned kinds_in(const char *phrases, const std::string &bytes) {
    unsigned kinds = 0;
    for (; *phrases; phrases += std::strlen(phrases) + 1)
        if (bytes.find(phrases + 1) != std::string::npos) kinds |= 1u << (*phrases - 'A');
    return kinds;
}

void append(std::string &to, char32_t c) {
    if (c < 0x80) {
        to += static_cast<char>(c);
    } else if (c < 0x800) {
        to += static_cast<char>(0xc0 | c >> 6);
        to += static_cast<char>(0x80 | (c & 63));
    } else {
        if (c < 0x10000) {
            to += static_cast<char>(0xe0 | c >> 12);
        } else {
            to += static_cast<char>(0xf0 | c >> 18);
            to += static_cast<char>(0x80 | (c >> 12 & 63));
        }
        to += static_cast<char>(0x80 | (c >> 6 & 63));
        to += static_cast<char>(0x80 | (c & 63));
    }
}

std::string utf8(const Letters &letters, std::size_t from = 0, std::size_t count = Letters::npos) {
    std::string out;
    for (const char32_t c : letters.substr(from, count)) append(out, c);
    return out;
}

// False where these are no bytes of UTF-8; a last character that a program has cut off is let pass.
bool from_utf8(const std::string &bytes, Letters &out) {
    for (std::size_t i = 0; i < bytes.size();) {
        const auto first = static_cast<unsigned char>(bytes[i]);
        const std::size_t more = first < 0x80 ? 0 : first >= 0xf0 && first < 0xf8 ? 3 : first >= 0xe0 ? 2 : first >= 0xc2 ? 1 : 9;
        if (more == 9 || first >= 0xf8) return false;
        char32_t c = more ? first & (0x3fu >> more) : first;
        for (std::size_t k = 1; k <= more; k++) {
            if (i + k >= bytes.size()) return !out.empty() && std::any_of(out.begin(), out.end(), [](char32_t l) { return l >= 0x80; });
            const auto next = static_cast<unsigned char>(bytes[i + k]);
            if ((next & 0xc0) != 0x80) return false;
            c = c << 6 | (next & 63u);
        }
        out += c;
        i += more + 1;
    }
    return true;
}

// As UTF-16 from a byte on.
Letters from_utf16(const std::string &bytes, std::size_t at, bool is_big) {
    Letters out;
    for (; at + 1 < bytes.size(); at += 2) {
        const auto a = static_cast<unsigned char>(bytes[at]), b = static_cast<unsigned char>(bytes[at + 1]);
        out += static_cast<char32_t>(is_big ? a << 8 | b : b << 8 | a);
    }
    return out;
}

Letters by_bytes(const std::string &bytes, bool is_cyrillic) {
    Letters out;
    for (const char each : bytes) {
        const auto c = static_cast<unsigned char>(each);
        out += is_cyrillic && c >= 0xc0 ? 0x410u + (c - 0xc0u) : is_cyrillic && (c == 0xa8 || c == 0xb8) ? 0x435u : static_cast<char32_t>(c);
    }
    return out;
}

bool is_upper(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 0xe0 && c <= 0xff); }
bool is_digit(char32_t c) { return c >= '0' && c <= '9'; }
bool is_mark(char32_t c) { return c >= 0x300 && c < 0x370; } // an accent of its own
bool is_letter(char32_t c) {
    if (c < 0x80) return is_upper(c) || (c >= 'a' && c <= 'z');
    const bool is_sign = c == 0xd7 || c == 0xf7 || (c >= 0x2000 && c < 0x2c00) || (c >= 0x3000 && c < 0x3005) ||
                         (c >= 0x3007 && c < 0x3041) || c == 0x30fb || (c >= 0xff00 && c < 0xff21);
    return c == 0xaa || c == 0xb5 || c == 0xba || (c >= 0xc0 && !is_sign);
}
bool is_of_word(char32_t c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_space(char32_t c) { return c == ' ' || (c >= 9 && c < 14) || c == 0xa0; }

// R.H. -> RH
Letters joined_initials(const Letters &name) {
    Letters out;
    for (std::size_t i = 0; i < name.size();) {
        const bool begins = is_of_word(name[i]) && (!i || !is_of_word(name[i - 1])) && i + 1 < name.size() && name[i + 1] == '.';
        std::size_t k = i + 2 + (begins && i + 2 < name.size() && is_space(name[i + 2]));
        if (!begins || k >= name.size() || !is_of_word(name[k])) {
            out += name[i++];
            continue;
        }
        std::size_t stop = k + 1;
        const auto goes_on = [&](std::size_t at) { return at < name.size() && is_of_word(name[at]); };
        if (goes_on(stop)) {
            out += name[i++];
            continue;
        }
        if (stop < name.size() && name[stop] == '.' && !goes_on(stop + 1)) stop++;
        out += name[i];
        out += name[k];
        i = stop;
    }
    return out;
}

void append_plain(Letters &to, char32_t c) {
    if (is_mark(c)) return;
    if (c == 0xdf) to += U"ss";
    else if (c == 0xc6 || c == 0xe6) to += U"ae";
    else if (c == 0x152 || c == 0x153) to += U"oe";
    else if (is_upper(c)) to += c + 32;
    else if (c >= 0xc0 && c < 0x530 && PLAIN[c - 0xc0]) to += PLAIN[c - 0xc0];
    else to += c;
}

struct Named {
    std::vector<Letters> words; // in lower case, without accents; numbers apart
    Letters text;
    unsigned kinds = 0; // of phrases, a bit for each
};

void split(Named &out) {
    const Letters name = joined_initials(out.text);
    Letters plain;
    for (std::size_t i = 0; i < name.size(); i++) {
        if (i && is_lower(name[i - 1]) && is_upper(name[i])) plain += U' ';
        append_plain(plain, name[i]);
    }
    for (std::size_t i = 0; i < plain.size();) {
        const bool is_numeral = is_digit(plain[i]);
        std::size_t stop = i;
        while (stop < plain.size() && (is_numeral ? is_digit(plain[stop]) : is_letter(plain[stop]))) stop++;
        if (stop > i) out.words.push_back(plain.substr(i, stop - i));
        i = std::max(stop, i + 1);
    }
}

int kind_of(const std::string &word) {
    const int kind = found(word);
    return kind < 0 && word.size() > 1 && word.back() == 's' ? found(word.substr(0, word.size() - 1)) : kind;
}

bool is_number(const Letters &word) { return is_digit(word[0]); }

int ordinal(const std::string &word) {
    if (is_in("erste\0first\0i\0prima\0primo\0", word)) return 1;
    return word == "ii" ? 2 : word == "iii" ? 3 : word == "iv" ? 4 : 0;
}

int value_of(const Letters &digits) {
    int value = 0;
    for (const char32_t c : digits) value = std::min(10 * value + static_cast<int>(c - '0'), 100000);
    return value;
}

bool tells(const Named &named) { // whether a word of music is in it
    return named.kinds || std::any_of(named.words.begin(), named.words.end(), [](const Letters &word) {
               const int kind = found(utf8(word));
               return kind >= 0 && kind != NEUTRAL;
           });
}

void find_terms(Named &named) {
    std::string words = " ";
    for (const Letters &word : named.words) words += utf8(word) + " ";
    named.kinds |= kinds_in(TERMS, words);
}

Named read(const std::string &whole) {
    const std::string bytes = whole.substr(0, MAX_NAME);
    Named out;
    const auto is_high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
    const bool is_ascii = std::none_of(bytes.begin(), bytes.end(), is_high);
    bool is_utf16 = bytes.size() >= 2 && (!bytes.compare(0, 2, "\xff\xfe") || !bytes.compare(0, 2, "\xfe\xff")), is_big = false;
    std::size_t start = is_utf16 ? 2 : !bytes.compare(0, 3, "\xef\xbb\xbf") ? 3 : 0;
    if (is_utf16) is_big = bytes[0] == '\xfe';
    for (int big = 0; !is_utf16 && !start && bytes.size() >= 4 && bytes.size() % 2 == 0 && big < 2; big++) {
        std::size_t few = 0;
        for (std::size_t i = big ? 0 : 1; i < bytes.size(); i += 2) few += static_cast<unsigned char>(bytes[i]) < 7;
        is_big = big;
        is_utf16 = static_cast<double>(few) > 0.6 * static_cast<double>(bytes.size() / 2);
    }
    Letters letters;
    if (is_utf16) {
        out.text = from_utf16(bytes, start, is_big);
        out.kinds = kinds_in(PHRASES, utf8(out.text));
    } else if (is_ascii || from_utf8(bytes.substr(start), letters)) {
        out.text = is_ascii ? by_bytes(bytes, false) : letters;
        out.kinds = is_ascii ? 0 : kinds_in(PHRASES, bytes);
    } else {
        out.text = by_bytes(bytes, false);
        split(out);
        if (!tells(out)) {
            Named other;
            if ((other.kinds = kinds_in(PHRASES, bytes))) {
                for (const char32_t c : out.text) other.text += c < 0x80 ? c : U' ';
            } else {
                other.text = by_bytes(bytes, true);
                split(other);
                if (!tells(other)) other.text = out.text;
            }
            out.text = other.text;
            out.kinds = other.kinds;
        }
        out.words.clear();
    }
    split(out);
    find_terms(out);
    return out;
}

// Somebody's song, in the languages that put it so.
bool is_title_in_cjk(Letters text) {
    while (!text.empty() && is_space(text.back())) text.pop_back();
    const Letters songs[] = {U"\u6b4c", U"\u5504", U"\u3046\u305f", U"\ub178\ub798", U"\uace1", U"\u66f2"};
    for (const Letters &song : songs) {
        if (text.size() < song.size() || text.compare(text.size() - song.size(), song.size(), song)) continue;
        Letters rest = text.substr(0, text.size() - song.size());
        if (!rest.empty() && rest.back() == ' ') rest.pop_back();
        if (rest.size() > 1 && Letters(U"\u306e\u30ce\u4e4b\u7684\uc758").find(rest.back()) != Letters::npos) return true;
    }
    return false;
}

// A word, or the two known ones that it is put together from.
std::vector<std::string> parts_of(const Letters &word) {
    const std::string whole = utf8(word);
    if (kind_of(whole) < 0 && whole != "copyright")
        for (std::size_t at = MIN_PART; at + MIN_PART <= word.size(); at++)
            if (kind_of(utf8(word, 0, at)) >= 0 && kind_of(utf8(word, at)) >= 0) return {utf8(word, 0, at), utf8(word, at)};
    return {whole};
}

bool is_a_later_one(const Named &named) {
    for (std::size_t i = 1; i < named.words.size(); i++)
        if (is_number(named.words[i - 1]) && value_of(named.words[i - 1]) > 1 && is_in(LATER, utf8(named.words[i]))) return true;
    return false;
}

} // namespace

double melody_claim(const std::string &name, bool may_be_title) {
    const Named named = read(name);
    unsigned kinds = named.kinds;
    const auto is = [&](int kind) { return (kinds >> kind & 1) != 0; };
    bool is_title = false, has_number = false, is_first = false, has_title_word = false, is_sided = false;
    std::size_t letters = 0, unknown = 0;
    unsigned parts = 0;
    for (const Letters &word : named.words) {
        const std::string text = utf8(word);
        is_title = is_title || is_in(TITLES, text);
        const int number = is_number(word) ? (word.size() < 4 ? value_of(word) : -1) : ordinal(text) ? ordinal(text) : -1;
        has_number = has_number || number >= 0;
        is_first = is_first || number == 1;
        if (is_number(word) || ordinal(text)) continue;
        letters++;
        has_title_word = has_title_word || is_in(TITLE_WORDS, text);
        is_sided = is_sided || is_in(SIDED, text);
        for (const std::string &part : parts_of(word)) {
            const int kind = kind_of(part);
            unknown += kind < 0;
            if (kind >= 0) parts |= 1u << kind;
        }
    }
    if (is(NOTHING) || is_title || is_title_in_cjk(named.text)) return 0.0;
    if (kinds) unknown = 0;
    kinds |= parts;
    if (is(OTHER) || is_a_later_one(named)) return -1.0;
    if (is(TITLE) && !is(MELODY)) {
        if (letters > 1) return 0.0;
        kinds |= 1u << VOICE;
    }
    if (unknown > 1 || (unknown && (may_be_title || has_title_word))) return 0.0;
    if (is_sided) kinds &= ~(1u << RIGHT_HAND);
    if (is(LEAD) && is(VOICE)) kinds |= 1u << LEAD_VOICE;
    double best = 0;
    for (int kind = MELODY; kind <= FIRST_PART; kind++)
        if (is(kind)) best = std::max(best, CLAIMS[kind]);
    if (best == CLAIMS[FIRST_PART] && !is_first) return 0.0;
    return best > 0 ? std::max(best - 0.5 * static_cast<double>(unknown) - 0.5 * has_number, 0.5) : 0.0;
}

bool are_parts(const std::vector<std::string> &names) {
    std::vector<int> numbers;
    std::vector<std::vector<std::string>> all;
    for (const std::string &name : names) {
        std::vector<std::string> words;
        for (const Letters &word : read(name).words)
            if (!is_number(word) && !ordinal(utf8(word))) words.push_back(utf8(word));
        sort_values(words);
        words.erase(std::unique(words.begin(), words.end()), words.end());
        if (std::any_of(words.begin(), words.end(), [](const std::string &word) { return is_in(COUNTED, word); })) return false;
        all.push_back(words);
        const int number = part_number(name);
        if (number < 0 || std::find(numbers.begin(), numbers.end(), number) != numbers.end() || all[0] != words) return false;
        numbers.push_back(number);
    }
    return names.size() > 1;
}

int part_number(const std::string &name) {
    for (const Letters &word : read(name).words) {
        if (const int number = ordinal(utf8(word))) return number;
        if (is_number(word) && word.size() < 3) return value_of(word);
    }
    return -1;
}

bool is_blank(const std::string &name) {
    const Letters text = read(name).text;
    return std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x21 || (c >= 0x7f && c < 0xa1); });
}

} // namespace latentmix
