#include "events.hpp"

#include <algorithm>

#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr std::size_t MAX_MESSAGES = 200000, MAX_CONTENT = 512;
constexpr int META = 0xff, SYSTEM = 0xf0, ESCAPE = 0xf7, END_OF_TRACK = 0x2f, LONGEST = 10; // bytes of a time

class TrackReader {
  public:
    TrackReader(const TrackChunk &chunk, TrackEvents &out, std::string &problem)
        : at_(chunk.begin), end_(chunk.end), missing_(chunk.missing), out_(out), problem_(problem) {}

    bool read() {
        while (at_ < end_ && !is_over_)
            if (!event()) return false;
        if (missing_ >= 0 && !is_over_) return cut();
        if (is_backward_) { // nothing is before the start
            for (Event &each : out_.events) each.tick = std::max(each.tick, 0LL);
            for (Message &each : out_.messages) each.tick = std::max(each.tick, 0LL);
            for (ProgramEvent &each : out_.programs) each.tick = std::max(each.tick, 0LL);
            auto by_time = [](const auto &a, const auto &b) { return a.tick < b.tick; };
            sort_rows(out_.events, by_time);
            sort_rows(out_.messages, by_time);
            sort_rows(out_.programs, by_time);
        }
        out_.end = std::max(now_, 0LL);
        return true;
    }

  private:
    bool refuse(const char *line) {
        problem_ = line;
        return false;
    }
    bool cut() {
        return refuse(missing_ > 0 ? "the file is truncated: bytes are missing; save or fetch it again"
                                   : "the file is damaged: a track ends in the middle of an event");
    }

    // A number of up to ten bytes, and how many it has; 0 where it breaks off, more than ten where it does not end.
    int number(unsigned long long &value) {
        value = 0;
        for (int count = 1; count <= LONGEST; count++) {
            if (at_ >= end_) return 0;
            const unsigned char byte = *at_++;
            value = value << 7 | (byte & 127u);
            if (byte < 128) return count;
        }
        return LONGEST + 1;
    }

    bool event() {
        unsigned long long delta;
        const int size = number(delta);
        if (!size) return cut();
        if (size > LONGEST) return refuse("the file is damaged: a time of more than 10 bytes");
        auto passed = static_cast<long long>(delta);
        if (size > 4) { // 32 bits with a sign, which a program wrote of a time before the last event
            passed = static_cast<long long>((delta + (1ull << 31)) & 0xffffffffull) - (1ll << 31);
            is_backward_ = true;
        }
        now_ += passed;
        if (at_ >= end_) return cut();
        const int status = *at_ & 128 ? *at_++ : running_;
        if (status >= 0xf0) return special(status);
        if (!status) return refuse("the file is damaged: an event without a status");
        running_ = status;
        const int kind = status & 0xf0;
        const bool has_one = kind == 0xc0 || kind == 0xd0;
        if (end_ - at_ < (has_one ? 1 : 2)) return cut();
        const unsigned char first = at_[0], second = has_one ? 0 : at_[1];
        at_ += has_one ? 1 : 2;
        if (kind == 0xa0 || kind == 0xd0 || first >= 128) return true; // aftertouch says nothing of notes
        if (kind == 0xc0) {
            if (out_.programs.size() >= MAX_MESSAGES) return refuse("expected at most 200,000 program changes in a track, found more");
            out_.programs.push_back({now_, status & 15, first});
        } else {
            out_.events.push_back({now_, static_cast<unsigned char>(status), first, std::min<unsigned char>(second, 127)});
        }
        return true;
    }

    bool special(int status) {
        switch (status) {
        case 0xf1: case 0xf3: return skipped(1);
        case 0xf2: return skipped(2);
        case 0xf6: case 0xf8: case 0xfa: case 0xfb: case 0xfc: case 0xfe: return true;
        case META: case SYSTEM: case ESCAPE: break;
        default: return refuse("the file is damaged: a status byte that is not defined");
        }
        int kind = SYSEX;
        if (status == META) {
            if (at_ >= end_) return cut();
            kind = *at_++;
        }
        unsigned long long size;
        const int bytes = number(size);
        if (bytes > LONGEST) return refuse("the file is damaged: a length of more than 10 bytes");
        if (!bytes || size > static_cast<unsigned long long>(end_ - at_)) return cut();
        if (status != ESCAPE) {
            if (out_.messages.size() >= MAX_MESSAGES) return refuse("expected at most 200,000 meta events in a track, found more");
            out_.messages.push_back({now_, kind, at_, std::min<std::size_t>(size, MAX_CONTENT)});
        }
        is_over_ = kind == END_OF_TRACK && !size;
        at_ += size;
        return true;
    }

    bool skipped(std::ptrdiff_t bytes) {
        if (bytes > end_ - at_) return cut();
        at_ += bytes;
        return true;
    }

    const unsigned char *at_, *end_;
    long long missing_, now_ = 0;
    int running_ = 0;
    bool is_over_ = false, is_backward_ = false;
    TrackEvents &out_;
    std::string &problem_;
};

} // namespace

bool read_events(const TrackChunk &chunk, TrackEvents &out, std::string &problem) { return TrackReader(chunk, out, problem).read(); }

} // namespace latentmix
