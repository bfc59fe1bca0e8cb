#include "face.hpp"

#include <algorithm>
#include <cmath>

#include "src/nanovg/nanovg.h"

#include "../engine/blend.hpp"
#include "../engine/weights.hpp"
#include "colour.hpp"

namespace latentmix {
namespace {

constexpr Box ROLL = {16, 46, 608, 116}, PAD = {16, 178, 208, 208}, LINE = {16, 400, 208, 26}, SLOT_LIST = {240, 178, 188, 248};
constexpr float SLOT_HEIGHT = 56, SLOT_GAP = 8, BUTTON = 30; // a slot's button is at its right
constexpr float COLUMN = 444, CONTROL_WIDTH = 180, CONTROL_HEIGHT = 17.5f, CONTROL_TOP = 178, CONTROL_GAP = 1.8f;
constexpr float HANDLE = 5.5f; // of a slider
constexpr int FIELD = 64; // pixels of the pad's colours, each way
constexpr const char *DRUM_NAMES[DRUMS] = {"kick", "snare", "closed hat", "open hat", "low tom", "mid tom", "high tom", "crash", "ride"};
constexpr float DRUM_NAMES_WIDTH = 52;

NVGcolor paint(unsigned rgb, float alpha = 1.0f) {
    return nvgRGBAf((rgb >> 16) / 255.0f, (rgb >> 8 & 255) / 255.0f, (rgb & 255) / 255.0f, alpha);
}
NVGcolor paint(Rgb c, float alpha = 1.0f) { return nvgRGBAf(c.r / 255.0f, c.g / 255.0f, c.b / 255.0f, alpha); }
const unsigned PAPER = 0x121116, SURFACE = 0x1b1a21, RAISED = 0x25232c, INK = 0xf3f0f7, MUTED = 0xa19ba9, EDGE = 0x3a3743, RED = 0xff5b4d;

void round(NVGcontext *c, const Box &b, float radius, NVGcolor fill) {
    nvgBeginPath(c);
    nvgRoundedRect(c, b.x, b.y, b.width, b.height, radius);
    nvgFillColor(c, fill);
    nvgFill(c);
}
void disc(NVGcontext *c, float x, float y, float radius, NVGcolor fill) {
    nvgBeginPath(c);
    nvgCircle(c, x, y, radius);
    nvgFillColor(c, fill);
    nvgFill(c);
}
void stroke(NVGcontext *c, float x0, float y0, float x1, float y1, float width, NVGcolor colour) {
    nvgBeginPath(c);
    nvgMoveTo(c, x0, y0);
    nvgLineTo(c, x1, y1);
    nvgStrokeWidth(c, width);
    nvgStrokeColor(c, colour);
    nvgStroke(c);
}
void write(NVGcontext *c, float x, float y, float size, NVGcolor colour, int align, const char *text) {
    nvgFontSize(c, size);
    nvgTextAlign(c, align | NVG_ALIGN_MIDDLE);
    nvgFillColor(c, colour);
    nvgText(c, x, y, text, nullptr);
}

// What opens a file: a folder, around a point.
void draw_folder(NVGcontext *c, float x, float y) {
    round(c, {x - 7, y - 6, 6, 4}, 1.2f, paint(MUTED));
    round(c, {x - 7, y - 4, 14, 10}, 1.6f, paint(MUTED));
    round(c, {x - 5.5f, y - 1.5f, 11, 6}, 1, paint(SURFACE));
}

// The hits of a groove in a box, the kick below; the harder the brighter.
void draw_hits(NVGcontext *c, const Box &box, const std::uint8_t (*hits)[DRUMS], int steps, NVGcolor colour, double now) {
    const float wide = box.width / static_cast<float>(steps), tall = box.height / DRUMS;
    for (int s = 0; s < steps; s++)
        for (int d = 0; d < DRUMS; d++) {
            if (!hits[s][d]) continue;
            const bool is_sounding = now >= s && now < s + 1;
            NVGcolor fill = is_sounding ? paint(INK) : colour;
            fill.a *= 0.3f + 0.7f * static_cast<float>(hits[s][d]) / FULL;
            round(c, {box.x + static_cast<float>(s) * wide + 0.5f, box.y + static_cast<float>(DRUMS - 1 - d) * tall, std::max(wide - 1.0f, 1.0f), std::max(tall - 0.8f, 1.2f)},
                  std::min(2.0f, tall / 3), fill);
        }
}

// The notes of a melody in a box; `now` in sixteenths, below 0 for none.
void draw_notes(NVGcontext *c, const Box &box, const std::uint8_t *tokens, int steps, NVGcolor colour, double now, float radius) {
    int low = 127, high = 0;
    for (int s = 0; s < steps; s++)
        if (tokens[s] >= ONSET) {
            low = std::min(low, tokens[s] - ONSET);
            high = std::max(high, tokens[s] - ONSET);
        }
    if (low > high) return;
    const int middle = (low + high) / 2, span = std::max(high - low + 1, 12); // an octave at least
    const float wide = box.width / static_cast<float>(steps), tall = box.height / static_cast<float>(span);
    for (int s = 0; s < steps; s++) {
        if (tokens[s] < ONSET) continue;
        int end = s + 1;
        while (end < steps && tokens[end] == HOLD) end++;
        const float above = static_cast<float>(middle + span / 2 - (tokens[s] - ONSET));
        const bool is_sounding = now >= s && now < end;
        const Box note = {box.x + static_cast<float>(s) * wide + 0.5f, box.y + std::max(0.0f, std::min(above, static_cast<float>(span - 1))) * tall,
                          static_cast<float>(end - s) * wide - 1.0f, std::max(tall - 0.6f, 1.6f)};
        round(c, note, std::min(radius, note.height / 2), is_sounding ? paint(INK) : colour);
    }
}

void draw_notes_of(int kind, NVGcontext *c, const Box &box, const Notes &notes, int steps, NVGcolor colour, double now, float radius) {
    if (kind == DRUM_KIND) draw_hits(c, box, notes.hits, steps, colour, now);
    else draw_notes(c, box, notes.tokens, steps, colour, now, radius);
}

std::vector<std::pair<int, std::string>> listed_controls(int kind, const std::vector<std::string> &attributes) {
    std::vector<std::pair<int, std::string>> out;
    if (kind == DRUM_KIND) {
        out = {{HUMANISE, "Humanise"}, {LEVEL, "Velocity"}, {VARIATION, "Variation"}, {SEED, "Seed"}, {CHANNEL, "Channel"}};
    } else {
        out = {{KEY, "Key"}, {OCTAVE, "Octave"}};
        for (std::size_t i = 0; i < ATTRIBUTES && i < attributes.size(); i++) out.emplace_back(ATTRIBUTE_1 + static_cast<int>(i), attributes[i]);
        out.insert(out.end(), {{DENSITY, "Notes kept"}, {VARIATION, "Variation"}, {AXES, "Pad"}});
    }
    out.insert(out.end(), {{FOLLOW, "Heard at"}, {HOLD_MELODY, "Hold"}, {RUN, "Run"}});
    return out;
}

} // namespace

Face::Face(const WindowClient &client) : client_(client) {
    std::vector<std::string> names;
    for (const char *name : client.attributes)
        if (name) names.emplace_back(name);
    table_.resize(PARAMETERS);
    for (ParameterInfo &p : parameter_table(client.kind, names)) table_[static_cast<std::size_t>(p.id)] = p;
    auto listed = listed_controls(client.kind, names);
    float y = CONTROL_TOP;
    for (auto &each : listed) {
        each.second[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(each.second[0])));
        controls_.push_back({each.first, each.second, {COLUMN, y, CONTROL_WIDTH, CONTROL_HEIGHT}});
        y += CONTROL_HEIGHT + CONTROL_GAP;
    }
}

