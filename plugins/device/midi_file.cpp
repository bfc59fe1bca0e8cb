#include "midi_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>

#include "../engine/file.hpp"

namespace latentmix {
namespace {

constexpr std::uint64_t MAX_TICKS = std::uint64_t(1) << 40;
constexpr double MAX_BEATS = 1e6;
constexpr std::size_t MAX_CHANGES = 10000, MAX_TRACK_NAME = 63; // of metre and of tempo
constexpr int META = 0xff, SYSEX = 0xf0, ESCAPE = 0xf7;

std::uint32_t big(const unsigned char *p, int bytes) {
    std::uint32_t out = 0;
    for (int i = 0; i < bytes; i++) out = out << 8 | p[i];
    return out;
}

bool is_chunk(const unsigned char *p, const char *name) { return !std::memcmp(p, name, 4); }

// The events of one track.
class TrackReader {
  public:
    TrackReader(const unsigned char *begin, const unsigned char *end, int number, double ticks, MidiTune &to)
        : at_(begin), end_(end), number_(number), ticks_(ticks), to_(to) {
        std::fill(&open_[0][0], &open_[0][0] + 16 * 128, -1);
    }

    void read() {
        while (at_ < end_ && now_ < MAX_TICKS && event()) {
        }
        for (auto &[channel, part] : parts_) { // what nobody ended sounds to the end
            for (int pitch = 0; pitch < 128; pitch++) close(part, channel, pitch);
            std::stable_sort(part.notes.begin(), part.notes.end(), [](const MidiNote &a, const MidiNote &b) {
                return a.start != b.start ? a.start < b.start : a.pitch > b.pitch;
            });
            part.name = name_;
            if (!part.notes.empty()) to_.parts.push_back(std::move(part));
        }
        to_.length = std::max(to_.length, beat());
    }

    std::size_t notes() const { return count_; }

  private:
    double beat() const { return static_cast<double>(now_) / ticks_; }

    std::uint32_t number() { // of variable length, at most four bytes
        std::uint32_t out = 0;
        for (int i = 0; i < 4 && at_ < end_; i++) {
            const unsigned char byte = *at_++;
            out = out << 7 | (byte & 127u);
            if (byte < 128) break;
        }
        return out;
    }

    bool event() {
        now_ += number();
        if (at_ >= end_) return false;
        const int status = *at_ & 128 ? *at_++ : running_;
        if (status == META) return meta();
        if (status == SYSEX || status == ESCAPE) return skip(number());
        if (status < 0x80 || status > 0xef) return status >= 0xf1; // real-time bytes have nothing behind them
        running_ = status;
        const int kind = status & 0xf0, size = kind == 0xc0 || kind == 0xd0 ? 1 : 2;
        if (end_ - at_ < size) return false;
        const int first = at_[0] & 127, second = size > 1 ? at_[1] & 127 : 0;
        at_ += size;
        channel_event(kind, status & 15, first, second);
        return true;
    }

    void channel_event(int kind, int channel, int first, int second) {
        if (kind == 0xc0) programs_[channel] = first;
        if (kind != 0x80 && kind != 0x90) return;
        MidiPart &part = parts_[channel];
        close(part, channel, first);
        if (kind == 0x80 || !second || count_ > MAX_MIDI_NOTES || beat() > MAX_BEATS) return;
        if (part.notes.empty()) part.program = programs_[channel];
        part.track = number_;
        part.channel = channel;
        open_[channel][first] = static_cast<int>(part.notes.size());
        part.notes.push_back({beat(), beat(), first, second});
        count_++;
    }

    void close(MidiPart &part, int channel, int pitch) {
        int &open = open_[channel][pitch];
        if (open >= 0) part.notes[static_cast<std::size_t>(open)].end = std::min(beat(), MAX_BEATS);
        open = -1;
    }

    bool meta() {
        if (at_ >= end_) return false;
        const int type = *at_++;
        const std::uint32_t size = number();
        if (size > static_cast<std::size_t>(end_ - at_)) return false;
        if (type == 0x2f) return false; // the end
        if (type == 0x03 && name_.empty()) name_.assign(reinterpret_cast<const char *>(at_), std::min<std::size_t>(size, MAX_TRACK_NAME));
        if (type == 0x51 && size == 3 && big(at_, 3) && to_.tempi.size() < MAX_CHANGES)
            to_.tempi.push_back({beat(), 6e7f / static_cast<float>(big(at_, 3))});
        if (type == 0x58 && size >= 2 && at_[0] && at_[1] < 8 && to_.metres.size() < MAX_CHANGES)
            to_.metres.push_back({beat(), at_[0], 1 << at_[1]});
        return skip(size);
    }

