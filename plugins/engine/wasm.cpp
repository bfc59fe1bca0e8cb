// What WebAssembly would have from the C++ runtime otherwise, with all of printf for the last words of a program that nobody
// reads there: memory that runs out, and an abort, trap.
#if defined(__wasi__)
#include <cstdlib>
#include <new>

namespace {

void *given(std::size_t bytes) {
    void *out = std::malloc(bytes ? bytes : 1);
    if (!out) __builtin_trap();
    return out;
}

} // namespace

void *operator new(std::size_t bytes) { return given(bytes); }
void *operator new[](std::size_t bytes) { return given(bytes); }
void *operator new(std::size_t bytes, std::align_val_t) { // for `Arena` alone; on a line of a cache is enough here
    constexpr std::size_t LINE = 64;
    void *out = std::aligned_alloc(LINE, (bytes + LINE - 1) / LINE * LINE);
    if (!out) __builtin_trap();
    return out;
}
void operator delete(void *p) noexcept { std::free(p); }
void operator delete[](void *p) noexcept { std::free(p); }
void operator delete(void *p, std::size_t) noexcept { std::free(p); }
void operator delete[](void *p, std::size_t) noexcept { std::free(p); }
void operator delete(void *p, std::align_val_t) noexcept { std::free(p); }

_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] _LIBCPP_EXPORTED_FROM_ABI void __libcpp_verbose_abort(const char *, ...) noexcept { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD
#endif