void Face::shares(double x, double y, int pieces, double *weights) const {
    if (is_crossed()) {
        std::fill(weights, weights + pieces, 0.0);
        weights[1] = (x + y) / 2;
        weights[0] = 1 - weights[1];
    } else {
        pad(x, y, spread(pieces).data(), pieces, weights);
    }
}

std::vector<Place> Face::places(int pieces) const {
    return is_crossed() ? std::vector<Place>{{0, 0}, {1, 1}} : spread(pieces);
}

// Hands

bool Face::holds(int parameter) const { return std::find(held_.begin(), held_.end(), parameter) != held_.end(); }

void Face::hold(int parameter) {
    if (holds(parameter)) return;
    client_.touch(client_.plugin, parameter, true);
    held_.push_back(parameter);
}

void Face::set(int parameter, double value) {
    value = table_[parameter].clamp(value);
    if (value == get(parameter)) return;
    if (!holds(parameter)) client_.touch(client_.plugin, parameter, true);
    client_.set(client_.plugin, parameter, value);
    if (!holds(parameter)) client_.touch(client_.plugin, parameter, false);
}

void Face::step(const Control &control, double by) {
    const ParameterInfo &p = table_[control.parameter];
    const double value = get(control.parameter);
    set(control.parameter, p.is_whole ? value + (by > 0 ? 1 : -1) : value + by * (p.most - p.least) / 40.0);
}

