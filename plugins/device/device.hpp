// One plugin instance without its format: parameters, melodies or grooves, worker, state. What formats and windows see of it is the
// same whatever the model is of; the audio thread's part is `Player` or `DrumPlayer`.
#pragma once
#include <atomic>
#include <memory>
#include <string>

#include "identity.hpp"
#include "parameters.hpp"
#include "picture.hpp"
#include "song.hpp"

namespace latentmix {

class Device {
  public:
    // Encodes the pieces that came with the model and starts the worker; not for an audio thread.
    static std::unique_ptr<Device> make(const Model &model, const Kernels &kernels);

    virtual ~Device() = default;
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;

    const std::vector<ParameterInfo> &table() const { return table_; }

    // Any thread, real-time-safe; by the id of a parameter. A value outside the range is moved into it.
    void set(int parameter, double value);
    double get(int parameter) const;

    // Not for the audio thread. `activate` waits until the pad is decoded, so that the first block has it; where the host does
    // not say when it is offline, also until the pieces' ways are found, so that a bounce is the same every time.
    virtual void activate(double rate, bool waits_for_ways = false) = 0;
    virtual void settle() = 0; // waits until the pad is the one that the parameters ask for, with its ways
    virtual bool load_file(int slot, const std::string &path, std::string &problem) = 0; // a MIDI file; windows are told
    virtual std::string save() const = 0;
    // A state that is none is refused with a line, and nothing changes. Another model's latents are computed anew.
    virtual bool restore(const std::string &state, std::string &problem, bool with_parameters = true) = 0;

    // The audio thread, real-time-safe: forget what sounds and where the song was.
    virtual void reset() = 0;
    // The audio thread, real-time-safe: have the worker load a MIDI file into a slot; of several for one the last counts.
    virtual void ask_for_file(int slot, const char *path, std::size_t length) = 0;
    // The audio thread, real-time-safe: notes and, where `left` is not null, sound. Offline it may wait for the worker,
    // so that a bounce is the same every time.
    virtual void process(const Transport &transport, const NoteIn *in, int count, int frames, NoteSink &out, float *left,
                         float *right, bool is_offline = false) = 0;

    // A window's thread, one at a time: what there is to see. Nothing here locks, so neither the audio thread nor the window
    // ever waits for the other, or for the worker.
    virtual void look(Picture &to) = 0;

    // How often pieces have been changed by something else than `restore`: by a file or a recording, which the host's project is
    // to keep. Any thread, real-time-safe.
    unsigned changes() const { return changes_.load(std::memory_order_relaxed); }

  protected:
    explicit Device(std::vector<ParameterInfo> table);
    void values(double *to) const; // (PARAMETERS)
    virtual void call_worker() = 0; // wait-free

    std::vector<ParameterInfo> table_;
    std::atomic<double> values_[PARAMETERS];
    std::atomic<unsigned> changes_{0};

  private:
    int index_[PARAMETERS]; // in the table; below 0: it is not in there
};

} // namespace latentmix
