// audio_thread WEIGHTS FRAMES BLOCKS [count|settle]: what the audio thread's part of a plugin does beside computing, and how
// long it takes.
//
// Every allocation, every lock and every wait of this process is counted while `Device::process` runs, and while another
// thread moves all parameters and has pads decoded; and how much memory weights and instances take. Linux with glibc: the
// counted functions stand in front of its own.
#include <dlfcn.h>
#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "../device/device.hpp"

static thread_local bool is_audio = false;
static std::atomic<long> allocations{0}, locks{0}, waits{0};

#if defined(__has_feature)
#if __has_feature(realtime_sanitizer)
#define REALTIME_SANITIZER // of Clang from version 20 on: it ends the program where the audio thread calls what may block
#include <sanitizer/rtsan_interface.h>
extern "C" void __rtsan_realtime_enter(void); // as a function marked [[clang::nonblocking]] does; in no header
extern "C" void __rtsan_realtime_exit(void);
#endif
#endif

static void enter_audio_thread() {
    is_audio = true;
#if defined(REALTIME_SANITIZER)
    __rtsan_realtime_enter();
#endif
}
static void leave_audio_thread() {
#if defined(REALTIME_SANITIZER)
    __rtsan_realtime_exit();
#endif
    is_audio = false;
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) && !defined(REALTIME_SANITIZER) // which stand in front of these themselves
extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

void *malloc(size_t n) {
    if (is_audio) allocations++;
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t size) {
    if (is_audio) allocations++;
    return __libc_calloc(n, size);
}
void *realloc(void *p, size_t n) {
    if (is_audio) allocations++;
    return __libc_realloc(p, n);
}
void free(void *p) {
    if (is_audio && p) allocations++;
    __libc_free(p);
}
int pthread_mutex_lock(pthread_mutex_t *mutex) {
    static const auto next = reinterpret_cast<int (*)(pthread_mutex_t *)>(dlsym(RTLD_NEXT, "pthread_mutex_lock"));
    if (is_audio) locks++;
    return next(mutex);
}
int sem_wait(sem_t *semaphore) {
    static const auto next = reinterpret_cast<int (*)(sem_t *)>(dlsym(RTLD_NEXT, "sem_wait"));
    if (is_audio) waits++;
    return next(semaphore);
}
}
#endif

using namespace latentmix;

namespace {

class Count final : public NoteSink {
  public:
    void note(int, bool is_on, int, int, int) override { notes += is_on; }
    long notes = 0;
};

// Memory of this process that is not shared with others, in MB.
double memory() {
    long pages = 0, resident = 0, shared = 0;
    if (std::FILE *file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld %ld", &pages, &resident, &shared) != 3) resident = shared = 0;
        std::fclose(file);
    }
    return static_cast<double>(resident - shared) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

} // namespace

int main(int count, char **words) {
    if (count < 4) return 2;
    const int frames = std::atoi(words[2]), blocks = std::atoi(words[3]);
    const std::string more = count > 4 ? words[4] : "";
    const bool counts = more == "count"; // a lock and an allocation on purpose: the counters must see them
    std::string problem;
    const double empty = memory();
    const Model model = read_model(words[1], *kernels(), problem);
    if (!model) {
        std::fprintf(stderr, "%s\n", problem.c_str());
        return 2;
    }
    const double read = memory();
    const std::unique_ptr<Device> owner = Device::make(model, *kernels());
    Device &device = *owner;
    device.activate(48000.0, more == "settle"); // until all ways are found, as before a bounce
    std::atomic<bool> ends{false};
    std::thread hand([&] {
        for (unsigned turn = 1; !ends; turn++) {
            for (const ParameterInfo &p : device.table())
                if (p.id != BYPASS && p.id != RECORD && p.id != RUN)
                    device.set(p.id, p.least + (turn * 7919 % 1000) / 999.0 * (p.most - p.least));
            std::this_thread::sleep_for(std::chrono::milliseconds(3));
        }
    });
    std::vector<float> left(frames), right(frames);
    std::vector<double> times;
    times.reserve(blocks);
    Count out;
    Transport transport;
    transport.is_playing = transport.has_position = true;
    transport.tempo = 120.0;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int b = 0; b < blocks; b++) {
        transport.beat = static_cast<double>(b) * frames / 24000.0;
        NoteIn in[] = {{b % frames, b % 2 == 0, b / 2 % 2 ? 60 : 38, 100}}; // a melody's and a drum's
        device.set(RECORD, b / 4096 % 2); // recordings come and go
        const auto start = std::chrono::steady_clock::now();
        enter_audio_thread();
        device.process(transport, in, 1, frames, out, model.drums ? nullptr : left.data(), right.data());
        if (counts) {
            pthread_mutex_lock(&mutex);
            pthread_mutex_unlock(&mutex);
            std::free(std::malloc(static_cast<size_t>(frames)));
        }
        leave_audio_thread();
        times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
        if (b % 64 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200)); // the others have a turn
    }
    ends = true;
    hand.join();
    std::sort(times.begin(), times.end());
    const double one = memory() - static_cast<double>(blocks) * sizeof(double) / 1e6; // after all that it did, less `times`
    std::printf("{\"allocations\": %ld, \"locks\": %ld, \"waits\": %ld, \"notes\": %ld, \"p50_us\": %.2f, \"p999_us\": %.2f, "
                "\"weights_mb\": %.1f, \"instance_mb\": %.1f}\n",
                allocations.load(), locks.load(), waits.load(), out.notes, times[times.size() / 2],
                times[static_cast<std::size_t>(static_cast<double>(times.size()) * 0.999)], read - empty, one - read);
}
