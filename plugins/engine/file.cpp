#include "file.hpp"

#if defined(_WIN32)
#include <windows.h>
#elif !defined(__wasm__)
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace latentmix {

#if defined(_WIN32)
std::wstring wide(const std::string &utf8) {
    const int size = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8.c_str(), -1, nullptr, 0);
    std::wstring out(static_cast<std::size_t>(size > 0 ? size : 0), L'\0');
    if (size > 0) MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8.c_str(), -1, &out[0], size);
    return out;
}
#endif

std::FILE *open_file(const std::string &path) {
#if defined(_WIN32)
    const std::wstring name = wide(path);
    const DWORD kind = GetFileAttributesW(name.c_str());
    return kind == INVALID_FILE_ATTRIBUTES || kind & FILE_ATTRIBUTE_DIRECTORY ? nullptr : _wfopen(name.c_str(), L"rb");
#elif defined(__wasm__)
    return std::fopen(path.c_str(), "rb");
#else
    const int handle = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY); // a pipe opens at once, and is left alone
    struct stat about;
    std::FILE *file = handle >= 0 && !fstat(handle, &about) && S_ISREG(about.st_mode) ? fdopen(handle, "rb") : nullptr;
    if (!file && handle >= 0) close(handle);
    return file;
#endif
}

} // namespace latentmix
