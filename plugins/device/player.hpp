// The audio thread's part: which point of the pad is wanted, which notes start and end at which frame.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include "pad.hpp"
#include "played.hpp"

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

class Player final : public Played<Pad, Recording> {
  public:
    void activate(double rate);

    void show(Shown &to) const; // what was heard last

    // What would be heard with these values; any thread.
    static void show_wanted(const Pad &pad, const double *values, Shown &to);

  private:
    void end_notes(NoteSink &out) override { silence(0, out); }
    void silence(int frame, NoteSink &out) override;
    void play(const Stretch &block, const double *values, const Pad &pad, NoteSink &out) override;
    void step(const Step &step, const double *values, const Pad &pad, NoteSink &out);
    bool renew(const double *values, const Pad &pad);
    int token_sounding(int at) const; // of the note that sounds during a step of the melody, OFF for none
    bool record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                const Stretch &block, Recording &recording) override;

    int sounding_ = -1;
    // the melody that is heard, shaped, and what it was made for
    int tokens_[MAX_PAD_STEPS];
    Shape made_ = {0, -1, 0, 0, 0.0};
    int record_sounding_ = -1;
};

} // namespace latentmix
