// What `Face` draws on. All of it with the window's OpenGL context entered.
#pragma once

struct NVGcontext;

namespace latentmix {

NVGcontext *open_canvas(); // null where OpenGL has too little
void close_canvas(NVGcontext *);
void begin_frame(NVGcontext *, unsigned width, unsigned height, double scale); // pixels
void end_frame(NVGcontext *);

} // namespace latentmix
