// The audio thread's part of drums: which hits of which point of the pad come at which frame, `DrumLayer` in Python.
//
// A hit may come half a sixteenth before its step. So at each step the early hits of the next one are planned as well, from what
// is known by then. Where another groove comes in between, a drum that was struck early is not struck again for that step,
// and an early hit that nobody planned is struck on it: nothing twice, nothing left out.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include "drum_pad.hpp"
#include "played.hpp"

namespace latentmix {

struct DrumRecording : Take {
    std::uint8_t velocities[2 * WINDOW_STEPS][DRUMS];
    float offsets[2 * WINDOW_STEPS][DRUMS];
};

class DrumPlayer final : public Played<DrumPad, DrumRecording> {
  public:
    // As of `Player`.
    void activate(double rate);
    void show(Shown &to) const;
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

    void end_notes(NoteSink &out) override;
    void silence(int frame, NoteSink &out) override;
    void play(const Stretch &block, const double *values, const DrumPad &pad, NoteSink &out) override;
    void step(const Step &now, const double *values, const DrumPad &pad);
    bool may_change(const Step &step, const double *values) const;
    void renew(const double *values, const DrumPad &pad);
    void strike(const Stretch &block, double until, double level, NoteSink &out); // what comes before a place
    void end(Voice &voice, int frame, NoteSink &out);
    bool record(const Transport &transport, const double *values, const DrumPad &pad, const NoteIn *in, int count,
                const Stretch &block, DrumRecording &recording) override;

    Voice voices_[DRUMS];
    // the groove that is heard, and which one it is
    std::uint8_t velocities_[MAX_DRUM_STEPS][DRUMS];
    float offsets_[MAX_DRUM_STEPS][DRUMS];
    int point_ = -1;
    unsigned serial_ = 0;
};

} // namespace latentmix
