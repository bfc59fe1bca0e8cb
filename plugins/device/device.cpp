#include "device.hpp"

#include "device_of.hpp"
#include "drum_player.hpp"
#include "groove_file.hpp"
#include "../engine/chart.hpp"
#include "../engine/crossing.hpp"
#include "../midi/melody_file.hpp"
#include "player.hpp"

namespace latentmix {
namespace {

// What a device of melodies is made of.
struct Melodies {
    using Piece = Melody;
    using Weights = latentmix::Weights;
    using Pad = latentmix::Pad;
    using Bank = latentmix::Bank;
    using Player = latentmix::Player;
    using Recording = latentmix::Recording;
    static constexpr int KIND = MELODY_KIND;

    struct Finder { // of ways; the network is of its own: the bank's is used by whoever loads a melody meanwhile
        Network network;
        Travel travel;
        Chart chart;
        Crossing crossing;
        Finder(std::shared_ptr<const Weights> weights, const Kernels &kernels)
            : network(std::move(weights), kernels), travel(network), chart(network), crossing(network) {}

        // The places of a way; false where `watch` ended the search. Shares are those of a plane's places.
        bool find(Way &way, int windows, const std::vector<float> &shares, Watch &watch) {
            const std::size_t of_window = static_cast<std::size_t>(network.weights().sizes.latent_size);
            const std::size_t size = of_window * static_cast<std::size_t>(windows), pieces = way.ends.size() / size;
            if (way.field == Field::GROUPS) return crossing.plane(way.pieces[0], way.pieces[1], way.places, &watch);
            const std::size_t places = way.field == Field::PLANE ? shares.size() / pieces : PLACES;
            way.places.resize(places * size);
            for (std::size_t at = 0; at < size; at += of_window) {
                const float *first = &way.ends[at];
                float *to = &way.places[at];
                const bool is_whole = way.field == Field::PLANE ? chart.find(first, size, static_cast<int>(pieces), shares.data(), static_cast<int>(places), to, size, &watch)
                                                                : travel.find(first, first + size, to, size, &watch);
                if (!is_whole) return false;
            }
            return true;
        }
    };
    static std::vector<Melody> &of(State &state) { return state.melodies; }
    static bool read(const MidiTune &tune, Melody &to, std::string &problem) { return melody_of(tune, to, problem); }
    static bool take(const Recording &heard, Melody &to) {
        to.tokens.assign(heard.tokens, heard.tokens + heard.steps);
        tidy(to.tokens);
        return to.has_notes();
    }
    static void show(const Melody &melody, Notes &to) { std::copy(melody.tokens.begin(), melody.tokens.end(), to.tokens); }
};

struct Grooves {
    using Piece = Groove;
    using Weights = DrumWeights;
    using Pad = DrumPad;
    using Bank = DrumBank;
    using Player = DrumPlayer;
    using Recording = DrumRecording;
    static constexpr int KIND = DRUM_KIND;

    struct Finder { // nobody looks for ways (`DrumBank`)
        Finder(std::shared_ptr<const DrumWeights>, const Kernels &) {}
        bool find(Way &, int, const std::vector<float> &, Watch &) { return false; }
    };
    static std::vector<Groove> &of(State &state) { return state.grooves; }
    static bool read(const MidiTune &tune, Groove &to, std::string &problem) { return groove_of(tune, to, problem); }
    static bool take(const Recording &heard, Groove &to) {
        to.hits.resize(static_cast<std::size_t>(heard.steps) * DRUMS);
        bool is_played = false;
        for (int s = 0; s < heard.steps; s++)
            for (int d = 0; d < DRUMS; d++) {
                const std::uint8_t velocity = heard.velocities[s][d];
                to.hits[static_cast<std::size_t>(s) * DRUMS + static_cast<std::size_t>(d)] = {velocity, velocity ? heard.offsets[s][d] : 0.0f};
                is_played |= velocity > 0;
            }
        return is_played;
    }
    static void show(const Groove &groove, Notes &to) {
        for (std::size_t i = 0; i < groove.hits.size(); i++) to.hits[i / DRUMS][i % DRUMS] = groove.hits[i].velocity;
    }
};

} // namespace

std::unique_ptr<Device> Device::make(const Model &model, const Kernels &kernels) {
    if (model.drums) return std::unique_ptr<Device>(new DeviceOf<Grooves>(model.drums, {}, kernels));
    return std::unique_ptr<Device>(new DeviceOf<Melodies>(model.melodies, model.melodies->attributes, kernels));
}

Device::Device(std::vector<ParameterInfo> table) : table_(std::move(table)) {
    for (int p = 0; p < PARAMETERS; p++) {
        index_[p] = index_of(table_, p);
        values_[p] = index_[p] < 0 ? 0.0 : table_[static_cast<std::size_t>(index_[p])].standard;
    }
}

void Device::set(int parameter, double value) {
    if (parameter < 0 || parameter >= PARAMETERS || index_[parameter] < 0) return;
    const double wanted = table_[static_cast<std::size_t>(index_[parameter])].clamp(value);
    if (values_[parameter].exchange(wanted, std::memory_order_release) == wanted || !PadSettings::has(parameter)) return;
    call_worker();
}

double Device::get(int parameter) const {
    return parameter < 0 || parameter >= PARAMETERS ? 0.0 : values_[parameter].load(std::memory_order_acquire);
}

void Device::values(double *to) const {
    for (int p = 0; p < PARAMETERS; p++) to[p] = values_[p].load(std::memory_order_acquire);
}

} // namespace latentmix
