#include "device.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "../engine/shaping.hpp"
#include "melody_file.hpp"
#include "state.hpp"

namespace latentmix {
namespace {

// Renders the voice up to each note, then plays the note and passes it on.
class Sounding final : public NoteSink {
  public:
    Sounding(NoteSink &out, Voice &voice, float *left, float *right, float gain)
        : out_(out), voice_(voice), left_(left), right_(right), gain_(gain) {}

    void note(int frame, bool is_on, int pitch, int velocity, int channel) override {
        render(frame);
        is_on ? voice_.start(pitch, velocity) : voice_.end();
        out_.note(frame, is_on, pitch, velocity, channel);
    }
    void render(int until) {
        if (until > at_) voice_.render(left_ + at_, right_ + at_, until - at_, gain_);
        if (until > at_) at_ = until;
    }

  private:
    NoteSink &out_;
    Voice &voice_;
    float *left_, *right_, gain_;
    int at_ = 0;
};

bool needs_decoding(int parameter) {
    return parameter == MIX_BY || parameter == VARIATION || parameter == SEED ||
           (parameter >= ATTRIBUTE_1 && parameter <= ATTRIBUTE_5);
}

} // namespace

Device::Device(std::shared_ptr<const Weights> weights, const Kernels &kernels)
    : weights_(weights), kernels_(kernels), table_(parameter_table(weights->attributes)), bank_(weights, kernels) {
    for (int p = 0; p < PARAMETERS; p++) values_[p] = table_[p].standard;
    voice_.activate(48000.0);
    worker_ = std::thread([this] { work(); });
    wake_.call();
}

Device::~Device() {
    ends_ = true;
    wake_.call();
    worker_.join();
}

void Device::set(int parameter, double value) {
    if (parameter < 0 || parameter >= PARAMETERS) return;
    const double wanted = table_[parameter].clamp(value);
    if (values_[parameter].exchange(wanted, std::memory_order_release) == wanted || !needs_decoding(parameter)) return;
    if (!asked_.exchange(true)) wake_.call();
}

double Device::get(int parameter) const {
    return parameter < 0 || parameter >= PARAMETERS ? 0.0 : values_[parameter].load(std::memory_order_acquire);
}

PadSettings Device::settings() const {
    PadSettings out;
    out.is_plane = get(MIX_BY) >= 0.5;
    for (int i = 0; i < ATTRIBUTES; i++) out.amounts[i] = static_cast<float>(get(ATTRIBUTE_1 + i));
    out.variation = static_cast<float>(get(VARIATION));
    out.seed = static_cast<unsigned>(get(SEED));
    return out;
}

void Device::work() {
    Network network(weights_, kernels_); // of its own: the bank's is used by whoever loads a melody meanwhile
    Travel travel(network);
    while (true) {
        wake_.wait();
        if (ends_) return;
        asked_ = false; // before looking: what is set from now on calls again
        {
            std::lock_guard<std::mutex> lock(mutex_);
            renew();
        }
        while (find_way(travel)) {
        }
    }
}

bool Device::find_way(Travel &travel) {
    Way way;
    int windows;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!bank_.lacks(settings().is_plane, way)) return false;
        windows = bank_.windows();
    }
    const std::size_t size = way.from.size(), of_window = size / static_cast<std::size_t>(windows);
    way.places.resize(PLACES * size);
    for (std::size_t at = 0; at < size; at += of_window) {
        if (!travel.find(&way.from[at], &way.to[at], &way.places[at], size, &ends_)) return false;
        if (!asked_.exchange(false)) continue;
        std::lock_guard<std::mutex> lock(mutex_); // who turns a knob does not wait for the whole way
        renew();
    }
    std::lock_guard<std::mutex> lock(mutex_);
    bank_.add(way);
    renew();
    found_.notify_all();
    return true;
}

void Device::settle() {
    std::unique_lock<std::mutex> lock(mutex_);
    Way way;
    renew(); // takes what was recorded and asked for
    while (bank_.lacks(settings().is_plane, way)) {
        wake_.call();
        found_.wait(lock);
    }
    renew();
}

