#include "weights.hpp"

#include "line.hpp"
#include "weight_reader.hpp"

namespace latentmix {
namespace {

// of a file: of a block 12 each with its bias apart, and what is around them
constexpr std::size_t MAX_TENSORS = 2 * MAX_BLOCKS * 12 + 100;
constexpr std::size_t FUSION_AT = 88, ATTRIBUTES_AT = 224, MAX_ATTRIBUTE_NAME = 16;

bool read_sizes(WeightReader &reader, const std::vector<unsigned char> &file, Sizes &s, std::string &problem) {
    const SizeField fields[] = {{"latent_size", &s.latent_size, BEATS, MAX_SIZE},
                                {"width", &s.width, 1, MAX_SIZE},
                                {"across", &s.across, 1, MAX_SIZE},
                                {"encoder_blocks", &s.encoder_blocks, 1, MAX_BLOCKS},
                                {"decoder_blocks", &s.decoder_blocks, 1, MAX_BLOCKS},
                                {"step_width", &s.step_width, 1, MAX_SIZE},
                                {"lowest_pitch", &s.lowest_pitch, 0, 116},
                                {"pitches", &s.pitches, 12, 128},
                                {"critic_width", &s.critic_width, 1, MAX_SIZE},
                                {"attributes", &s.attributes, 0, MAX_ATTRIBUTES},
                                {"melodies", &s.melodies, 0, MAX_MELODIES}};
    for (const SizeField &f : fields)
        if (!reader.size(f, problem)) return false;
    s.fusion = f32(&file[FUSION_AT]);
    if (!(s.fusion >= 0.0f && s.fusion <= 1.0f))
        problem = "expected fusion from 0 to 1";
    else if (s.latent_size % BEATS || s.lowest_pitch + s.pitches > 128)
        problem = Line("latent_size ")
                      .add(static_cast<std::uint64_t>(s.latent_size))
                      .add(", pitches ")
                      .add(static_cast<std::uint64_t>(s.pitches))
                      .add(" from ")
                      .add(static_cast<std::uint64_t>(s.lowest_pitch))
                      .add(" on do not fit")
                      .text();
    return problem.empty();
}

bool read_melodies(WeightReader &reader, int count, std::vector<Melody> &to) {
    for (int i = 0; i < count; i++) {
        Melody m;
        const int steps = reader.piece_head(m.name, m.numerator, m.denominator, m.tempo, &m.program);
        const unsigned char *tokens = steps ? reader.take(2 * padded(static_cast<std::size_t>(steps))) : nullptr;
        if (!tokens) return false;
        for (int k = 0; k < steps; k++) m.tokens.push_back(tokens[2 * k] | tokens[2 * k + 1] << 8);
        if (!m.is_valid()) return false;
        to.push_back(m);
    }
    return true;
}

} // namespace

void Weights::take_tensors(WeightReader &reader) {
    const Sizes &s = sizes;
    reader.reserve(MAX_TENSORS);
    const int share = s.latent_size / BEATS, beat = 32 / BEATS * s.step_width, c = s.critic_width;
    decoder = reader.stack(share, beat, s.width, s.across, s.decoder_blocks);
    step_norm = reader.norm(s.step_width);
    rhythm = reader.matrix(s.step_width, RHYTHM_SYMBOLS, true);
    pitch = reader.matrix(s.step_width, s.pitches, true);
    critic_symbols = reader.vector(static_cast<std::size_t>(TOWERS) * (s.symbols() + 1) * c);
    critic_places = reader.vector(static_cast<std::size_t>(TOWERS) * 32 * c);
    for (int d = 0; d < DILATIONS; d++)
        for (int t = 0; t < TOWERS; t++) {
            now[d][t] = reader.matrix(c, c, true);
            before[d][t] = reader.matrix(c, c, false);
            mix[d][t] = reader.matrix(c, c, true);
        }
    critic_hidden = reader.matrix(2 * c, 2 * c, true);
    critic_scores = reader.matrix(2 * c, s.symbols(), true);
    rhythm_embedding = reader.vector(static_cast<std::size_t>(RHYTHM_SYMBOLS) * s.step_width);
    pitch_embedding = reader.vector(static_cast<std::size_t>(s.pitches) * s.step_width);
    encoder = reader.stack(beat, share, s.width, s.across, s.encoder_blocks);
    directions = reader.vector(static_cast<std::size_t>(s.attributes) * s.latent_size);
}

std::shared_ptr<const Weights> Weights::parse(const std::vector<unsigned char> &bytes, const Kernels &k,
                                              std::string &problem) {
    std::shared_ptr<Weights> out(new Weights);
    WeightReader reader(bytes, k, out->arena_);
    if (!reader.header(MELODY_KIND, out->name, out->id, out->fingerprint, problem)) return nullptr;
    if (!read_sizes(reader, bytes, out->sizes, problem)) return nullptr;
    for (int i = 0; i < out->sizes.attributes; i++)
        out->attributes.push_back(text_at(&bytes[ATTRIBUTES_AT + MAX_ATTRIBUTE_NAME * i], MAX_ATTRIBUTE_NAME));
    out->take_tensors(reader);
    const bool is_whole = read_melodies(reader, out->sizes.melodies, out->melodies);
    if (!is_whole) problem = DOES_NOT_FIT;
    if (!is_whole || !reader.is_good(problem)) return nullptr;
    out->look_ahead(k);
    return out;
}

void Weights::look_ahead(const Kernels &k) {
    const std::size_t c = static_cast<std::size_t>(sizes.critic_width), rows = static_cast<std::size_t>(sizes.symbols()) + 1;
    symbols_now.resize(TOWERS * rows * c);
    symbols_before.resize(TOWERS * rows * c);
    places_first.resize(TOWERS * 32 * c);
    for (std::size_t t = 0; t < TOWERS; t++) {
        const float *symbols = critic_symbols + t * rows * c, *places = critic_places + t * 32 * c;
        Matrix plain = now[0][t];
        plain.bias = nullptr;
        k.product(plain, symbols, &symbols_now[t * rows * c], static_cast<int>(rows), false);
        k.product(before[0][t], symbols, &symbols_before[t * rows * c], static_cast<int>(rows), false);
        k.product(now[0][t], places, &places_first[t * 32 * c], 32, false);
        k.product(before[0][t], places, &places_first[(t * 32 + 1) * c], 31, true); // of the step before
    }
}

std::shared_ptr<const Weights> Weights::read(const std::string &path, const Kernels &k, std::string &problem) {
    std::vector<unsigned char> bytes;
    auto out = read_weight_file(path, bytes, problem) ? parse(bytes, k, problem) : nullptr;
    if (!out) problem = path + ": " + problem;
    return out;
}

} // namespace latentmix
