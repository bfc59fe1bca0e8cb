#include "own_window.hpp"

#include <cstdio>

#include "../device/identity.hpp"
#include "../engine/file.hpp"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace latentmix {
namespace {

#if defined(_WIN32)
constexpr const char *FILE_NAME = "latentmix-window.dll";
#elif defined(__APPLE__)
constexpr const char *FILE_NAME = "latentmix-window.dylib";
#else
constexpr const char *FILE_NAME = "latentmix-window.so";
#endif

std::string path() {
    const std::string own = own_path();
    return own.substr(0, own.rfind('/') + 1) + FILE_NAME;
}

// Once, and for good: toolkits and drivers do not like to be unloaded.
const WindowLibrary *load() {
    using Entry = const WindowLibrary *(*)();
#if defined(_WIN32)
    const HMODULE handle = LoadLibraryW(wide(path()).c_str());
    const auto entry = handle ? reinterpret_cast<Entry>(reinterpret_cast<void *>(GetProcAddress(handle, WINDOW_SYMBOL))) : nullptr;
    if (!entry) std::fprintf(stderr, "latentmix: %s: cannot be loaded; install the plugin anew\n", path().c_str());
#else
    void *handle = dlopen(path().c_str(), RTLD_NOW | RTLD_LOCAL);
    const auto entry = handle ? reinterpret_cast<Entry>(dlsym(handle, WINDOW_SYMBOL)) : nullptr;
    if (!entry) std::fprintf(stderr, "latentmix: no window: %s\n", dlerror());
#endif
    return entry ? entry() : nullptr;
}

} // namespace

bool has_window() {
    static const bool is_there = [] {
        std::FILE *file = open_file(path());
        if (file) std::fclose(file);
        return file != nullptr;
    }();
    return is_there;
}

OwnWindow::OwnWindow(const WindowClient &client, const char *suffix) : client_(client), name_(identity().name + suffix) {
    client_.name = name_.c_str();
    client_.kind = identity().kind;
    const std::vector<std::string> &names = identity().attributes;
    for (int i = 0; i < MAX_ATTRIBUTES; i++)
        client_.attributes[i] = i < static_cast<int>(names.size()) ? names[static_cast<std::size_t>(i)].c_str() : nullptr;
}

bool OwnWindow::open(std::uintptr_t parent, double scale) {
    static const WindowLibrary *const library = has_window() ? load() : nullptr;
    library_ = library;
    close();
    if (library_) window_ = library_->open(&client_, parent, scale);
    return window_;
}

void OwnWindow::close() {
    if (window_) library_->close(window_);
    window_ = nullptr;
}

void OwnWindow::idle() {
    if (window_) library_->idle(window_);
}

std::uintptr_t OwnWindow::native() const { return window_ ? library_->native(window_) : 0; }

} // namespace latentmix
