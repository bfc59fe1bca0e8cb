// Where somebody chooses a MIDI file: the system's dialog, or on X11 one of its own, by DPF.
#pragma once
#include <cstdint>
#include <string>

namespace latentmix {

// For the thread of the host's windows, which it never stops.
class FileDialog {
  public:
    FileDialog() = default;
    ~FileDialog();
    FileDialog(const FileDialog &) = delete;

    void open(int slot, std::uintptr_t parent, double scale); // another one, if one is open
    bool idle(int &slot, std::string &path); // whether one was chosen, and for which slot

  private:
    void close();

    void *handle_ = nullptr;
    int slot_ = 0;
    std::string folder_; // of the last one
};

} // namespace latentmix
