// The few functions of the C and C++ libraries that WebAssembly calls beside its allocator: with them it is linked without either, whose
// building takes twice as long as that of all of ours. Compiled with -fno-builtin, or loops here would be made calls of themselves.
#if defined(__wasi__)
#include <cmath>
#include <cstring>
#include <cwchar>
#include <memory>
#include <string>

#include "maths.hpp"

extern "C" {
void __wasm_call_ctors(); // the linker's: what is made before anything is called
[[clang::export_name("_initialize")]] void _initialize() { __wasm_call_ctors(); }

void abort() { __builtin_trap(); }

int memcmp(const void *a, const void *b, std::size_t n) {
    const auto *x = static_cast<const unsigned char *>(a), *y = static_cast<const unsigned char *>(b);
    for (; n; n--, x++, y++) {
        if (*x != *y) return *x - *y;
    }
    return 0;
}
int strcmp(const char *a, const char *b) {
    for (; *a && *a == *b; a++) b++;
    return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}
std::size_t strlen(const char *text) {
    const char *end = text;
    while (*end) end++;
    return static_cast<std::size_t>(end - text);
}
std::size_t wcslen(const wchar_t *text) {
    const wchar_t *end = text;
    while (*end) end++;
    return static_cast<std::size_t>(end - text);
}
void *memchr(const void *bytes, int wanted, std::size_t n) {
    const auto *x = static_cast<const unsigned char *>(bytes);
    for (; n; n--, x++) {
        if (*x == static_cast<unsigned char>(wanted)) return const_cast<unsigned char *>(x);
    }
    return nullptr;
}
wchar_t *wmemchr(const wchar_t *x, wchar_t wanted, std::size_t n) { // looks for whole numbers of this size, too
    for (; n; n--, x++) {
        if (*x == wanted) return const_cast<wchar_t *>(x);
    }
    return nullptr;
}

double round(double x) { // halves away from 0
    const double whole = __builtin_trunc(x); // an instruction
    return __builtin_fabs(x - whole) < 0.5 || !std::isfinite(x) ? whole : whole + (x < 0 ? -1.0 : 1.0);
}
float logf(float x) { // no float is a denormal double
    if (!(x > 0.0f)) return x == 0.0f ? -HUGE_VALF : NAN;
    return std::isfinite(x) ? static_cast<float>(latentmix::logarithm(x)) : x;
}
}

_LIBCPP_BEGIN_NAMESPACE_STD
template class basic_string<char>;

__shared_count::~__shared_count() {}
__shared_weak_count::~__shared_weak_count() {}
void __shared_weak_count::__release_weak() noexcept { // for one thread
    if (__shared_weak_owners_-- == 0) __on_zero_shared_weak();
}
const void *__shared_weak_count::__get_deleter(const type_info &) const noexcept { return nullptr; }
_LIBCPP_END_NAMESPACE_STD
#endif
