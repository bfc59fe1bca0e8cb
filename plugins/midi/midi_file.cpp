#include "midi_file.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "channels.hpp"
#include "lyrics.hpp"
#include "names.hpp"
#include "../engine/order.hpp"
#if !defined(__wasi__)
#include "../engine/file.hpp"
#endif

namespace latentmix {
namespace {

constexpr double MAX_BEATS = 100000.0;
constexpr std::size_t MAX_CHANGES = 100000, MAX_NAME = 800;
constexpr int TEXT = 1, TRACK_NAME = 3, INSTRUMENT_NAME = 4, LYRIC = 5, PORT = 0x21, TEMPO = 0x51, METRE = 0x58, KEY = 0x59;
constexpr const char *TOO_MANY = "expected at most 500,000 notes in 1,000 tracks, found more";

bool refuse(std::string &problem, const char *line) {
    problem = line;
    return false;
}

struct Row { // a tempo, a metre
    long long tick;
    int chunk, first, second;
};

// What the chunks of a file add up to; times in ticks.
class Found {
  public:
    Found(const Chunks &chunks, MidiTune &out, std::string &problem) : chunks_(chunks), out_(out), problem_(problem) {}

    bool read() {
        for (const TrackChunk &chunk : chunks_.tracks)
            if (!add(chunk)) return false;
        if (parts_.empty()) return refuse(problem_, "expected notes, found none");
        if (out_.writer == Writer::MMA) mend_metres();
        set_timelines();
        states_.order_stops();
        for (Part &part : parts_) {
            if (chunks_.kind < 2) states_.stop(part.notes, part.port, part.chunk);
            if (!add_lines(part)) return false;
        }
        set_length_and_lyrics();
        return true;
    }

  private:
    struct Part {
        int chunk, port;
        std::vector<TickNote> notes;
    };

    double beats(long long tick) const { return static_cast<double>(tick) / chunks_.resolution; }

    bool add(const TrackChunk &chunk) {
        TrackEvents events;
        if (!read_events(chunk, events, problem_)) return false;
        const int index = static_cast<int>(out_.names.size());
        out_.names.emplace_back();
        int port = 0;
        for (const Message &message : events.messages) {
            if (message.kind == PORT && message.size) port = message.content[0];
            add_meta(message, index);
        }
        if (tempi_.size() + metres_.size() + keys_ > MAX_CHANGES) return refuse(problem_, "expected at most 100,000 changes of tempo, metre and key, found more");
        states_.add(events, index, port);
        if (states_.programs() > MAX_CHANGES) return refuse(problem_, "expected at most 100,000 program changes, found more");
        const auto last = static_cast<long long>(MAX_BEATS * chunks_.resolution);
        end_ = std::max(end_, std::min(events.end, last));
        if (count_notes(events) > MAX_MIDI_NOTES) return refuse(problem_, TOO_MANY); // before they take more memory
        std::vector<TickNote> notes = pair_notes(events);
        if (notes.empty()) return true;
        if (notes.back().start > last) return refuse(problem_, "expected at most 100,000 beats, found a note after them");
        count_ += notes.size();
        if (count_ > MAX_MIDI_NOTES || parts_.size() >= MAX_MIDI_PARTS) return refuse(problem_, TOO_MANY);
        for (TickNote &note : notes) note.end = std::min(note.end, last);
        bend_pitches(notes, events, states_, port, chunks_.resolution);
        parts_.push_back({index, port, std::move(notes)});
        return true;
    }

    void add_meta(const Message &m, int index) {
        const std::string text(reinterpret_cast<const char *>(m.content), m.size);
        std::string &name = out_.names.back();
        if (m.kind == TRACK_NAME || m.kind == INSTRUMENT_NAME) {
            if (is_blank(name)) name = text.substr(0, MAX_NAME);
        } else if (m.kind == LYRIC || m.kind == TEXT) {
            const std::string head = text.substr(0, 40);
            const auto says = [&](const char *sign) { return head.find(sign) != std::string::npos; };
            if (out_.writer == Writer::UNKNOWN)
                out_.writer = says("Created by MMA") ? Writer::MMA : says("note track") ? Writer::ABC2MIDI : says("LilyPond ") ? Writer::LILYPOND : Writer::UNKNOWN;
            std::vector<Lyric> &words = m.kind == LYRIC ? lyrics_ : texts_;
            if (m.tick && (text.empty() || (text[0] != '@' && text[0] != '(')) && words.size() < MAX_SYLLABLES)
                words.push_back({m.tick, text.substr(0, text.find_last_not_of('\0') + 1)}); // C's end of a text, which some write
        } else if (m.kind == TEMPO && m.size == 3) {
            const int us = m.content[0] << 16 | m.content[1] << 8 | m.content[2];
            if (us) tempi_.push_back({m.tick, index, us, 0});
        } else if (m.kind == METRE && m.size >= 2 && m.content[0] && m.content[1] <= 6) {
            metres_.push_back({m.tick, index, m.content[0], 1 << m.content[1]});
        } else if (m.kind == KEY && m.size >= 2 && (m.content[0] <= 7 || m.content[0] >= 249)) {
            keys_++; // they say nothing to the plugins, but a file may have so many
        }
    }

