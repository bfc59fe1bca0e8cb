#include "identity.hpp"

#include <cstdio>
#include <cstring>
#include <mutex>

#include "../engine/file.hpp"
#include "../engine/weight_reader.hpp"

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
    wchar_t path[MAX_PATH] = L"";
    char text[4 * MAX_PATH] = ""; // UTF-8
    GetModuleHandleExA(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT, &anchor, &module);
    GetModuleFileNameW(module, path, MAX_PATH);
    WideCharToMultiByte(CP_UTF8, 0, path, -1, text, sizeof text, nullptr, nullptr);
    std::string out(text);
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
    std::FILE *file = open_file(path);
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
    std::FILE *file = open_file(out.file);
    const bool is_read = file && std::fread(head, 1, sizeof head, file) == sizeof head;
    if (file) std::fclose(file);
    if (!is_read || std::memcmp(head, "LATNTMIX", 8)) {
        out.problem = out.file + ": expected the weights of a latentmix plugin; install the plugin anew";
        return out;
    }
    head[159] = head[223] = 0; // names end inside their fields, whatever the file says
    if (head[96]) out.name = reinterpret_cast<const char *>(head + 96);
    if (head[160]) out.id = reinterpret_cast<const char *>(head + 160);
    out.kind = static_cast<int>(u32(head + KIND_AT));
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

Model read_model(const std::string &file, const Kernels &kernels, std::string &problem) {
    std::vector<unsigned char> bytes;
    Model out;
    if (!read_weight_file(file, bytes, problem)) return out;
    if (bytes.size() >= HEADER_BYTES && u32(&bytes[KIND_AT]) == DRUM_KIND) out.drums = DrumWeights::parse(bytes, kernels, problem);
    else out.melodies = Weights::parse(bytes, kernels, problem);
    return out;
}

Model shared_model(std::string &problem) {
    static std::mutex mutex;
    static std::weak_ptr<const Weights> melodies;
    static std::weak_ptr<const DrumWeights> drums;
    std::lock_guard<std::mutex> lock(mutex);
    Model model = {melodies.lock(), drums.lock()};
    if (model) return model;
    const Identity &found = identity();
    problem = found.problem;
    if (!problem.empty()) return {};
    model = read_model(found.file, *kernels(), problem);
    if (!model) problem = found.file + ": " + problem;
    melodies = model.melodies;
    drums = model.drums;
    return model;
}

} // namespace latentmix
