#include "channels.hpp"

#include <algorithm>

#include "../engine/order.hpp"

namespace latentmix {
namespace {

constexpr int BANK = 0, DATA_ENTRY = 6, DATA_ENTRY_FINE = 38, RPN_FINE = 100, RPN = 101; // controllers
constexpr int XG_DRUMS = 127, XG_EFFECTS = 126, GM2_DRUMS = 120, GM2_MELODIC = 121;      // banks
constexpr int BEND_RANGE = 0, MPE_ZONE = 6;                                              // registered parameters
constexpr double USUAL_RANGE = 2.0, MPE_RANGE = 48.0;                                    // semitones

} // namespace

ChannelStates::Port &ChannelStates::at(int port) {
    if (ports_.size() <= static_cast<std::size_t>(port)) ports_.resize(static_cast<std::size_t>(port) + 1);
    return ports_[static_cast<std::size_t>(port)];
}

const ChannelStates::State *ChannelStates::find(int port, int channel) const {
    const auto place = static_cast<std::size_t>(port);
    return place < ports_.size() ? &ports_[place][static_cast<std::size_t>(channel)] : nullptr;
}

void ChannelStates::add(const TrackEvents &events, int chunk, int port) {
    Port &states = at(port);
    for (const ProgramEvent &each : events.programs)
        states[static_cast<std::size_t>(each.channel)].programs.push_back({each.tick, chunk, each.program});
    programs_ += events.programs.size();
    for (const Message &message : events.messages)
        if (message.kind == SYSEX) obey(message, port);
    for (const Event &event : events.events) {
        if (event.kind() != 0xb0) continue;
        State &state = states[static_cast<std::size_t>(event.channel())];
        if (event.first == BANK) {
            if (event.second == XG_DRUMS || event.second == GM2_DRUMS || (event.second == XG_EFFECTS && has_xg_)) state.drums = 1;
            if (event.second == GM2_MELODIC) state.drums = 0;
        }
        if (is_stop(event)) state.stops.push_back({chunk, event.tick, 0});
        has_stops_ = has_stops_ || is_stop(event);
    }
    bend_ranges(events, port);
}

void ChannelStates::obey(const Message &message, int port) {
    const unsigned char *c = message.content;
    if (message.size >= 8 && c[0] == 0x41 && c[2] == 0x42 && c[3] == 0x12) { // Roland GS, data set
        if (c[4] != 0x40 || (c[5] & 0xf0) != 0x10 || c[6] != 0x15) return;
        const int part = c[5] & 15, channel = part == 0 ? DRUM_CHANNEL : part <= DRUM_CHANNEL ? part - 1 : part;
        at(port)[static_cast<std::size_t>(channel)].drums = c[7] == 1 || c[7] == 2;
    } else if (message.size >= 7 && c[0] == 0x43 && c[2] == 0x4c) { // Yamaha XG, parameter change
        has_xg_ = true;
        if (c[3] == 0x08 && c[5] == 0x07 && c[4] < 16) at(port)[c[4]].drums = c[6] != 0;
    }
}

// Semitones of a full bend as registered parameter 0 sets them, and MPE zones.
void ChannelStates::bend_ranges(const TrackEvents &events, int port) {
    double ranges[CHANNELS], coarse[CHANNELS]; // the latter without hundredths
    int chosen[CHANNELS][2];
    for (int i = 0; i < CHANNELS; i++) {
        ranges[i] = coarse[i] = -1.0;
        chosen[i][0] = chosen[i][1] = 127;
    }
    for (const Event &event : events.events) {
        if (event.kind() != 0xb0) continue;
        const int channel = event.channel(), control = event.first, value = event.second;
        const bool is_range = chosen[channel][0] == 0 && chosen[channel][1] == BEND_RANGE;
        if (control == RPN || control == RPN_FINE) {
            chosen[channel][control == RPN_FINE] = value;
        } else if (is_range && control == DATA_ENTRY) {
            ranges[channel] = coarse[channel] = value;
        } else if (is_range && control == DATA_ENTRY_FINE && ranges[channel] >= 0) {
            ranges[channel] = coarse[channel] + value / 100.0;
        } else if (chosen[channel][0] == 0 && chosen[channel][1] == MPE_ZONE && control == DATA_ENTRY && value) {
            const int count = std::min(value, 15), first = channel ? 15 - count : 1;
            Channels zone = 0;
            for (int member = first; member < first + count; member++) {
                zone |= 1u << member;
                if (ranges[member] < 0) ranges[member] = coarse[member] = MPE_RANGE;
            }
            State &state = at(port)[static_cast<std::size_t>(channel)];
            if (!state.zone) state.zone_order = zones_++;
            state.zone = zone;
        }
    }
    for (int i = 0; i < CHANNELS; i++)
        if (ranges[i] >= 0) at(port)[static_cast<std::size_t>(i)].range = ranges[i];
}

bool ChannelStates::is_drum(int port, int channel) const {
    const State *state = find(port, channel);
    return state && state->drums >= 0 ? state->drums > 0 : channel == DRUM_CHANNEL;
}

double ChannelStates::range(int port, int channel) const {
    const State *state = find(port, channel);
    return state && state->range >= 0 ? state->range : USUAL_RANGE;
}

std::vector<Channels> ChannelStates::zones(int port) const {
    std::vector<const State *> found;
    for (int channel = 0; zones_ && channel < CHANNELS; channel++)
        if (const State *state = find(port, channel); state && state->zone) found.push_back(state);
    sort_rows(found, [](const State *a, const State *b) { return a->zone_order < b->zone_order; });
    std::vector<Channels> out;
    for (const State *each : found) out.push_back(each->zone);
    return out;
}

int ChannelStates::program_at(int port, int channel, long long tick, int chunk, bool is_alone) const {
    const State *state = find(port, channel);
    if (!state) return 0;
    if (state->programs.empty() && zones_) { // a zone has the program of its main channel; of several zones the first
        const State *zone = nullptr;
        for (int main = 0; main < CHANNELS; main++)
            if (const State *each = find(port, main); has(each->zone, channel) && (!zone || each->zone_order < zone->zone_order)) zone = each;
        state = zone ? zone : state;
    }
    const Program *last = nullptr, *own = nullptr, *any = nullptr; // in force; the first of this chunk, of all
    for (const Program &each : state->programs) {
        const bool is_own = each.chunk == chunk;
        if (is_own && !own) own = &each;
        if (!any) any = &each;
        if ((is_alone && !is_own) || each.tick > tick) continue;
        // of several on a tick the last one of this chunk, else the last one of all
        if (!last || each.tick > last->tick || (each.tick == last->tick && (is_own || last->chunk != chunk))) last = &each;
    }
    if (last) return last->program;
    return own ? own->program : any && !is_alone ? any->program : 0;
}

void ChannelStates::order_stops() {
    for (Port &port : ports_)
        for (State &state : port) {
            std::vector<Stop> &stops = state.stops;
            sort_rows(stops, [](const Stop &a, const Stop &b) { return a.tick < b.tick; });
            for (std::size_t i = stops.size(); i-- > 0;) {
                const bool is_last = i + 1 == stops.size();
                stops[i].of_other = is_last || stops[i + 1].chunk != stops[i].chunk ? i + 1 : stops[i + 1].of_other;
            }
        }
}

void ChannelStates::stop(std::vector<TickNote> &notes, int port, int chunk) const {
    for (TickNote &note : notes) {
        const State *state = has_stops_ ? find(port, note.channel) : nullptr;
        if (!state) return;
        const std::vector<Stop> &stops = state->stops;
        const auto after = std::upper_bound(stops.begin(), stops.end(), note.start, [](long long t, const Stop &s) { return t < s.tick; });
        auto next = static_cast<std::size_t>(after - stops.begin());
        if (next < stops.size() && stops[next].chunk == chunk) next = stops[next].of_other;
        if (next < stops.size()) note.end = std::min(note.end, stops[next].tick);
    }
}

} // namespace latentmix
