#include "identity.hpp"

#include <cstdio>
#include <cstring>
#include <mutex>

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace latentmix {
namespace {

const char anchor = 0; // an address inside this binary

} // namespace

std::string own_path() {
#if defined(_WIN32)
    HMODULE module = nullptr;
    char path[MAX_PATH] = "";
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, &anchor, &module);
    GetModuleFileNameA(module, path, MAX_PATH);
    std::string out(path);
    for (char &c : out)
        if (c == '\\') c = '/';
    return out;
#else
    Dl_info info;
    return dladdr(&anchor, &info) && info.dli_fname ? info.dli_fname : "";
#endif
}

namespace {

bool exists(const std::string &path) {
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (file) std::fclose(file);
    return file;
}

Identity look() {
    Identity out;
    const std::string path = own_path(), folder = path.substr(0, path.rfind('/') + 1);
    const std::string stem = path.substr(0, path.rfind('.'));
    for (const std::string &file : {stem + ".lmw", folder + "weights.lmw", folder + "../Resources/weights.lmw"})
        if (out.file.empty() && exists(file)) out.file = file;
    if (out.file.empty()) {
        out.problem = "expected the weights (weights.lmw) beside " + path + "; install the plugin anew";
        return out;
    }
    unsigned char head[HEADER_BYTES] = {};
    std::FILE *file = std::fopen(out.file.c_str(), "rb");
    const bool is_read = file && std::fread(head, 1, sizeof head, file) == sizeof head;
    if (file) std::fclose(file);
    if (!is_read || std::memcmp(head, "LATNTMIX", 8)) {
        out.problem = out.file + ": expected the weights of a latentmix plugin; install the plugin anew";
        return out;
    }
    head[159] = head[223] = 0; // names end inside their fields, whatever the file says
    if (head[96]) out.name = reinterpret_cast<const char *>(head + 96);
    if (head[160]) out.id = reinterpret_cast<const char *>(head + 160);
    for (int i = 0; i < MAX_ATTRIBUTES; i++) {
        const char *name = reinterpret_cast<const char *>(head + 224 + 16 * i);
        if (*name) out.attributes.emplace_back(name, strnlen(name, 16));
    }
    return out;
}

} // namespace

const Identity &identity() {
    static const Identity found = look();
    return found;
}

std::shared_ptr<const Weights> shared_weights(std::string &problem) {
    static std::mutex mutex;
    static std::weak_ptr<const Weights> shared;
    std::lock_guard<std::mutex> lock(mutex);
    if (auto weights = shared.lock()) return weights;
    const Identity &found = identity();
    problem = found.problem;
    if (!problem.empty()) return nullptr;
    auto weights = Weights::read(found.file, *kernels(), problem);
    shared = weights;
    return weights;
}

} // namespace latentmix