void Face::go_to(int melody) {
    if (is_plane()) {
        if (is_crossed() && melody > 1) set(AXES, 0.0); // which know of the first two alone
        const Place place = places(picture_.pieces)[static_cast<std::size_t>(melody)];
        set(PAD_X, place.x);
        set(PAD_Y, place.y);
    } else {
        set(POSITION, picture_.pieces > 1 ? melody / (picture_.pieces - 1.0) : 0.0);
    }
}

void Face::press(float x, float y, bool is_again) {
    release();
    if (PAD.has(x, y)) {
        set(MIX_BY, 1.0); // what a hand is on counts
        hold(PAD_X);
        hold(PAD_Y);
    } else if (LINE.has(x, y)) {
        set(MIX_BY, 0.0);
        hold(POSITION);
    }
    for (int i = 0; i < SLOTS && i <= picture_.pieces; i++) {
        const Box slot = {SLOT_LIST.x, SLOT_LIST.y + static_cast<float>(i) * (SLOT_HEIGHT + SLOT_GAP), SLOT_LIST.width, SLOT_HEIGHT};
        if (!slot.has(x, y)) continue;
        const bool is_button = x >= slot.x + slot.width - BUTTON;
        if (is_button && client_.load && y >= slot.y + slot.height / 2) file_for_ = i;
        else if (is_button || i == picture_.pieces) set(RECORD, get(RECORD) == i + 1 ? 0 : i + 1);
        else go_to(i);
    }
    for (const Control &control : controls_) {
        if (!control.box.has(x, y)) continue;
        const ParameterInfo &p = table_[control.parameter];
        if (p.is_whole) {
            const bool wraps = p.choices.size() == 2;
            if (wraps) set(control.parameter, get(control.parameter) >= 0.5 ? 0.0 : 1.0);
            else step(control, x < control.box.x + control.box.width * 0.66f ? -1.0 : 1.0);
        } else if (is_again) {
            set(control.parameter, p.standard);
        } else {
            hold(control.parameter);
            slides_ = &control;
        }
    }
    follow(x, y);
}

