// The audio thread's part: which point of the pad is wanted, which notes start and end at which frame.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include "pad.hpp"
#include "picture.hpp"
#include "song.hpp"

namespace latentmix {

struct Recording : Take {
    std::uint8_t tokens[2 * WINDOW_STEPS];
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

class Player {
  public:
    void activate(double rate);
    // One block, with the values of all parameters; what the worker has decoded last comes in `pad`. True where
    // `recording` has become whole.
    bool process(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                 int frames, NoteSink &out, Recording &recording);

    // What was heard last, for who looks on: another one each time `changes` is another number; and `Song::at`.
    void show(Shown &to) const;
    unsigned changes() const { return changes_; }
    double at() const { return song_.at(steps_); }

    // What would be heard with these values; any thread.
    static void show_wanted(const Pad &pad, const double *values, Shown &to);

  private:
    void step(const Step &step, const double *values, const Pad &pad, NoteSink &out);
    bool renew(const double *values, const Pad &pad);
    void silence(int frame, NoteSink &out);
    int token_sounding(int at) const; // of the note that sounds during a step of the melody, OFF for none
    bool record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                const Stretch &block, Recording &recording);

    Song song_;
    Recorder recorder_;
    int sounding_ = -1, channel_ = 0;
    // the melody that is heard, shaped, and what it was made for
    int tokens_[MAX_PAD_STEPS], steps_ = 0, bar_ = 16, beat_ = 4;
    Shape made_ = {0, -1, 0, 0, 0.0};
    unsigned changes_ = 0;
    int record_sounding_ = -1;
};

} // namespace latentmix
