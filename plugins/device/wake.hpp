// A call that an audio thread may make: it never waits, whoever sleeps on it wakes.
#pragma once
#if defined(_WIN32)
#include <windows.h>
#elif defined(__APPLE__)
#include <dispatch/dispatch.h>
#else
#include <cerrno>
#include <semaphore.h>
#endif

namespace latentmix {

class Wake {
  public:
    Wake(const Wake &) = delete;
    Wake &operator=(const Wake &) = delete;
#if defined(_WIN32)
    Wake() : semaphore_(CreateSemaphoreA(nullptr, 0, 1, nullptr)) {}
    ~Wake() { CloseHandle(semaphore_); }
    void call() { ReleaseSemaphore(semaphore_, 1, nullptr); } // more than one call at a time is one
    void wait() { WaitForSingleObject(semaphore_, INFINITE); }

  private:
    HANDLE semaphore_;
#elif defined(__APPLE__)
    Wake() : semaphore_(dispatch_semaphore_create(0)) {}
    ~Wake() { dispatch_release(semaphore_); }
    void call() { dispatch_semaphore_signal(semaphore_); }
    void wait() { dispatch_semaphore_wait(semaphore_, DISPATCH_TIME_FOREVER); }

  private:
    dispatch_semaphore_t semaphore_;
#else
    Wake() { sem_init(&semaphore_, 0, 0); }
    ~Wake() { sem_destroy(&semaphore_); }
    void call() { sem_post(&semaphore_); }
    void wait() {
        while (sem_wait(&semaphore_) && errno == EINTR) {
        }
        while (!sem_trywait(&semaphore_)) { // more than one call at a time is one
        }
    }

  private:
    sem_t semaphore_;
#endif
};

} // namespace latentmix