void Face::follow(float x, float y) {
    if (holds(PAD_X)) {
        set(PAD_X, (x - PAD.x) / PAD.width);
        set(PAD_Y, 1.0 - (y - PAD.y) / PAD.height);
    } else if (holds(POSITION)) {
        set(POSITION, (x - LINE.x - 8) / (LINE.width - 16));
    } else if (slides_) {
        const ParameterInfo &p = table_[slides_->parameter];
        const float from = slides_->box.x + slides_->box.width * 0.5f, width = slides_->box.width * 0.5f - HANDLE;
        set(slides_->parameter, p.least + std::min(std::max((x - from) / width, 0.0f), 1.0f) * (p.most - p.least));
    }
}

int Face::takes_file() {
    const int slot = file_for_;
    file_for_ = -1;
    return slot;
}

void Face::drag(float x, float y) { follow(x, y); }

void Face::release() {
    for (int parameter : held_) client_.touch(client_.plugin, parameter, false);
    held_.clear();
    slides_ = nullptr;
}

void Face::scroll(float x, float y, double steps) {
    if (LINE.has(x, y)) set(POSITION, get(POSITION) + steps / 48.0);
    for (const Control &control : controls_)
        if (control.box.has(x, y)) step(control, steps);
}

// Eyes

void Face::draw(NVGcontext *c) {
    is_known_ = client_.look(client_.plugin, &picture_);
    if (!is_known_) picture_ = {};
    round(c, {0, 0, WINDOW_WIDTH, WINDOW_HEIGHT}, 0, paint(PAPER));
    write(c, 16, 24, 17, paint(INK), NVG_ALIGN_LEFT, client_.name);
    const char *state = !is_known_ ? "" : picture_.at >= 0 ? "plays" : get(BYPASS) >= 0.5 ? "bypassed" : "waits for the host to play";
    if (is_known_ && !picture_.is_even) state = "looks for even ways";
    if (picture_.said[0]) state = picture_.said;
    write(c, WINDOW_WIDTH - 16, 24, 12, paint(picture_.said[0] ? RED : MUTED), NVG_ALIGN_RIGHT, state);
    draw_roll(c);
    draw_pad(c);
    draw_line(c);
    draw_slots(c);
    for (const Control &control : controls_) draw_control(c, control);
}

void Face::draw_roll(NVGcontext *c) const {
    round(c, ROLL, 8, paint(SURFACE));
    if (!picture_.shown.steps) {
        write(c, ROLL.x + ROLL.width / 2, ROLL.y + ROLL.height / 2, 13, paint(MUTED), NVG_ALIGN_CENTER,
              is_known_ ? "" : "this host shows the controls alone");
        return;
    }
    Box inside = {ROLL.x + 10, ROLL.y + 10, ROLL.width - 20, ROLL.height - 20};
    if (client_.kind == DRUM_KIND) {
        inside.x += DRUM_NAMES_WIDTH;
        inside.width -= DRUM_NAMES_WIDTH;
        const float tall = inside.height / DRUMS;
        for (int d = 0; d < DRUMS; d++) write(c, ROLL.x + 10, inside.y + (static_cast<float>(DRUMS - 1 - d) + 0.5f) * tall, 9, paint(MUTED), NVG_ALIGN_LEFT, DRUM_NAMES[d]);
    }
    const float wide = inside.width / static_cast<float>(picture_.shown.steps);
    for (int s = 0; s <= picture_.shown.steps; s += picture_.shown.beat) {
        const float x = inside.x + static_cast<float>(s) * wide;
        stroke(c, x, ROLL.y + 4, x, ROLL.y + ROLL.height - 4, 1, paint(s % picture_.shown.bar ? RAISED : EDGE));
    }
    double weights[SLOTS] = {1.0};
    if (is_plane()) {
        shares(get(PAD_X), get(PAD_Y), picture_.pieces, weights);
    } else {
        path(get(POSITION), picture_.pieces, weights);
    }
    draw_notes_of(client_.kind, c, inside, picture_.shown, picture_.shown.steps, paint(mixed(weights, picture_.pieces)), picture_.at, 3);
    if (picture_.at < 0) return;
    const float x = inside.x + static_cast<float>(picture_.at) * wide;
    stroke(c, x, ROLL.y + 4, x, ROLL.y + ROLL.height - 4, 1.5f, paint(INK, 0.8f));
}