    // A bar of MMA is as many quarters as its signature has beats: six, or two with thirds of beats.
    void mend_metres() {
        double count = 0, on_thirds = 0, on_beats = 0;
        for (const Part &part : parts_)
            for (const TickNote &note : part.notes) {
                const double place = beats(note.start) - std::floor(beats(note.start));
                count++;
                on_thirds += std::min(std::abs(place - 1 / 3.0), std::abs(place - 2 / 3.0)) < 0.03;
                on_beats += std::min(place, 1 - place) < 0.03;
            }
        for (Row &m : metres_) {
            if (m.second != 8 || m.first % 3 || m.first < 6) continue;
            if (on_thirds / count >= 0.05) m.first /= 3;
            else if (on_beats / count < 0.9) continue;
            m.second = 4;
        }
    }

    void set_timelines() {
        const auto by_time = [](const Row &a, const Row &b) { return a.tick < b.tick; };
        sort_rows(tempi_, by_time);
        sort_rows(metres_, by_time);
        const std::size_t count = chunks_.kind == 2 ? out_.names.size() : 1;
        out_.timelines.resize(count);
        for (Timeline &each : out_.timelines) each.tempi.push_back({0.0, 120.0});
        for (const Row &row : tempi_) {
            auto &tempi = out_.timelines[count > 1 ? static_cast<std::size_t>(row.chunk) : 0].tempi;
            if (chunks_.is_time_code) break;
            if (tempi.back().at == beats(row.tick)) tempi.pop_back();
            tempi.push_back({beats(row.tick), 6e7 / row.first});
        }
        for (const Row &row : metres_)
            out_.timelines[count > 1 ? static_cast<std::size_t>(row.chunk) : 0].metres.push_back({beats(row.tick), row.first, row.second});
    }

    bool add_lines(const Part &part) {
        std::array<int, CHANNELS> programs = {};
        Channels drums = 0, seen = 0;
        for (const TickNote &note : part.notes) {
            if (has(seen, note.channel)) continue;
            seen |= 1u << note.channel;
            programs[static_cast<std::size_t>(note.channel)] = states_.program_at(part.port, note.channel, note.start, part.chunk, chunks_.kind == 2);
            if (states_.is_drum(part.port, note.channel)) drums |= 1u << note.channel;
        }
        for (const Channels line : lines_of(part.notes, programs, drums, parts_.size() > 1, states_.zones(part.port))) {
            MidiPart out;
            out.chunk = part.chunk;
            while (!has(line, out.channel)) out.channel++;
            out.program = programs[static_cast<std::size_t>(out.channel)];
            out.is_drum = !(line & ~drums);
            out.name = out_.names[static_cast<std::size_t>(part.chunk)];
            out.timeline = out_.timelines.size() > 1 ? static_cast<std::size_t>(part.chunk) : 0;
            for (const TickNote &note : part.notes)
                if (has(line, note.channel)) out.notes.push_back({beats(note.start), beats(note.end), note.pitch, note.velocity});
            out_.parts.push_back(std::move(out));
            if (out_.parts.size() > MAX_MIDI_PARTS) return refuse(problem_, TOO_MANY);
        }
        return true;
    }

    void set_length_and_lyrics() {
        out_.length = beats(end_);
        for (const MidiPart &part : out_.parts)
            for (const MidiNote &note : part.notes) out_.length = std::max(out_.length, note.end);
        std::vector<long long> sung = syllables(std::move(lyrics_));
        if (sung.size() <= 8) sung = syllables(std::move(texts_));
        sort_values(sung);
        sung.erase(std::unique(sung.begin(), sung.end()), sung.end());
        for (const long long tick : sung) out_.syllables.push_back(beats(tick));
    }

    const Chunks &chunks_;
    MidiTune &out_;
    std::string &problem_;
    ChannelStates states_;
    std::vector<Part> parts_;
    std::vector<Row> tempi_, metres_;
    std::vector<Lyric> lyrics_, texts_;
    std::size_t count_ = 0, keys_ = 0;
    long long end_ = 0;
};

} // namespace

double Timeline::tempo_at(double beat) const {
    const auto after = std::upper_bound(tempi.begin(), tempi.end(), beat, [](double b, const Tempo &t) { return b < t.at; });
    return after == tempi.begin() ? after->tempo : (after - 1)->tempo;
}

bool parse_midi(const unsigned char *data, std::size_t size, MidiTune &out, std::string &problem) {
    Chunks chunks;
    problem.clear();
    return split_chunks(data, size, chunks, problem) && Found(chunks, out, problem).read();
}

#if !defined(__wasi__)
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
    if (problem.empty()) parse_midi(bytes.data(), bytes.size(), out, problem);
    if (!problem.empty()) problem = name + ": " + problem;
    return problem.empty();
}
#endif

std::string stem_of(const std::string &path) {
    constexpr std::size_t MAX_STEM = 63;
    std::string name = path.substr(path.find_last_of("/\\") + 1);
    const std::size_t dot = name.rfind('.');
    if (dot != std::string::npos && dot) name.resize(dot);
    return name.substr(0, MAX_STEM);
}

} // namespace latentmix
