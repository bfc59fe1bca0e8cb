// NanoVG (zlib) and its font (DejaVu Sans, under the licence of Bitstream Vera), as they lie in DPF.
#include "src/nanovg/nanovg.c"

#include "src/Resources.cpp"