void Face::draw_pad(NVGcontext *c) {
    const int melodies = std::max(picture_.pieces, 1);
    if (field_of_ != melodies || field_is_crossed_ != is_crossed()) {
        std::vector<unsigned char> pixels;
        for (int y = 0; y < FIELD; y++)
            for (int x = 0; x < FIELD; x++) {
                double weights[SLOTS];
                shares((x + 0.5) / FIELD, 1.0 - (y + 0.5) / FIELD, melodies, weights);
                const Rgb colour = mixed(weights, melodies);
                pixels.insert(pixels.end(), {colour.r, colour.g, colour.b, 255});
            }
        if (field_) nvgDeleteImage(c, field_);
        field_ = nvgCreateImageRGBA(c, FIELD, FIELD, static_cast<NVGimageFlags>(0), pixels.data());
        field_of_ = melodies;
        field_is_crossed_ = is_crossed();
    }
    nvgBeginPath(c);
    nvgRoundedRect(c, PAD.x, PAD.y, PAD.width, PAD.height, 8);
    nvgFillPaint(c, nvgImagePattern(c, PAD.x, PAD.y, PAD.width, PAD.height, 0, field_, is_plane() ? 0.85f : 0.3f));
    nvgFill(c);
    for (const Place &p : places(melodies)) {
        const float x = PAD.x + static_cast<float>(p.x) * PAD.width, y = PAD.y + static_cast<float>(1 - p.y) * PAD.height;
        disc(c, std::min(std::max(x, PAD.x + 10), PAD.x + PAD.width - 10), std::min(std::max(y, PAD.y + 10), PAD.y + PAD.height - 10), 3,
             paint(PAPER, 0.6f));
    }
    if (is_crossed()) {
        write(c, PAD.x + PAD.width / 2, PAD.y + PAD.height - 9, 11, paint(PAPER, 0.75f), NVG_ALIGN_CENTER, "rhythm \u2192");
        nvgSave(c);
        nvgTranslate(c, PAD.x + 9, PAD.y + PAD.height / 2);
        nvgRotate(c, -NVG_PI / 2);
        write(c, 0, 0, 11, paint(PAPER, 0.75f), NVG_ALIGN_CENTER, "pitch \u2192");
        nvgRestore(c);
    }
    const float x = PAD.x + static_cast<float>(get(PAD_X)) * PAD.width, y = PAD.y + static_cast<float>(1 - get(PAD_Y)) * PAD.height;
    disc(c, x, y, 11, paint(PAPER, is_plane() ? 0.35f : 0.15f));
    disc(c, x, y, 9, paint(INK, is_plane() ? 1.0f : 0.35f));
    disc(c, x, y, 4, paint(PAPER, is_plane() ? 0.85f : 0.4f));
}

void Face::draw_line(NVGcontext *c) const {
    const float alpha = is_plane() ? 0.35f : 1.0f, y = LINE.y + LINE.height / 2, from = LINE.x + 8, width = LINE.width - 16;
    const int melodies = std::max(picture_.pieces, 1);
    constexpr int PARTS = 48;
    nvgShapeAntiAlias(c, 0); // else each part shows where it ends
    for (int i = 0; i < PARTS; i++) {
        double weights[SLOTS] = {1.0};
        path((i + 0.5) / PARTS, melodies, weights);
        round(c, {from + width * static_cast<float>(i) / PARTS, y - 3, width / PARTS, 6}, 0, paint(mixed(weights, melodies), alpha));
    }
    nvgShapeAntiAlias(c, 1);
    for (int i = 0; i < melodies; i++)
        disc(c, from + (melodies > 1 ? width * static_cast<float>(i) / static_cast<float>(melodies - 1) : 0), y, 5, paint(HUES[i], alpha));
    const float x = from + static_cast<float>(get(POSITION)) * width;
    disc(c, x, y, 9, paint(PAPER));
    disc(c, x, y, 7.5f, paint(INK, is_plane() ? 0.35f : 1.0f));
}

