// One plugin instance without its format: parameters, melodies, worker, state; the audio thread's part is `Player`.
#pragma once
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "handover.hpp"
#include "midi_file.hpp"
#include "pad.hpp"
#include "parameters.hpp"
#include "picture.hpp"
#include "player.hpp"
#include "voice.hpp"
#include "wake.hpp"

namespace latentmix {

class Device {
  public:
    // The constructor encodes the melodies that came with the model and starts the worker; not for an audio thread.
    Device(std::shared_ptr<const Weights> weights, const Kernels &kernels);
    ~Device();

    const std::vector<ParameterInfo> &table() const { return table_; }

    // Any thread, real-time-safe. A value outside the range is moved into it.
    void set(int parameter, double value);
    double get(int parameter) const;

    // Not for the audio thread. `activate` waits until the pad is decoded, so that the first block has it; where the host does
    // not say when it is offline, also until the melodies' ways are found, so that a bounce is the same every time.
    void activate(double rate, bool waits_for_ways = false);
    void settle(); // waits until the pad is the one that the parameters ask for, with its ways
    std::vector<Melody> melodies() const;
    bool load(int slot, const Melody &melody, std::string &problem); // one more where `slot` is the number of melodies
    bool load_file(int slot, const std::string &path, std::string &problem); // the melody of a MIDI file; windows are told
    std::string save() const;
    // A state that is none is refused with a line, and nothing changes. Another model's latents are computed anew.
    bool restore(const std::string &state, std::string &problem, bool with_parameters = true);

    // The audio thread, real-time-safe: forget what sounds and where the song was.
    void reset();
    // The audio thread, real-time-safe: have the worker load a MIDI file into a slot; of several for one the last counts.
    void ask_for_file(int slot, const char *path, std::size_t length);
    // The audio thread, real-time-safe: notes and, where `left` is not null, sound. Offline it may wait for the worker,
    // so that a bounce is the same every time.
    void process(const Transport &transport, const NoteIn *in, int count, int frames, NoteSink &out, float *left,
                 float *right, bool is_offline = false);

    // A window's thread, one at a time: what there is to see. Nothing here locks, so neither the audio thread nor the window
    // ever waits for the other, or for the worker.
    void look(Picture &to);

  private:
    PadSettings settings() const;
    void show(); // to windows what `draft` of the pads has become; called with the mutex held
    void work();
    bool find_way(Travel &travel); // that the pad lacks; false where it lacks none, or the device ends
    void renew(); // decodes a pad where another one is wanted; called with the mutex held
    void take_recording();
    void take_files();
    bool place(int slot, const Melody &melody, std::string &problem);
    bool place_file(int slot, const std::string &path, std::string &problem);

    const std::shared_ptr<const Weights> weights_;
    const Kernels &kernels_;
    std::vector<ParameterInfo> table_;
    std::atomic<double> values_[PARAMETERS];
    mutable std::mutex mutex_; // of what follows: main threads and worker, never the audio thread in real time
    std::condition_variable found_; // a way
    Bank bank_;
    PadSettings built_;
    bool built_evenly_ = false;
    unsigned serial_ = 0, melodies_serial_ = 1, built_melodies_ = 0;

    struct Scene { // from who decodes to windows
        Pad pad;
        Picture picture;
    };
    struct Heard { // from the audio thread to windows
        int steps = 0, bar = 16, beat = 4;
        std::uint8_t tokens[MAX_PAD_STEPS];
    };

    Handover<Pad> pads_;
    Handover<Scene> scenes_;
    Handover<Heard> heard_;
    std::atomic<double> at_{-1.0};
    unsigned shown_ = 0; // the player's changes that `heard_` knows
    Handover<Recording> recordings_;
    struct File {
        char path[MAX_MIDI_PATH] = "";
    };
    Handover<File> files_[SLOTS]; // asked for by the audio thread
    std::string said_;            // of the last file, where there was something to say
    std::atomic<bool> ends_{false}, asked_{false};
    Player player_;
    Voice voice_;
    double rate_ = 48000.0;
    Wake wake_;
    std::thread worker_;
};

} // namespace latentmix