    bool skip(std::uint32_t size) {
        if (size > static_cast<std::size_t>(end_ - at_)) return false;
        at_ += size;
        return true;
    }

    const unsigned char *at_, *end_;
    int number_, running_ = 0;
    double ticks_;
    MidiTune &to_;
    std::uint64_t now_ = 0;
    std::map<int, MidiPart> parts_;
    int open_[16][128], programs_[16] = {};
    std::string name_;
    std::size_t count_ = 0;
};

} // namespace

float MidiTune::tempo_at(double beat) const {
    float out = 120.0f;
    for (const Tempo &t : tempi)
        if (t.at <= beat + 1e-6) out = t.tempo;
    return out;
}

bool parse_midi(const std::vector<unsigned char> &file, MidiTune &out, std::string &problem) {
    problem = "expected a MIDI file, found something else";
    const unsigned char *at = file.data(), *end = at + file.size();
    if (file.size() > 32 && is_chunk(at, "RIFF") && is_chunk(at + 8, "RMID")) at += 20; // in a file of RIFF
    if (end - at < 14 || !is_chunk(at, "MThd")) return false;
    const std::uint32_t head = big(at + 4, 4), division = big(at + 12, 2);
    if (head < 6 || head > static_cast<std::size_t>(end - at) - 8 || !division) return false;
    // ticks a quarter note; where they are a share of a second, at 120 quarter notes a minute
    const double ticks = division & 0x8000 ? (256 - (division >> 8)) * (division & 255) / 2.0 : division;
    if (!(ticks > 0.0)) return false;
    at += 8 + head;
    std::size_t notes = 0;
    for (int number = 0; end - at >= 8; number++) {
        if (number == MAX_MIDI_CHUNKS) {
            problem = "expected at most 65,535 tracks, found more";
            return false;
        }
        const std::size_t said = big(at + 4, 4), there = static_cast<std::size_t>(end - at) - 8, size = std::min(said, there);
        if (is_chunk(at, "MTrk")) {
            TrackReader track(at + 8, at + 8 + size, number, ticks, out);
            track.read();
            out.tracks += track.notes() > 0;
            notes += track.notes();
            if (notes > MAX_MIDI_NOTES) {
                problem = "expected at most 200,000 notes, found more";
                return false;
            }
        }
        at += 8 + size;
    }
    auto by_time = [](const auto &a, const auto &b) { return a.at < b.at; };
    std::stable_sort(out.metres.begin(), out.metres.end(), by_time);
    std::stable_sort(out.tempi.begin(), out.tempi.end(), by_time);
    problem = out.parts.empty() ? "expected notes, found none" : "";
    return !out.parts.empty();
}

bool read_midi(const std::string &path, MidiTune &out, std::string &problem) {
    std::FILE *file = open_file(path);
    std::vector<unsigned char> bytes;
    unsigned char part[65536];
    bool is_short = true;
    while (file && is_short) {
        const std::size_t n = std::fread(part, 1, sizeof part, file);
        bytes.insert(bytes.end(), part, part + n);
        if (n < sizeof part) break;
        is_short = bytes.size() <= MAX_MIDI_BYTES;
    }
    const bool is_read = file && !std::ferror(file);
    if (file) std::fclose(file);
    const std::string name = path.substr(path.find_last_of("/\\") + 1);
    problem = !is_read ? "expected a file that can be read, found none" : bytes.size() > MAX_MIDI_BYTES ? "expected at most 16 MiB, found more" : "";
    if (problem.empty()) parse_midi(bytes, out, problem);
    if (!problem.empty()) problem = name + ": " + problem;
    return problem.empty();
}

std::string stem_of(const std::string &path) {
    std::string name = path.substr(path.find_last_of("/\\") + 1);
    const std::size_t dot = name.rfind('.');
    if (dot != std::string::npos && dot) name.resize(dot);
    return name.substr(0, MAX_TRACK_NAME);
}

BarLine bar_at(const MidiTune &tune, long long step) {
    BarLine out = {0, 4, 4};
    auto advanced = [](BarLine from, long long to) { // to the bar line at or before a step
        const double size = 16.0 * from.numerator / from.denominator;
        const auto bars = static_cast<long long>(std::floor(static_cast<double>(to - from.step) / size + 1e-9));
        from.step += static_cast<long long>(std::floor(static_cast<double>(bars) * size + 0.5));
        return from;
    };
    for (const MidiTune::Metre &m : tune.metres) {
        const auto at = static_cast<long long>(std::floor(4.0 * m.at + 0.5));
        if (at > step) break;
        out = {at, m.numerator, m.denominator};
    }
    return advanced(out, step);
}

} // namespace latentmix
