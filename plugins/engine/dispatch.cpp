// Which path: asked of the processor once, at run time.
#include <cstring>

#include "kernels.hpp"

namespace latentmix {
namespace {

bool has(const Kernels *path) {
    if (!path) return false;
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    if (path == avx512_kernels()) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
    if (path == avx2_kernels())
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#endif
    return true;
}

} // namespace

const Kernels *kernels(const char *name) {
    const Kernels *paths[] = {avx512_kernels(), avx2_kernels(), plain_kernels()};
    for (const Kernels *path : paths)
        if (has(path) && (!name || !std::strcmp(name, path->name))) return path;
    return nullptr;
}

} // namespace latentmix
