// NanoVG's drawing by OpenGL 2. On Windows everything after OpenGL 1.1 is asked for by name.
#if defined(_WIN32)
#include <windows.h>

#include <GL/gl.h>
#include <GL/glext.h>
#define LATENTMIX_GL(_) \
    _(PFNGLACTIVETEXTUREPROC, glActiveTexture) _(PFNGLATTACHSHADERPROC, glAttachShader) \
    _(PFNGLBINDATTRIBLOCATIONPROC, glBindAttribLocation) _(PFNGLBINDBUFFERPROC, glBindBuffer) \
    _(PFNGLBUFFERDATAPROC, glBufferData) _(PFNGLCOMPILESHADERPROC, glCompileShader) \
    _(PFNGLCREATEPROGRAMPROC, glCreateProgram) _(PFNGLCREATESHADERPROC, glCreateShader) \
    _(PFNGLDELETEBUFFERSPROC, glDeleteBuffers) _(PFNGLDELETEPROGRAMPROC, glDeleteProgram) \
    _(PFNGLDELETESHADERPROC, glDeleteShader) _(PFNGLDISABLEVERTEXATTRIBARRAYPROC, glDisableVertexAttribArray) \
    _(PFNGLENABLEVERTEXATTRIBARRAYPROC, glEnableVertexAttribArray) _(PFNGLGENBUFFERSPROC, glGenBuffers) \
    _(PFNGLGETPROGRAMIVPROC, glGetProgramiv) _(PFNGLGETPROGRAMINFOLOGPROC, glGetProgramInfoLog) \
    _(PFNGLGETSHADERIVPROC, glGetShaderiv) _(PFNGLGETSHADERINFOLOGPROC, glGetShaderInfoLog) \
    _(PFNGLGETUNIFORMLOCATIONPROC, glGetUniformLocation) _(PFNGLLINKPROGRAMPROC, glLinkProgram) \
    _(PFNGLSHADERSOURCEPROC, glShaderSource) _(PFNGLSTENCILOPSEPARATEPROC, glStencilOpSeparate) \
    _(PFNGLUNIFORM1IPROC, glUniform1i) _(PFNGLUNIFORM2FVPROC, glUniform2fv) _(PFNGLUNIFORM4FVPROC, glUniform4fv) \
    _(PFNGLUSEPROGRAMPROC, glUseProgram) _(PFNGLVERTEXATTRIBPOINTERPROC, glVertexAttribPointer) \
    _(PFNGLBLENDFUNCSEPARATEPROC, glBlendFuncSeparate)
#define LATENTMIX_DECLARE(type, name) static type name;
LATENTMIX_GL(LATENTMIX_DECLARE)
#else
#define GL_GLEXT_PROTOTYPES
#include <GL/gl.h>
#include <GL/glext.h>
#endif

#define NANOVG_GL2_IMPLEMENTATION
#include "src/nanovg/nanovg.h"
#include "src/nanovg/nanovg_gl.h"

#include "canvas.hpp"
#include "src/Resources.hpp"

namespace latentmix {

NVGcontext *open_canvas() {
#if defined(_WIN32)
#define LATENTMIX_LOAD(type, name) \
    if (!(name = reinterpret_cast<type>(reinterpret_cast<void *>(wglGetProcAddress(#name))))) return nullptr;
    LATENTMIX_GL(LATENTMIX_LOAD)
#endif
    NVGcontext *canvas = nvgCreateGL2(NVG_ANTIALIAS | NVG_STENCIL_STROKES);
    if (!canvas) return nullptr;
    auto *font = reinterpret_cast<unsigned char *>(const_cast<char *>(dpf_resources::dejavusans_ttf));
    nvgCreateFontMem(canvas, "sans", font, static_cast<int>(dpf_resources::dejavusans_ttf_size), 0);
    return canvas;
}

void close_canvas(NVGcontext *canvas) { nvgDeleteGL2(canvas); }

void begin_frame(NVGcontext *canvas, unsigned width, unsigned height, double scale) {
    glViewport(0, 0, static_cast<GLsizei>(width), static_cast<GLsizei>(height));
    glClearColor(0.0f, 0.0f, 0.0f, 1.0f);
    glClear(GL_COLOR_BUFFER_BIT | GL_STENCIL_BUFFER_BIT);
    nvgBeginFrame(canvas, static_cast<float>(width / scale), static_cast<float>(height / scale), static_cast<float>(scale));
    nvgFontFace(canvas, "sans");
}

void end_frame(NVGcontext *canvas) { nvgEndFrame(canvas); }

} // namespace latentmix
