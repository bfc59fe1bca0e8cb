// The audio thread's part: where the host is, which point of the pad is wanted, which notes start and end at which frame.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include <cstdint>

#include "pad.hpp"

namespace latentmix {

struct Transport {
    bool is_playing = false;
    bool has_position = false;
    double beat = 0.0;  // quarter notes from the start of the song, at the first frame
    double tempo = 0.0; // quarter notes a minute; 0: not said
    int numerator = 4, denominator = 4;
};

struct NoteIn {
    int frame;
    bool is_on;
    int pitch;
};

// Where notes go; frames count from the start of the block, and never go back.
class NoteSink {
  public:
    virtual void note(int frame, bool is_on, int pitch, int velocity, int channel) = 0;

  protected:
    ~NoteSink() = default;
};

// Two bars that came in, for the worker.
struct Recording {
    int slot = -1;
    int steps = 0, numerator = 4, denominator = 4;
    float tempo = 120.0f;
    std::uint8_t tokens[MAX_PAD_STEPS];
};

// Which melody of a pad is wanted, and what is done to it.
struct Shape {
    unsigned serial; // of the pad
    int point, key, octave;
    double density;
    bool operator==(const Shape &o) const {
        return serial == o.serial && point == o.point && key == o.key && octave == o.octave && density == o.density;
    }
};
Shape wanted_shape(const double *values, const Pad &pad);
void shaped(const Pad &pad, const Shape &shape, int *tokens); // (pad.steps); allocates nothing

class Player {
  public:
    void activate(double rate);
    // One block, with the values of all parameters; what the worker has decoded last comes in `pad`. True where
    // `recording` has become whole.
    bool process(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                 int frames, NoteSink &out, Recording &recording);

    // What was heard last, for who looks on: the melody (steps), another one each time `changes` is another number, and where
    // in it the next block starts, in sixteenths; below 0 while nothing plays.
    const int *tokens() const { return tokens_; }
    int steps() const { return steps_; }
    int bar() const { return bar_; }
    int beat() const { return beat_; }
    unsigned changes() const { return changes_; }
    double at() const;

  private:
    void step(long long step, int frame, const double *values, const Pad &pad, NoteSink &out);
    bool renew(const double *values, const Pad &pad);
    void silence(int frame, NoteSink &out);
    int token_sounding(int at) const; // of the note that sounds during a step of the melody, OFF for none
    bool record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                double at, double steps, double frames_a_step, Recording &recording);

    double rate_ = 48000.0, free_ = 0.0, expected_ = 0.0; // sixteenths
    bool is_running_ = false, is_fresh_ = true;
    long long last_ = 0; // step played
    int sounding_ = -1, channel_ = 0;
    // the melody that is heard, shaped, and what it was made for
    int tokens_[MAX_PAD_STEPS], steps_ = 0, bar_ = 16, beat_ = 4;
    Shape made_ = {0, -1, 0, 0, 0.0};
    unsigned changes_ = 0;
    int armed_ = 0; // slot + 1 that `record` stands at, 0 none
    bool is_recording_ = false, is_done_ = false;
    long long record_from_ = 0;
    int record_sounding_ = -1;
};

} // namespace latentmix
