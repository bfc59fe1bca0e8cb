// Where a block stands in the host's song, which sixteenths begin in it, and when two bars are recorded; for players of melodies
// and of drums. Nothing here allocates, locks or waits.
#pragma once
#include "pad_points.hpp"

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
    int pitch, velocity;
};

// Where notes go; frames count from the start of the block, and never go back.
class NoteSink {
  public:
    virtual void note(int frame, bool is_on, int pitch, int velocity, int channel) = 0;

  protected:
    ~NoteSink() = default;
};

// A block, in sixteenths from the start of the song.
struct Stretch {
    double at, steps, frames_a_step;
    int frames;
    bool is_jump; // started, sought or wrapped: nothing that sounded goes on

    int frame_of(double place) const; // to the nearest, from 0 on; at or beyond `frames` it belongs to a later block
};

struct Step {
    long long number; // of the song
    int frame;
    bool is_first; // after a jump
};

class Song {
  public:
    void activate(double rate);

    // The next block; false where nothing is to play in it.
    bool go(const Transport &transport, const double *values, bool is_ready, int frames, Stretch &to);
    bool next(const Stretch &in, Step &to); // the steps that begin in it, one after another

    // Where in a pattern of so many steps the next block starts; below 0 while nothing plays.
    double at(int steps) const;

  private:
    double rate_ = 48000.0, free_ = 0.0, expected_ = 0.0; // sixteenths
    bool is_running_ = false, is_fresh_ = true;
    long long last_ = 0, cursor_ = 0; // step played, step looked at
};

// Two bars that come in, for the worker; what was played is added to it.
struct Take {
    int slot = -1;
    int steps = 0, numerator = 4, denominator = 4;
    float tempo = 120.0f;
};

// When what comes in is kept: from the next bar on for two bars.
class Recorder {
  public:
    enum Now { IDLE, BEGINS, GOES_ON };
    Now listen(const Transport &transport, const double *values, const PadPoints &pad, const Stretch &block, Take &take);
    double place(const Stretch &block, const NoteIn &note) const; // in sixteenths from where it begins
    bool ends(const Stretch &block, const Take &take);            // it is whole with this block
    void stop() { is_recording_ = false; }

  private:
    int armed_ = 0; // slot + 1 that `record` stands at, 0 none
    bool is_recording_ = false, is_done_ = false;
    long long from_ = 0;
};

int modulo(long long a, int n);
inline int whole(double value) { return static_cast<int>(value + 0.5); }

} // namespace latentmix
