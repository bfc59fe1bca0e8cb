// The newest of something big, from one thread to another, wait-free on both sides: three copies that change places.
#pragma once
#include <atomic>
#include <memory>

namespace latentmix {

template <typename T> class Handover {
  public:
    Handover() : copies_(new T[3]()) {}

    // The writing thread: fill `draft`, then `publish` it.
    T &draft() { return copies_[draft_]; }
    void publish() { draft_ = middle_.exchange(draft_ | NEW, std::memory_order_acq_rel) & ~NEW; }

    // The reading thread: whether there is a newer one, which is `newest` from now on.
    bool take() {
        if (!(middle_.load(std::memory_order_relaxed) & NEW)) return false;
        newest_ = middle_.exchange(newest_, std::memory_order_acq_rel) & ~NEW;
        return true;
    }
    const T &newest() const { return copies_[newest_]; }

  private:
    static constexpr int NEW = 4;
    std::unique_ptr<T[]> copies_;
    int draft_ = 0, newest_ = 1;
    std::atomic<int> middle_{2};
};

} // namespace latentmix
