// One block of memory for all weights, in the order of their use: in large pages where the system gives some, for a decode
// goes through all of it, and with pages of 4 kB a third of that time is spent on finding them.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>
#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace latentmix {

class Arena {
  public:
    static constexpr std::size_t LINE = 64; // of a cache: everything starts on one

    Arena() = default;
    Arena(const Arena &) = delete;
    Arena &operator=(const Arena &) = delete;
    ~Arena() { ::operator delete(first_, std::align_val_t(LARGE)); }

    // Room for so many bytes; what is never written to costs no memory. Once, before `take`.
    void reserve(std::size_t bytes) {
        left_ = (bytes + LARGE - 1) / LARGE * LARGE;
        first_ = next_ = static_cast<char *>(::operator new(left_, std::align_val_t(LARGE)));
#if defined(__linux__) && defined(MADV_HUGEPAGE)
        madvise(first_, left_, MADV_HUGEPAGE); // advice alone: where it is not taken, pages are small
#endif
    }

    void *take(std::size_t bytes) {
        const std::size_t whole = (bytes + LINE - 1) / LINE * LINE;
        if (whole > left_) std::abort(); // who reserves knows what will be taken
        char *out = next_;
        next_ += whole;
        left_ -= whole;
        return out;
    }

  private:
    static constexpr std::size_t LARGE = 2u << 20;
    char *first_ = nullptr, *next_ = nullptr;
    std::size_t left_ = 0;
};

} // namespace latentmix
