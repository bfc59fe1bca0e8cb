// What a window looks like and what a hand can do in it, without the window itself: drawn by NanoVG, in units of
// `WINDOW_WIDTH` x `WINDOW_HEIGHT` from the upper left.
#pragma once
#include <string>
#include <vector>

#include "../engine/blend.hpp"
#include "window.hpp"

struct NVGcontext;

namespace latentmix {

struct Box {
    float x, y, width, height;
    bool has(float px, float py) const { return px >= x && px < x + width && py >= y && py < y + height; }
};

class Face {
  public:
    explicit Face(const WindowClient &client);

    void draw(NVGcontext *canvas);
    void press(float x, float y, bool is_again); // again: a double click, which puts a slider to its standard
    void drag(float x, float y);
    void release();
    void scroll(float x, float y, double steps);
    int takes_file(); // the slot for which a hand wants to choose a file, once; below 0: none

  private:
    struct Control {
        int parameter;
        std::string label;
        Box box;
    };
    bool is_plane() const { return get(MIX_BY) >= 0.5; }
    bool is_crossed() const { return get(AXES) >= 0.5 && picture_.pieces > 1; } // the pad's sides are rhythm and pitch
    void shares(double x, double y, int pieces, double *weights) const; // at a place of the pad
    std::vector<Place> places(int pieces) const;
    double get(int parameter) const { return client_.get(client_.plugin, parameter); }
    void set(int parameter, double value); // to be heard at once, as one gesture unless it is held
    void hold(int parameter);
    bool holds(int parameter) const;
    void follow(float x, float y); // what is held goes where the hand is
    void step(const Control &control, double by);
    void go_to(int melody);

    void draw_roll(NVGcontext *c) const;
    void draw_pad(NVGcontext *c);
    void draw_line(NVGcontext *c) const;
    void draw_slots(NVGcontext *c) const;
    void draw_control(NVGcontext *c, const Control &control) const;

    const WindowClient &client_;
    std::vector<ParameterInfo> table_; // by their ids
    std::vector<Control> controls_;
    Picture picture_;
    bool is_known_ = false; // what the picture shows
    std::vector<int> held_; // parameters
    const Control *slides_ = nullptr;
    int file_for_ = -1; // slot
    int field_ = 0, field_of_ = 0; // the pad's colours as an image, and of how many melodies
    bool field_is_crossed_ = false;
};

} // namespace latentmix
