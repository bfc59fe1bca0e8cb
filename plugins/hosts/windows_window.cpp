// windows_window LIBRARY [SECONDS [alone]]: opens the plugins' window on Windows inside one of ours, or as one for itself, clicks on its
// pad, tells what it sets, and stays so long. For `latentmix-window.dll`, which is built on other systems (docs/plugins.md).
#include <windows.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "../device/parameters.hpp"
#include "../engine/weights.hpp"
#include "../window/window.hpp"

using namespace latentmix;

namespace {

std::map<int, double> values;
int touches = 0, drawn = 0;

WindowClient client() {
    for (const ParameterInfo &p : parameter_table(MELODY_KIND, {"density"})) values[p.id] = p.standard;
    WindowClient out = {};
    out.plugin = &values;
    out.name = "latentmix melody";
    out.kind = MELODY_KIND;
    out.attributes[0] = "density";
    out.get = [](void *, int parameter) { return values[parameter]; };
    out.set = [](void *, int parameter, double value) { values[parameter] = value; };
    out.touch = [](void *, int, bool begins) { touches += begins ? 1 : -1; };
    out.load = [](void *, int, const char *) {};
    out.look = [](void *, Picture *to) {
        drawn++;
        to->pieces = 2;
        to->shown.steps = 32;
        for (int s = 0; s < 32; s += 4) to->shown.tokens[s] = static_cast<std::uint8_t>(62 + s / 2);
        for (Notes *slot : {&to->slots[0], &to->slots[1]}) *slot = to->shown;
        return true;
    };
    return out;
}

void run(const WindowLibrary &library, Window *window, int turns) {
    for (int i = 0; i < turns; i++) {
        for (MSG message; PeekMessageA(&message, nullptr, 0, 0, PM_REMOVE);) {
            TranslateMessage(&message);
            DispatchMessageA(&message);
        }
        library.idle(window);
        Sleep(20);
    }
}

} // namespace

int main(int count, char **words) {
    const HMODULE handle = count > 1 ? LoadLibraryA(words[1]) : nullptr;
    using Entry = const WindowLibrary *(*)();
    const auto entry = handle ? reinterpret_cast<Entry>(reinterpret_cast<void *>(GetProcAddress(handle, WINDOW_SYMBOL))) : nullptr;
    if (!entry) {
        std::fprintf(stderr, "windows_window: expected the window's library, found none\n");
        return 2;
    }
    const WindowLibrary &library = *entry();
    const HWND parent = count > 3 ? nullptr : CreateWindowExA(0, "STATIC", "host", WS_OVERLAPPEDWINDOW | WS_VISIBLE, 0, 0, 700, 520, nullptr, nullptr, nullptr, nullptr);
    const WindowClient own = client();
    Window *window = library.open(&own, reinterpret_cast<std::uintptr_t>(parent), 1.0);
    if (!window) return 1;
    run(library, window, 50);
    const HWND child = reinterpret_cast<HWND>(library.native(window));
    unsigned width, height;
    library.size(window, &width, &height);
    const LPARAM at = MAKELPARAM(16 + 52, 178 + 52); // a quarter from the left and from the top of the pad
    SendMessageA(child, WM_LBUTTONDOWN, MK_LBUTTON, at);
    SendMessageA(child, WM_LBUTTONUP, 0, at);
    run(library, window, 5);
    std::printf("%u x %u, pad %.2f %.2f by %.0f, held %d, drawn %d times\n", width, height, values[PAD_X], values[PAD_Y], values[MIX_BY], touches, drawn);
    std::fflush(stdout);
    run(library, window, count > 2 ? 50 * std::atoi(words[2]) : 0);
    const bool is_good = values[MIX_BY] == 1.0 && values[PAD_X] == 0.25 && values[PAD_Y] == 0.75 && !touches && drawn > 10;
    library.close(window);
    return is_good ? 0 : 1;
}