void Device::take_recording() {
    if (!recordings_.take()) return;
    const Recording &heard = recordings_.newest();
    Melody melody;
    melody.tokens.assign(heard.tokens, heard.tokens + heard.steps);
    tidy(melody.tokens);
    melody.numerator = heard.numerator;
    melody.denominator = heard.denominator;
    melody.tempo = heard.tempo;
    melody.name = "recorded";
    std::string problem;
    if (melody.has_notes()) place(std::min(heard.slot, static_cast<int>(bank_.melodies().size())), melody, problem);
}

void Device::take_files() {
    for (int slot = 0; slot < SLOTS; slot++) {
        if (!files_[slot].take()) continue;
        std::string problem;
        if (!place_file(slot, files_[slot].newest().path, problem)) std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    }
}

bool Device::place(int slot, const Melody &melody, std::string &problem) {
    std::vector<Melody> melodies = bank_.melodies();
    if (slot < 0 || slot > static_cast<int>(melodies.size()) || slot >= SLOTS || !melody.is_valid()) {
        problem = "expected a melody and a place for it from 1 to 4";
        return false;
    }
    if (slot == static_cast<int>(melodies.size())) melodies.emplace_back();
    melodies[static_cast<std::size_t>(slot)] = melody;
    if (!bank_.set(melodies, problem)) return false;
    melodies_serial_++;
    said_.clear();
    return true;
}

bool Device::place_file(int slot, const std::string &path, std::string &problem) {
    MidiTune tune;
    Melody melody;
    bool is_done = read_midi(path, tune, problem);
    if (is_done) {
        melody.name = stem_of(path);
        const int place_of = std::min(slot, static_cast<int>(bank_.melodies().size())); // slots fill up one after another
        is_done = melody_of(tune, melody, problem) && place(place_of, melody, problem);
        if (!is_done) problem = melody.name + ": " + problem;
    }
    said_ = problem;
    melodies_serial_ += !is_done; // what there is to say is shown with the next pad
    return is_done;
}

void Device::renew() {
    take_recording();
    take_files();
    const PadSettings wanted = settings();
    Way missing;
    const bool is_even = !bank_.lacks(wanted.is_plane, missing);
    if (built_melodies_ == melodies_serial_ && wanted == built_ && is_even == built_evenly_) return;
    Pad &draft = pads_.draft();
    bank_.decode(wanted, draft);
    draft.serial = ++serial_;
    built_ = wanted;
    built_evenly_ = is_even;
    built_melodies_ = melodies_serial_;
    show();
    pads_.publish();
}

void Device::show() {
    Scene &scene = scenes_.draft();
    scene.pad = pads_.draft();
    Picture &p = scene.picture;
    p.melodies = static_cast<int>(bank_.melodies().size());
    p.is_even = built_evenly_;
    std::snprintf(p.said, sizeof p.said, "%s", said_.c_str());
    for (int i = 0; i < p.melodies; i++) {
        const std::vector<int> &tokens = bank_.as_partners()[static_cast<std::size_t>(i)].tokens;
        std::copy(tokens.begin(), tokens.end(), p.slots[i]);
        std::snprintf(p.names[i], MAX_LABEL, "%s", bank_.melodies()[static_cast<std::size_t>(i)].name.c_str());
    }
    scenes_.publish();
}

void Device::look(Picture &to) {
    scenes_.take();
    heard_.take();
    const Scene &scene = scenes_.newest();
    const Heard &heard = heard_.newest();
    to = scene.picture;
    to.at = at_.load(std::memory_order_relaxed);
    if (to.at >= 0.0 && heard.steps) {
        to.steps = heard.steps;
        to.bar = heard.bar;
        to.beat = heard.beat;
        std::copy(heard.tokens, heard.tokens + heard.steps, to.tokens);
        return;
    }
    const Pad &pad = scene.pad;
    if (!pad.serial) return;
    double values[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++) values[p] = get(p);
    int tokens[MAX_PAD_STEPS];
    shaped(pad, wanted_shape(values, pad), tokens);
    to.at = -1.0;
    to.steps = pad.steps;
    to.bar = std::max(1, steps_per_bar(pad.numerator, pad.denominator));
    to.beat = steps_a_beat(pad.numerator, pad.denominator);
    std::copy(tokens, tokens + pad.steps, to.tokens);
}

