// Pugl (ISC) with OpenGL, as it lies in DPF: in one piece, so that nothing of it can be seen from outside. Some of its code
// is C that a C++ compiler takes, as DPF has it.
#include <cassert>
#include <climits>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#if defined(_WIN32)
#include <wctype.h>
#include <winsock2.h>
#include <windows.h>
#include <windowsx.h>

#include "src/pugl-upstream/src/win.c"
#include "src/pugl-upstream/src/win_stub.c"

#include "src/pugl-upstream/src/win_gl.c"
#else
#include "src/pugl-upstream/src/x11.c"
#include "src/pugl-upstream/src/x11_stub.c"

#include "src/pugl-upstream/src/x11_gl.c"
#endif

#include "src/pugl-upstream/src/common.c"
#include "src/pugl-upstream/src/internal.c"
