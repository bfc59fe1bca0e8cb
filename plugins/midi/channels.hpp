// What channels are set to (programs, drum parts, pitch bend), and which channels play one line. The rules are those of
// `midi_vae/midi/channels.py`.
#pragma once
#include <array>
#include <vector>

#include "notes.hpp"

namespace latentmix {

constexpr int DRUM_CHANNEL = 9, CHANNELS = 16; // the former from 0

using Channels = unsigned; // a set of them, a bit for each

inline bool has(Channels set, int channel) { return set >> channel & 1; }

// Settings of all channels of a file, gathered chunk by chunk.
class ChannelStates {
  public:
    void add(const TrackEvents &events, int chunk, int port);
    bool is_drum(int port, int channel) const;
    double range(int port, int channel) const;   // semitones of a full bend
    std::vector<Channels> zones(int port) const; // those that play the notes of each MPE zone
    int program_at(int port, int channel, long long tick, int chunk, bool is_alone) const; // whatever chunk has set it
    void order_stops(); // once all chunks have been added, and before `stop`
    void stop(std::vector<TickNote> &notes, int port, int chunk) const; // where another chunk stops their channel
    std::size_t programs() const { return programs_; }

  private:
    struct Program {
        long long tick;
        int chunk, program;
    };
    struct Stop {
        int chunk;
        long long tick;
        std::size_t of_other; // the next one of another chunk
    };
    struct State {
        std::vector<Program> programs; // in the order of the file
        std::vector<Stop> stops;
        int drums = -1; // what a setting says
        double range = -1.0;
        Channels zone = 0;
        int zone_order = 0; // among the zones of the file
    };
    using Port = std::array<State, CHANNELS>;

    Port &at(int port);
    const State *find(int port, int channel) const;
    void obey(const Message &message, int port);
    void bend_ranges(const TrackEvents &events, int port);

    std::vector<Port> ports_;
    bool has_xg_ = false, has_stops_ = false;
    int zones_ = 0;
    std::size_t programs_ = 0;
};

// Notes at the pitch at which they sound, by whole semitones; what is bent by two and stays on either side becomes two notes.
void bend_pitches(std::vector<TickNote> &notes, const TrackEvents &events, const ChannelStates &states, int port, double resolution);

// The channels of a chunk, those together that play one line: an MPE zone, channels that take turns, a channel a string.
std::vector<Channels> lines_of(const std::vector<TickNote> &notes, const std::array<int, CHANNELS> &programs, Channels drums,
                               bool is_own_chunk, const std::vector<Channels> &zones);

} // namespace latentmix
