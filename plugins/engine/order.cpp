#include "order.hpp"

#include <algorithm>

namespace latentmix {

Order ordered(std::size_t count, const void *rows, bool (*is_before)(const void *rows, std::size_t a, std::size_t b)) {
    Order from(count), to(count);
    for (std::size_t i = 0; i < count; i++) from[i] = i;
    bool is_sorted = true; // as most rows come
    for (std::size_t i = 1; i < count && is_sorted; i++) is_sorted = !is_before(rows, i, i - 1);
    for (std::size_t size = 1; size < count && !is_sorted; size *= 2) { // merges runs of one size
        for (std::size_t begin = 0; begin < count; begin += 2 * size) {
            const std::size_t middle = std::min(begin + size, count), end = std::min(begin + 2 * size, count);
            std::size_t left = begin, right = middle;
            for (std::size_t k = begin; k < end; k++) {
                const bool takes_right = left == middle || (right < end && is_before(rows, from[right], from[left]));
                to[k] = from[takes_right ? right++ : left++];
            }
        }
        from.swap(to);
    }
    return from;
}

} // namespace latentmix