void Face::draw_slots(NVGcontext *c) const {
    for (int i = 0; i < SLOTS && i <= picture_.pieces; i++) {
        const Box box = {SLOT_LIST.x, SLOT_LIST.y + static_cast<float>(i) * (SLOT_HEIGHT + SLOT_GAP), SLOT_LIST.width, SLOT_HEIGHT};
        const bool is_armed = get(RECORD) == i + 1, is_there = i < picture_.pieces;
        round(c, box, 8, paint(is_there ? SURFACE : PAPER));
        const float button_x = box.x + box.width - BUTTON / 2, middle = box.y + box.height / 2;
        const float record_y = client_.load ? box.y + box.height * 0.28f : middle;
        disc(c, button_x, record_y, 7, paint(is_armed ? RED : EDGE));
        disc(c, button_x, record_y, is_armed ? 3 : 3.5f, paint(is_armed ? INK : RED, is_armed ? 1.0f : 0.8f));
        if (client_.load) draw_folder(c, button_x, box.y + box.height * 0.72f);
        if (!is_there) {
            write(c, box.x + 12, middle, 12, paint(MUTED), NVG_ALIGN_LEFT, is_armed ? "play two bars" : client_.load ? "record or open one more" : "record one more");
            continue;
        }
        disc(c, box.x + 13, box.y + 13, 4, paint(HUES[i]));
        nvgSave(c);
        nvgScissor(c, box.x, box.y, box.width - BUTTON - 2, box.height);
        write(c, box.x + 24, box.y + 13.5f, 12, paint(INK), NVG_ALIGN_LEFT, is_armed ? "play two bars" : picture_.names[i]);
        nvgRestore(c);
        draw_notes_of(client_.kind, c, {box.x + 10, box.y + 24, box.width - BUTTON - 14, box.height - 32}, picture_.slots[i], picture_.shown.steps,
                   paint(HUES[i], 0.8f), -1.0, 1);
    }
}

void Face::draw_control(NVGcontext *c, const Control &control) const {
    const Box &b = control.box;
    const ParameterInfo &p = table_[control.parameter];
    const double value = get(control.parameter);
    const float middle = b.y + b.height / 2, half = b.x + b.width / 2, width = b.width / 2;
    write(c, b.x, middle, 12, paint(MUTED), NVG_ALIGN_LEFT, control.label.c_str());
    if (p.is_whole) {
        const bool is_on = p.choices.size() == 2 && value >= 0.5;
        round(c, {half - 14, b.y + 1, width + 14, b.height - 2}, 5, paint(is_on ? 0x4a4658 : RAISED));
        write(c, half + width / 2 - 7, middle, 11.5f, paint(INK), NVG_ALIGN_CENTER, p.text(value).c_str());
        if (p.choices.size() == 2) return;
        write(c, half - 7, middle - 0.5f, 12, paint(MUTED), NVG_ALIGN_CENTER, "\u2039");
        write(c, half + width - 7, middle - 0.5f, 12, paint(MUTED), NVG_ALIGN_CENTER, "\u203a");
        return;
    }
    const float share = static_cast<float>((value - p.least) / (p.most - p.least)), zero = static_cast<float>(p.least < 0 ? -p.least / (p.most - p.least) : 0);
    const float length = width - HANDLE;
    round(c, {half, middle - 2, length, 4}, 2, paint(RAISED));
    const float from = std::min(share, zero), to = std::max(share, zero);
    round(c, {half + from * length, middle - 2, (to - from) * length, 4}, 2, paint(MUTED));
    disc(c, half + share * length, middle, HANDLE, paint(INK));
}

} // namespace latentmix
