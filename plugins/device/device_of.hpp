// `Device` for one kind of model: `Kind` names pieces, weights, pads, player and recording of it, and says how a piece is read,
// taken from a recording and shown.
#pragma once
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <thread>

#include "../midi/midi_file.hpp"
#include "device.hpp"
#include "handover.hpp"
#include "mixes.hpp"
#include "state.hpp"
#include "voice.hpp"
#include "wake.hpp"

namespace latentmix {

template <class Kind> class DeviceOf final : public Device, private Watch {
  public:
    using Piece = typename Kind::Piece;
    using Pad = typename Kind::Pad;
    using Weights = typename Kind::Weights;

    DeviceOf(std::shared_ptr<const Weights> weights, const std::vector<std::string> &attributes, const Kernels &kernels);
    ~DeviceOf() override;

    void activate(double rate, bool waits_for_ways) override;
    void settle() override;
    bool load_file(int slot, const std::string &path, std::string &problem) override;
    std::string save() const override;
    bool restore(const std::string &state, std::string &problem, bool with_parameters) override;
    void reset() override;
    void ask_for_file(int slot, const char *path, std::size_t length) override;
    void process(const Transport &transport, const NoteIn *in, int count, int frames, NoteSink &out, float *left, float *right,
                 bool is_offline) override;
    void look(Picture &to) override;

  private:
    struct Scene { // from who decodes to windows
        Pad pad;
        Picture picture;
    };
    struct File {
        char path[MAX_MIDI_PATH] = "";
    };

    void call_worker() override {
        if (!asked_.exchange(true)) wake_.call();
    }
    PadSettings settings() const;
    void show(); // to windows what `draft` of the pads has become; called with the mutex held
    void work();
    bool find_way(typename Kind::Finder &finder); // that the pad lacks; false where it lacks none, or the device ends
    bool goes_on() override; // with the search of `sought_`; who turns a knob does not wait until it is over
    void renew(); // decodes a pad where another one is wanted; called with the mutex held
    void take_recording();
    void take_files();
    bool place(int slot, const Piece &piece, std::string &problem);
    bool place_file(int slot, const std::string &path, std::string &problem);

    const std::shared_ptr<const Weights> weights_;
    const Kernels &kernels_;
    mutable std::mutex mutex_; // of what follows: main threads and worker, never the audio thread in real time
    std::condition_variable found_; // a way
    typename Kind::Bank bank_;
    PadSettings built_;
    bool built_evenly_ = false;
    unsigned serial_ = 0, pieces_serial_ = 1, built_pieces_ = 0;
    unsigned sought_pieces_ = 0; // what the worker searches for
    Field sought_field_ = Field::LINE;

    Handover<Pad> pads_;
    Handover<Scene> scenes_;
    Handover<Shown> heard_; // from the audio thread to windows
    std::atomic<double> at_{-1.0};
    unsigned shown_ = 0; // the player's changes that `heard_` knows
    Handover<typename Kind::Recording> recordings_;
    Handover<File> files_[SLOTS]; // asked for by the audio thread
    std::string said_;            // of the last file, where there was something to say
    std::atomic<bool> ends_{false}, asked_{false};
    typename Kind::Player player_;
    Voice voice_;
    double rate_ = 48000.0;
    Wake wake_;
    std::thread worker_;
};

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

template <class Kind>
DeviceOf<Kind>::DeviceOf(std::shared_ptr<const Weights> weights, const std::vector<std::string> &attributes, const Kernels &kernels)
    : Device(parameter_table(Kind::KIND, attributes)), weights_(weights), kernels_(kernels), bank_(weights, kernels) {
    voice_.activate(48000.0);
    worker_ = std::thread([this] { work(); });
    wake_.call();
}

template <class Kind> DeviceOf<Kind>::~DeviceOf() {
    ends_ = true;
    wake_.call();
    worker_.join();
}

template <class Kind> PadSettings DeviceOf<Kind>::settings() const {
    double now[PARAMETERS];
    values(now);
    return PadSettings(now);
}

template <class Kind> void DeviceOf<Kind>::work() {
    typename Kind::Finder finder(weights_, kernels_);
    while (true) {
        wake_.wait();
        if (ends_) return;
        asked_.exchange(false); // before looking: what is set from now on calls again; with the writes of who called
        {
            std::lock_guard<std::mutex> lock(mutex_);
            renew();
        }
        while (find_way(finder)) {
        }
    }
}

template <class Kind> bool DeviceOf<Kind>::find_way(typename Kind::Finder &finder) {
    Way way;
    std::vector<float> shares;
    int windows;
    {
        std::lock_guard<std::mutex> lock(mutex_);
        sought_field_ = settings().field;
        sought_pieces_ = pieces_serial_;
        if (!bank_.lacks(sought_field_, way)) return false;
        windows = bank_.windows();
        if (way.field == Field::PLANE) shares = bank_.chart_shares();
    }
    const bool is_whole = finder.find(way, windows, shares, *this);
    std::lock_guard<std::mutex> lock(mutex_);
    if (!is_whole) return !ends_;
    bank_.add(way);
    renew();
    found_.notify_all();
    return true;
}

template <class Kind> bool DeviceOf<Kind>::goes_on() {
    if (ends_) return false;
    if (!asked_.exchange(false)) return true;
    std::lock_guard<std::mutex> lock(mutex_);
    renew();
    return sought_pieces_ == pieces_serial_ && sought_field_ == settings().field; // else something else is to be found first
}

template <class Kind> void DeviceOf<Kind>::settle() {
    std::unique_lock<std::mutex> lock(mutex_);
    Way way;
    renew(); // takes what was recorded and asked for
    while (bank_.lacks(settings().field, way)) {
        call_worker();
        found_.wait(lock);
    }
    renew();
}

template <class Kind> void DeviceOf<Kind>::take_recording() {
    if (!recordings_.take()) return;
    const typename Kind::Recording &heard = recordings_.newest();
    Piece piece;
    piece.numerator = heard.numerator;
    piece.denominator = heard.denominator;
    piece.tempo = heard.tempo;
    piece.name = "recorded";
    std::string problem;
    if (Kind::take(heard, piece)) place(std::min(heard.slot, static_cast<int>(bank_.pieces().size())), piece, problem);
}

template <class Kind> void DeviceOf<Kind>::take_files() {
    for (int slot = 0; slot < SLOTS; slot++) {
        if (!files_[slot].take()) continue;
        std::string problem;
        if (!place_file(slot, files_[slot].newest().path, problem)) std::fprintf(stderr, "latentmix: %s\n", problem.c_str());
    }
}

template <class Kind> bool DeviceOf<Kind>::place(int slot, const Piece &piece, std::string &problem) {
    std::vector<Piece> pieces = bank_.pieces();
    if (slot < 0 || slot > static_cast<int>(pieces.size()) || slot >= SLOTS || !piece.is_valid()) {
        problem = "expected a piece and a place for it from 1 to 4";
        return false;
    }
    if (slot == static_cast<int>(pieces.size())) pieces.emplace_back();
    pieces[static_cast<std::size_t>(slot)] = piece;
    if (!bank_.set(pieces, problem)) return false;
    pieces_serial_++;
    changes_++;
    said_.clear();
    return true;
}

template <class Kind> bool DeviceOf<Kind>::place_file(int slot, const std::string &path, std::string &problem) {
    MidiTune tune;
    Piece piece;
    bool is_done = read_midi(path, tune, problem);
    if (is_done) {
        piece.name = stem_of(path);
        const int place_of = std::min(slot, static_cast<int>(bank_.pieces().size())); // slots fill up one after another
        is_done = Kind::read(tune, piece, problem) && place(place_of, piece, problem);
        if (!is_done) problem = piece.name + ": " + problem;
    }
    said_ = problem;
    pieces_serial_ += !is_done; // what there is to say is shown with the next pad
    return is_done;
}

template <class Kind> void DeviceOf<Kind>::renew() {
    take_recording();
    take_files();
    const PadSettings wanted = settings();
    Way missing;
    const bool is_even = !bank_.lacks(wanted.field, missing);
    if (built_pieces_ == pieces_serial_ && wanted == built_ && is_even == built_evenly_) return;
    Pad &draft = pads_.draft();
    bank_.decode(wanted, draft);
    draft.serial = ++serial_;
    built_ = wanted;
    built_evenly_ = is_even;
    built_pieces_ = pieces_serial_;
    show();
    pads_.publish();
}

template <class Kind> void DeviceOf<Kind>::show() {
    Scene &scene = scenes_.draft();
    scene.pad = pads_.draft();
    Picture &p = scene.picture;
    p.kind = Kind::KIND;
    p.pieces = static_cast<int>(bank_.pieces().size());
    p.is_even = built_evenly_;
    std::snprintf(p.said, sizeof p.said, "%s", said_.c_str());
    for (int i = 0; i < p.pieces; i++) {
        p.slots[i] = {};
        Kind::show(bank_.as_partners()[static_cast<std::size_t>(i)], p.slots[i]);
        std::snprintf(p.names[i], MAX_LABEL, "%s", bank_.pieces()[static_cast<std::size_t>(i)].name.c_str());
    }
    scenes_.publish();
}

template <class Kind> void DeviceOf<Kind>::look(Picture &to) {
    scenes_.take();
    heard_.take();
    const Scene &scene = scenes_.newest();
    to = scene.picture;
    to.at = at_.load(std::memory_order_relaxed);
    if (to.at >= 0.0 && heard_.newest().steps) {
        to.shown = heard_.newest();
        return;
    }
    if (!scene.pad.serial) return;
    double now[PARAMETERS];
    values(now);
    to.at = -1.0;
    Kind::Player::show_wanted(scene.pad, now, to.shown);
}

template <class Kind> void DeviceOf<Kind>::activate(double rate, bool waits_for_ways) {
    if (waits_for_ways) {
        settle();
    } else {
        std::lock_guard<std::mutex> lock(mutex_);
        renew();
    }
    rate_ = rate > 0.0 ? rate : 48000.0;
    reset();
}

template <class Kind> void DeviceOf<Kind>::reset() {
    player_.activate(rate_);
    voice_.activate(rate_);
}

template <class Kind> bool DeviceOf<Kind>::load_file(int slot, const std::string &path, std::string &problem) {
    std::lock_guard<std::mutex> lock(mutex_);
    const bool is_done = place_file(slot, path, problem);
    renew();
    call_worker();
    return is_done;
}

template <class Kind> void DeviceOf<Kind>::ask_for_file(int slot, const char *path, std::size_t length) {
    if (slot < 0 || slot >= SLOTS || !length || length >= MAX_MIDI_PATH) return;
    File &file = files_[slot].draft();
    std::memcpy(file.path, path, length);
    file.path[length] = 0;
    files_[slot].publish();
    call_worker();
}

template <class Kind> std::string DeviceOf<Kind>::save() const {
    State state;
    for (const ParameterInfo &p : table_) state.values.emplace_back(p.symbol, get(p.id));
    std::lock_guard<std::mutex> lock(mutex_);
    state.fingerprint = bank_.fingerprint();
    Kind::of(state) = bank_.pieces();
    state.latents = bank_.latents();
    state.goes_by_chart = bank_.goes_by_chart();
    return write_state(state);
}

template <class Kind> bool DeviceOf<Kind>::restore(const std::string &text, std::string &problem, bool with_parameters) {
    State state;
    if (!read_state(text, state, problem)) return false;
    std::lock_guard<std::mutex> lock(mutex_);
    const bool is_ours = state.fingerprint == bank_.fingerprint();
    if (!bank_.set(Kind::of(state), problem, is_ours ? state.latents : std::vector<float>())) return false;
    bank_.go_by_chart(state.goes_by_chart);
    pieces_serial_++;
    for (const ParameterInfo &p : table_) { // one that the state does not know is of a later release, and did nothing then
        double value = p.standard;
        for (const auto &[symbol, kept] : state.values)
            if (p.symbol == symbol) value = p.clamp(kept);
        if (with_parameters) values_[p.id] = value;
    }
    renew();
    call_worker();
    return true;
}

template <class Kind> void DeviceOf<Kind>::process(const Transport &transport, const NoteIn *in, int count, int frames, NoteSink &out, float *left,
                     float *right, bool is_offline) {
    if (is_offline) settle();
    pads_.take();
    double now[PARAMETERS];
    values(now);
    const float gain = static_cast<float>(std::pow(10.0, now[VOLUME] / 20.0));
    typename Kind::Recording &draft = recordings_.draft();
    bool is_whole;
    if (left) {
        Sounding sounding(out, voice_, left, right, gain);
        is_whole = player_.process(transport, now, pads_.newest(), in, count, frames, sounding, draft);
        sounding.render(frames);
    } else {
        is_whole = player_.process(transport, now, pads_.newest(), in, count, frames, out, draft);
    }
    if (player_.changes() != shown_) {
        player_.show(heard_.draft());
        heard_.publish();
        shown_ = player_.changes();
    }
    at_.store(player_.at(), std::memory_order_relaxed);
    if (is_whole) {
        recordings_.publish();
        call_worker();
    }
}

} // namespace latentmix
