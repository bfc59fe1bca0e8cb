#include "file_dialog.hpp"

#include <cstdlib>

#include "distrho/DistrhoUtils.hpp"

// As DPF itself takes these two in, under its own names.
#define FILE_BROWSER_DIALOG_DISTRHO_NAMESPACE
#define FILE_BROWSER_DIALOG_NAMESPACE DISTRHO_NAMESPACE
#define DISTRHO_FILE_BROWSER_DIALOG_HPP_INCLUDED
START_NAMESPACE_DISTRHO
#include "distrho/extra/FileBrowserDialogImpl.hpp"
END_NAMESPACE_DISTRHO
#include "distrho/extra/FileBrowserDialogImpl.cpp"

namespace latentmix {
namespace {

#if defined(_WIN32)
constexpr const char *HOME = "USERPROFILE";
#else
constexpr const char *HOME = "HOME";
#endif

DISTRHO_NAMESPACE::FileBrowserHandle handle_of(void *handle) {
    return static_cast<DISTRHO_NAMESPACE::FileBrowserHandle>(handle);
}

} // namespace

FileDialog::~FileDialog() { close(); }

void FileDialog::close() {
    if (handle_) DISTRHO_NAMESPACE::fileBrowserClose(handle_of(handle_));
    handle_ = nullptr;
}

void FileDialog::open(int slot, std::uintptr_t parent, double scale) {
    close();
    DISTRHO_NAMESPACE::FileBrowserOptions options;
    options.title = "A MIDI file";
    const char *home = std::getenv(HOME); // DPF begins in the folder of the host otherwise
    if (home && *home) options.startDir = folder_.empty() ? home : folder_.c_str();
    slot_ = slot;
    handle_ = DISTRHO_NAMESPACE::fileBrowserCreate(true, parent, scale, options);
}

bool FileDialog::idle(int &slot, std::string &path) {
    if (!handle_ || !DISTRHO_NAMESPACE::fileBrowserIdle(handle_of(handle_))) return false;
    const char *chosen = DISTRHO_NAMESPACE::fileBrowserGetPath(handle_of(handle_));
    path = chosen ? chosen : "";
    close();
    slot = slot_;
    if (!path.empty()) folder_ = path.substr(0, path.find_last_of("/\\"));
    return !path.empty();
}

} // namespace latentmix
