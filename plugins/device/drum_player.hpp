// The audio thread's part of drums: which hits of which point of the pad come at which frame, `DrumLayer` in Python.
//
// A hit may come half a sixteenth before its step. So at each step the early hits of the next one are planned as well, from what
// is known by then. Where another groove comes in between, a drum that was struck early is not struck again for that step,
// and an early hit that nobody planned is struck on it: nothing twice, nothing left out.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include "drum_pad.hpp"
#include "picture.hpp"
#include "song.hpp"

namespace latentmix {

struct DrumRecording : Take {
    std::uint8_t velocities[2 * WINDOW_STEPS][DRUMS];
    float offsets[2 * WINDOW_STEPS][DRUMS];
};

class DrumPlayer {
  public:
    void activate(double rate);
    // As of `Player`.
    bool process(const Transport &transport, const double *values, const DrumPad &pad, const NoteIn *in, int count,
                 int frames, NoteSink &out, DrumRecording &recording);

    void show(Shown &to) const;
    unsigned changes() const { return changes_; }
    double at() const { return song_.at(steps_); }
    static void show_wanted(const DrumPad &pad, const double *values, Shown &to);

  private:
    static constexpr int NOTHING = 0, STRUCK = -1;
    struct Planned {
        double at = 0.0;
        int velocity = NOTHING;
    };
    struct Voice {
        Planned own, early; // of a step, and of the step after it
        double ends = 0.0;
        bool sounds = false;
    };

    void step(const Step &now, const double *values, const DrumPad &pad);
    bool may_change(const Step &step, const double *values) const;
    void renew(const double *values, const DrumPad &pad);
    void play(const Stretch &block, double until, double level, NoteSink &out); // what comes before a place
    void end(Voice &voice, int frame, NoteSink &out);
    void silence(int frame, NoteSink &out);
    bool record(const Transport &transport, const double *values, const DrumPad &pad, const NoteIn *in, int count,
                const Stretch &block, DrumRecording &recording);

    Song song_;
    Recorder recorder_;
    Voice voices_[DRUMS];
    int channel_ = 9;
    // the groove that is heard, and which one it is
    std::uint8_t velocities_[MAX_DRUM_STEPS][DRUMS];
    float offsets_[MAX_DRUM_STEPS][DRUMS];
    int steps_ = 0, bar_ = 16, beat_ = 4, point_ = -1;
    unsigned serial_ = 0, changes_ = 0;
};

} // namespace latentmix
