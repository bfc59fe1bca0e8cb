// Reads weight files of drums one after another from stdin, a length before each, and uses those that are accepted.
#include <cstdio>
#include <vector>

#include "framed.hpp"
#include "latentmix.h"

int main() {
    int refused = 0, used = 0;
    for (std::vector<unsigned char> data; next_file(data);) {
        char problem[200] = "";
        lm_drums *drums = lm_drums_parse(data.data(), data.size(), nullptr, problem, sizeof problem);
        refused += !drums && problem[0];
        used += drums != nullptr;
        if (!drums) continue;
        std::vector<float> z(3 * static_cast<std::size_t>(lm_drums_latent_size(drums)), 0.5f);
        std::vector<float> cells(16 * LM_STEPS * 3 * LM_DRUMS);
        for (int i = -1; i < 9; i++) lm_drums_groove(drums, i, cells.data(), 16);
        lm_drums_decode(drums, z.data(), 3, cells.data(), 0.5f, 3);
        lm_drums_humanise(drums, cells.data(), 3, 120.0f, 1.0f);
        lm_drums_encode(drums, cells.data(), 3, z.data());
        lm_drums_free(drums);
    }
    std::printf("%d %d\n", refused, used);
}
