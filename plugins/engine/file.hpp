// Opening files whose names are UTF-8, on every system.
#pragma once
#include <cstdio>
#include <string>

namespace latentmix {

// For reading bytes; null where it is not there, may not be read, or is no regular file: a pipe would keep who reads waiting.
std::FILE *open_file(const std::string &path);

#if defined(_WIN32)
std::wstring wide(const std::string &utf8); // for Windows' own functions; empty where it is no UTF-8
#endif

} // namespace latentmix
