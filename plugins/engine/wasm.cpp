// What WebAssembly would have from the C and C++ runtimes otherwise: an allocator a tenth as large, and neither printf nor the last
// words of a program, which nobody reads there: memory that runs out, and an abort, trap.
#if defined(__wasi__)
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>

extern "C" unsigned char __heap_base; // the linker's: where memory is free

namespace {

// Blocks of 32, 48, 64, 96 ... bytes, of which freed ones wait in a list of their size. For one thread.
struct Head {
    unsigned kind; // twice the power of two that the size stays below, and whether it is that
    Head *next, *start; // of a block that waits; of the block
    unsigned unused;
};
constexpr std::size_t PAGE = 65536, LINE = 64, LEAST = 2 * sizeof(Head), MOST = std::size_t{1} << 31;

Head *waiting[64];
std::uintptr_t top, end;

Head *block_of(std::size_t bytes) {
    if (bytes > MOST - sizeof(Head)) return nullptr;
    bytes = bytes + sizeof(Head) < LEAST ? LEAST : bytes + sizeof(Head);
    const unsigned bits = 32u - static_cast<unsigned>(__builtin_clzl(bytes - 1));
    std::size_t size = std::size_t{1} << bits;
    const bool is_full = bytes > size / 4 * 3;
    if (!is_full) size = size / 4 * 3;
    Head *&list = waiting[2 * bits + is_full];
    Head *out = list;
    if (out) {
        list = out->next;
    } else {
        if (!end) {
            top = (reinterpret_cast<std::uintptr_t>(&__heap_base) + sizeof(Head) - 1) / sizeof(Head) * sizeof(Head);
            end = __builtin_wasm_memory_size(0) * PAGE;
        }
        if (end < top || size > end - top) {
            const std::size_t more = size / PAGE + 1;
            if (__builtin_wasm_memory_grow(0, more) == SIZE_MAX) return nullptr;
            end += more * PAGE;
        }
        out = reinterpret_cast<Head *>(top);
        top += size;
    }
    out->kind = 2 * bits + is_full;
    out->start = out;
    return out;
}

void *given(std::size_t bytes) {
    Head *head = block_of(bytes);
    if (!head) __builtin_trap();
    return head + 1;
}

} // namespace

extern "C" {
void *malloc(std::size_t bytes) {
    Head *head = block_of(bytes);
    return head ? head + 1 : nullptr;
}
void *calloc(std::size_t count, std::size_t bytes) {
    void *out = bytes && count > MOST / bytes ? nullptr : malloc(count * bytes);
    return out ? std::memset(out, 0, count * bytes) : nullptr;
}
void free(void *p) {
    if (!p) return;
    const Head *head = static_cast<Head *>(p) - 1;
    Head *start = head->start;
    start->next = waiting[head->kind];
    waiting[head->kind] = start;
}
}

void *operator new(std::size_t bytes) { return given(bytes); }
void *operator new[](std::size_t bytes) { return given(bytes); }
void *operator new(std::size_t bytes, std::align_val_t) { // for `Arena` alone; on a line of a cache is enough here
    Head *head = static_cast<Head *>(given(bytes + LINE)) - 1;
    const auto at = (reinterpret_cast<std::uintptr_t>(head + 1) + LINE - 1) / LINE * LINE;
    Head *own = reinterpret_cast<Head *>(at) - 1;
    own->kind = head->kind;
    own->start = head;
    return own + 1;
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
