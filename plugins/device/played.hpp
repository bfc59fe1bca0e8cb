// What the audio thread's part of melodies and of drums have in common: a block, and what was heard of it last.
//
// Nothing here allocates, locks, waits or computes a network.
#pragma once
#include <algorithm>

#include "../engine/shaping.hpp"
#include "picture.hpp"
#include "song.hpp"

namespace latentmix {

template <class Pad, class Taken> class Played {
  public:
    // One block, with the values of all parameters; what the worker has decoded last comes in `pad`. True where
    // `recording` has become whole.
    bool process(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count, int frames,
                 NoteSink &out, Taken &recording) {
        if (whole(values[CHANNEL]) - 1 != channel_) end_notes(out);
        channel_ = whole(values[CHANNEL]) - 1;
        Stretch block;
        if (!song_.go(transport, values, pad.serial, frames, block)) {
            silence(0, out);
            recorder_.stop();
            return false;
        }
        if (block.is_jump) silence(0, out);
        play(block, values, pad, out);
        return record(transport, values, pad, in, count, block, recording);
    }

    // Of what was heard last, for who looks on: another one each time `changes` is another number; and `Song::at`.
    unsigned changes() const { return changes_; }
    double at() const { return song_.at(size_.steps); }

  protected:
    struct Size { // of what is heard, in sixteenths
        int steps = 0, bar = 16, beat = 4;
        Size() = default;
        explicit Size(const PadPoints &pad)
            : steps(pad.steps), bar(std::max(1, steps_per_bar(pad.numerator, pad.denominator))),
              beat(steps_a_beat(pad.numerator, pad.denominator)) {}
        void show(Shown &to) const {
            to.steps = steps;
            to.bar = bar;
            to.beat = beat;
        }
    };

    ~Played() = default;

    // Whether a step is one at which something else may come in.
    bool is_boundary(const Step &step, const double *values) const {
        const int unit = values[FOLLOW] < 0.5 ? 1 : values[FOLLOW] < 1.5 ? size_.beat : size_.bar;
        return step.is_first || !size_.steps || modulo(step.number, unit) == 0;
    }

    void begin(double rate) {
        song_.activate(rate);
        recorder_.stop();
    }

    Song song_;
    Recorder recorder_;
    int channel_ = 0;
    Size size_;
    unsigned changes_ = 0;

  private:
    virtual void end_notes(NoteSink &out) = 0; // now; what is planned stays
    virtual void silence(int frame, NoteSink &out) = 0;
    virtual void play(const Stretch &block, const double *values, const Pad &pad, NoteSink &out) = 0;
    virtual bool record(const Transport &transport, const double *values, const Pad &pad, const NoteIn *in, int count,
                        const Stretch &block, Taken &recording) = 0; // keeps what comes in
};

} // namespace latentmix
