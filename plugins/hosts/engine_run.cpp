// engine_run WEIGHTS LATENTS: decodes latents (float32, little-endian, one after another), encodes what they become, and
// writes for each 32 tokens as int32, then D float32 of the mean. For processors that Python does not run on here.
#include <cstdio>
#include <vector>

#include "../engine/latentmix.h"

int main(int count, char **words) {
    char problem[256] = "usage: engine_run WEIGHTS LATENTS";
    lm_model *model = count == 3 ? lm_model_read(words[1], nullptr, problem, sizeof problem) : nullptr;
    std::FILE *file = model ? std::fopen(words[2], "rb") : nullptr;
    if (!file) {
        std::fprintf(stderr, "engine_run: %s\n", model ? "cannot open the latents" : problem);
        return 2;
    }
    lm_network *network = lm_network_new(model);
    std::vector<float> z(static_cast<std::size_t>(lm_model_latent_size(model)));
    while (std::fread(z.data(), sizeof(float), z.size(), file) == z.size()) {
        int tokens[LM_STEPS];
        lm_decode(network, z.data(), 1, tokens, 0.0f, 0);
        lm_encode(network, tokens, 1, z.data());
        std::fwrite(tokens, sizeof(int), LM_STEPS, stdout);
        std::fwrite(z.data(), sizeof(float), z.size(), stdout);
    }
    std::fclose(file);
    lm_network_free(network);
    lm_model_free(model);
    return 0;
}
