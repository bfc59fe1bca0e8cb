// Reads weight files one after another from stdin, a length before each, and uses those that are accepted.
#include <cstdio>
#include <vector>

#include "framed.hpp"
#include "latentmix.h"

int main() {
    int refused = 0, used = 0;
    for (std::vector<unsigned char> data; next_file(data);) {
        char problem[200] = "";
        lm_model *model = nullptr;
        for (const char *path : {"plain", static_cast<const char *>(nullptr)}) {
            model = lm_model_parse(data.data(), data.size(), path, problem, sizeof problem);
            if (!model) continue;
            lm_network *network = lm_network_new(model);
            std::vector<float> z(3 * lm_model_latent_size(model), 0.5f), amounts(lm_model_attributes(model), 1.0f);
            std::vector<int> tokens(3 * LM_STEPS), melody(4096);
            lm_shift(model, amounts.data(), z.data());
            lm_decode(network, z.data(), 3, tokens.data(), 0.5f, 3);
            lm_encode(network, tokens.data(), 3, z.data());
            int metre[2];
            for (int i = -1; i <= lm_model_melodies(model); i++)
                lm_model_melody(model, i, melody.data(), static_cast<int>(melody.size()), metre, metre + 1);
            lm_network_free(network);
            lm_model_free(model);
        }
        if (model)
            used++;
        else if (problem[0])
            refused++;
    }
    std::printf("%d %d\n", refused, used);
}
