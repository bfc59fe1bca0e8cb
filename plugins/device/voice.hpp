// A small voice for those who want to hear something at once: a soft tone, one note at a time.
#pragma once

namespace latentmix {

class Voice {
  public:
    void activate(double rate);
    void start(int pitch, int velocity);
    void end();
    void render(float *left, float *right, int frames, float gain); // replaces what is there

  private:
    double rate_ = 48000.0, phase_ = 0.0, turn_ = 0.0; // turns a frame
    float level_ = 0.0f, wanted_ = 0.0f, rise_ = 0.0f, fall_ = 0.0f;
};

} // namespace latentmix
