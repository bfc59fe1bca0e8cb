#include "chunks.hpp"

#include <algorithm>
#include <cstring>

namespace latentmix {
namespace {

constexpr std::size_t MAX_CHUNKS = 20000, MAX_LEADING = 1024, NOWHERE = static_cast<std::size_t>(-1);
constexpr double USUAL_RESOLUTION = 480, USUAL_CODE = 500;
constexpr unsigned char END_EVENT[] = {0xff, 0x2f, 0x00};

struct Bytes {
    const unsigned char *at;
    std::size_t size;

    bool has(std::size_t place, const char *tag, std::size_t count = 4) const {
        return place + count <= size && !std::memcmp(at + place, tag, count);
    }
    std::size_t big(std::size_t place, int bytes) const {
        std::size_t out = 0;
        for (int i = 0; i < bytes; i++) out = out << 8 | at[place + static_cast<std::size_t>(i)];
        return out;
    }
    std::size_t little(std::size_t place) const {
        return at[place] | at[place + 1] << 8 | at[place + 2] << 16 | static_cast<std::size_t>(at[place + 3]) << 24;
    }
    // Bytes that a chunk announces; no more than the file has, so that no place behind it leaves 32 bits.
    std::size_t length(std::size_t place) const { return std::min(big(place + 4, 4), size); }
    std::size_t find(const char *tag, std::size_t count, std::size_t from, std::size_t until) const {
        until = std::min(until, size);
        if (from >= until) return NOWHERE;
        const unsigned char *found = std::search(at + from, at + until, tag, tag + count);
        return found == at + until ? NOWHERE : static_cast<std::size_t>(found - at);
    }
    bool ends_event(std::size_t end) const { return end >= 3 && end <= size && !std::memcmp(at + end - 3, END_EVENT, 3); }

    bool is_tag(std::size_t place) const {
        if (place + 4 > size) return false;
        return std::all_of(at + place, at + place + 4, [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
    }
    // Whether a chunk may begin here, or the file ends, but for some bytes that are no chunk.
    bool may_begin(std::size_t place) const {
        if (place >= size) return place == size;
        const bool is_blank = std::all_of(at + place, at + std::min(place + 512, size), [](unsigned char c) {
            return c == 0 || c == 0x1a || c == '\r' || c == '\n';
        });
        return is_blank || is_tag(place) || size - place < 8 || place + 8 + length(place) <= size;
    }
    bool ends(std::size_t end) const {
        if (ends_event(end)) return true;
        return may_begin(end) && !(end + 8 > size && end < size && ends_event(size));
    }
};

bool refuse(std::string &problem, const char *line) {
    problem = line;
    return false;
}

// Takes a RIFF envelope off, and what stands before the header.
bool unwrap(Bytes &file, std::string &problem) {
    if (file.has(0, "RIFF") && file.has(8, "RMID")) {
        std::size_t place = 12;
        while (place + 8 <= file.size && !file.has(place, "data")) {
            const std::size_t size = std::min(file.little(place + 4), file.size);
            place += 8 + size + size % 2;
        }
        if (file.has(place + 8, "MThd")) {
            const std::size_t said = file.little(place + 4), there = file.size - place - 8;
            file = {file.at + place + 8, std::min(said, there)};
            return true;
        }
    }
    const std::size_t start = file.has(0, "MThd") ? 0 : file.find("MThd\0\0\0", 7, 0, MAX_LEADING + 7);
    if (start == NOWHERE) return refuse(problem, "expected a MIDI file, found something else");
    file = {file.at + start, file.size - start};
    return true;
}

double resolution_of(int high, int low) {
    if (high < 0x80) return high << 8 | low ? high << 8 | low : USUAL_RESOLUTION;
    const int frames = 256 - high;
    const double rate = frames == 29 ? 30000 / 1001.0 : frames;
    return low ? rate * low / 2 : USUAL_CODE;
}

// Where a chunk ends whose announced end is none.
bool true_end(const Bytes &file, std::size_t place, std::size_t &end, long long &missing, std::string &problem) {
    const std::size_t following = file.find("MTrk", 4, place + 8, file.size);
    if (following == NOWHERE) {
        missing = end > file.size ? static_cast<long long>(end - file.size) : 0;
        end = file.size;
    } else if (following < end) {
        missing = static_cast<long long>(end - following);
        end = following;
    } else {
        if (!file.ends_event(following)) return refuse(problem, "the file is damaged: a track does not end where it says");
        missing = 0;
        end = following;
    }
    return true;
}

std::size_t next_track(const Bytes &file, std::size_t place) {
    std::size_t following = file.find("MTrk", 4, place, file.size);
    while (following != NOWHERE && (following + 8 > file.size || following + 8 + file.length(following) > file.size))
        following = file.find("MTrk", 4, following + 4, file.size);
    return following == NOWHERE ? file.size : following;
}

bool read_tracks(const Bytes &file, std::size_t place, std::size_t count, Chunks &out, std::string &problem) {
    for (std::size_t i = 0; i < MAX_CHUNKS; i++) {
        if (place + 8 <= file.size && !file.may_begin(place)) place = next_track(file, place);
        if (place + 8 > file.size) return true;
        std::size_t end = place + 8 + file.length(place);
        if (out.tracks.size() >= count && (!file.has(place, "MTrk") || end > file.size)) return true;
        long long missing = -1;
        if (!file.ends(end) && !true_end(file, place, end, missing, problem)) return false;
        if (file.has(place, "MTrk")) out.tracks.push_back({file.at + place + 8, file.at + std::min(end, file.size), missing});
        place = end;
    }
    return refuse(problem, "expected at most 20,000 chunks, found more");
}

} // namespace

bool split_chunks(const unsigned char *data, std::size_t size, Chunks &out, std::string &problem) {
    Bytes file = {data, size};
    if (!unwrap(file, problem)) return false;
    if (file.size < 14) return refuse(problem, "the file is truncated: its header is incomplete");
    const std::size_t head = file.big(4, 4), count = file.big(10, 2);
    if (head < 6 || head > file.size) return refuse(problem, "expected a MIDI file of type 0, 1 or 2, found another header");
    out.kind = static_cast<int>(file.big(8, 2));
    if (out.kind > 2) out.kind = (out.kind & 0xff) <= 2 ? out.kind & 0xff : 1;
    out.is_time_code = file.at[12] >= 0x80;
    out.resolution = resolution_of(file.at[12], file.at[13]);
    if (!read_tracks(file, 8 + head, count, out, problem)) return false;
    if (out.tracks.empty() && count) return refuse(problem, "the file is truncated: tracks announced, none found");
    return true;
}

} // namespace latentmix