void Device::activate(double rate, bool waits_for_ways) {
    if (waits_for_ways) {
        settle();
    } else {
        std::lock_guard<std::mutex> lock(mutex_);
        renew();
    }
    rate_ = rate > 0.0 ? rate : 48000.0;
    reset();
}

void Device::reset() {
    player_.activate(rate_);
    voice_.activate(rate_);
}

std::vector<Melody> Device::melodies() const {
    std::lock_guard<std::mutex> lock(mutex_);
    return bank_.melodies();
}

bool Device::load(int slot, const Melody &melody, std::string &problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool is_done = place(slot, melody, problem);
    renew();
    wake_.call();
    return is_done;
}

bool Device::load_file(int slot, const std::string &path, std::string &problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool is_done = place_file(slot, path, problem);
    renew();
    wake_.call();
    return is_done;
}

void Device::ask_for_file(int slot, const char *path, std::size_t length) {
    if (slot < 0 || slot >= SLOTS || !length || length >= MAX_MIDI_PATH) return;
    File &file = files_[slot].draft();
    std::memcpy(file.path, path, length);
    file.path[length] = 0;
    files_[slot].publish();
    if (!asked_.exchange(true)) wake_.call();
}

std::string Device::save() const {
    State state;
    for (int p = 0; p < PARAMETERS; p++) state.values.emplace_back(table_[p].symbol, get(p));
    std::lock_guard<std::mutex> lock(mutex_);
    state.fingerprint = bank_.weights().fingerprint;
    state.melodies = bank_.melodies();
    state.latents = bank_.latents();
    return write_state(state);
}

bool Device::restore(const std::string &text, std::string &problem, bool with_parameters) {
    State state;
    if (!read_state(text, state, problem)) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    const bool is_ours = state.fingerprint == bank_.weights().fingerprint;
    if (!bank_.set(state.melodies, problem, is_ours ? state.latents : std::vector<float>())) return false;
    melodies_serial_++;
    for (const auto &[symbol, value] : state.values)
        for (int p = 0; with_parameters && p < PARAMETERS; p++)
            if (table_[p].symbol == symbol) values_[p] = table_[p].clamp(value);
    renew();
    wake_.call();
    return true;
}

void Device::process(const Transport &transport, const NoteIn *in, int count, int frames, NoteSink &out, float *left,
                     float *right, bool is_offline) {
    if (is_offline) settle();
    pads_.take();
    double values[PARAMETERS];
    for (int p = 0; p < PARAMETERS; p++) values[p] = values_[p].load(std::memory_order_acquire);
    const float gain = static_cast<float>(std::pow(10.0, values[VOLUME] / 20.0));
    Recording &draft = recordings_.draft();
    bool is_whole;
    if (left) {
        Sounding sounding(out, voice_, left, right, gain);
        is_whole = player_.process(transport, values, pads_.newest(), in, count, frames, sounding, draft);
        sounding.render(frames);
    } else {
        is_whole = player_.process(transport, values, pads_.newest(), in, count, frames, out, draft);
    }
    if (player_.changes() != shown_) {
        Heard &heard = heard_.draft();
        heard.steps = player_.steps();
        heard.bar = player_.bar();
        heard.beat = player_.beat();
        std::copy(player_.tokens(), player_.tokens() + heard.steps, heard.tokens);
        heard_.publish();
        shown_ = player_.changes();
    }
    at_.store(player_.at(), std::memory_order_relaxed);
    if (is_whole) {
        recordings_.publish();
        if (!asked_.exchange(true)) wake_.call();
    }
}

} // namespace latentmix
