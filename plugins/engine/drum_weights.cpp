#include "drum_weights.hpp"

#include <algorithm>
#include <cmath>

#include "travel.hpp"
#include "line.hpp"
#include "weight_reader.hpp"

namespace latentmix {
namespace {

constexpr int MAX_WAY_WINDOWS = 8, MAX_IN_WAYS = 4;
constexpr std::size_t TENSORS = 2 * MAX_BLOCKS * 12 + MAX_BLOCKS * 6 + 100; // at most

bool read_grooves(WeightReader &reader, int count, std::vector<Groove> &to) {
    for (int i = 0; i < count; i++) {
        Groove g;
        const int steps = reader.piece_head(g.name, g.numerator, g.denominator, g.tempo, nullptr);
        if (!steps) return false;
        const std::size_t cells = static_cast<std::size_t>(steps) * DRUMS;
        const unsigned char *velocities = reader.take(padded(cells)), *offsets = reader.take(4 * padded(cells));
        if (!velocities || !offsets) return false;
        g.hits.resize(cells);
        for (std::size_t k = 0; k < cells; k++) {
            g.hits[k].velocity = velocities[k];
            g.hits[k].offset = f32(offsets + 4 * k);
        }
        if (!g.is_valid()) return false;
        to.push_back(g);
    }
    return true;
}

bool read_floats(WeightReader &reader, std::size_t count, std::vector<float> &to) {
    const unsigned char *from = reader.take(4 * padded(count));
    if (!from) return count == 0;
    for (std::size_t i = 0; i < count; i++) {
        to.push_back(f32(from + 4 * i));
        if (!std::isfinite(to.back())) return false;
    }
    return true;
}

} // namespace

std::shared_ptr<const DrumWeights> DrumWeights::parse(const std::vector<unsigned char> &bytes, const Kernels &k, std::string &problem) {
    std::shared_ptr<DrumWeights> out(new DrumWeights);
    DrumSizes &s = out->sizes;
    WeightReader reader(bytes, k, out->arena_);
    if (!reader.header(DRUM_KIND, out->name, out->id, out->fingerprint, problem)) return nullptr;
    const SizeField fields[] = {{"latent_size", &s.latent_size, BEATS, MAX_SIZE}, {"width", &s.width, 1, MAX_SIZE},
                                {"across", &s.across, 1, MAX_SIZE}, {"encoder_blocks", &s.encoder_blocks, 1, MAX_BLOCKS},
                                {"decoder_blocks", &s.decoder_blocks, 1, MAX_BLOCKS}, {"feel_width", &s.feel_width, 1, MAX_SIZE},
                                {"feel_blocks", &s.feel_blocks, 1, MAX_BLOCKS}, {"grooves", &s.grooves, 0, MAX_MELODIES},
                                {"way_windows", &s.way_windows, 0, MAX_WAY_WINDOWS}, {"heard", &s.heard, 0, HEARD}};
    for (const SizeField &f : fields)
        if (!reader.size(f, problem)) return nullptr;
    if (s.heard != HEARD) {
        problem = "these weights are of an earlier release; make them anew with midi-vae export plugin";
        return nullptr;
    }
    if (s.latent_size % BEATS) {
        problem = Line("latent_size ").add(static_cast<std::uint64_t>(s.latent_size)).add(" is no multiple of 8").text();
        return nullptr;
    }
    reader.reserve(TENSORS);
    const int share = s.latent_size / BEATS, beat = WINDOW_CELLS / BEATS, w = s.feel_width;
    out->decoder = reader.stack(share, beat, s.width, s.across, s.decoder_blocks);
    out->encoder = reader.stack(beat, share, s.width, s.across, s.encoder_blocks);
    out->feel_enter = reader.matrix(TAPS * HEARD * DRUMS, w, true);
    out->feel_places = reader.vector(static_cast<std::size_t>(HALF_WINDOW) * w);
    out->feel_style = reader.vector(static_cast<std::size_t>(w));
    out->feel_tempo = reader.matrix(2, w, true);
    out->feel_piece = reader.matrix(HALF_WINDOW * DRUMS, PIECE_WIDTH, true);
    out->feel_piece_out = reader.matrix(PIECE_WIDTH, w, true);
    for (int i = 0; i < s.feel_blocks; i++) {
        FeelBlock b;
        b.norm = reader.norm(w);
        b.mix = reader.matrix(TAPS * w, w, true);
        b.spread = reader.matrix(w, w, true);
        out->feel.push_back(b);
    }
    out->feel_leave = reader.matrix(w, 2 * DRUMS, true);
    const std::size_t few = static_cast<std::size_t>(std::min(s.grooves, MAX_IN_WAYS)), size = static_cast<std::size_t>(s.way_windows) * s.latent_size;
    if (!read_grooves(reader, s.grooves, out->grooves) || !read_floats(reader, few * size, out->latents) ||
        !read_floats(reader, few * (few - (few > 0)) / 2 * PLACES * size, out->ways) || !reader.is_good(problem)) {
        if (problem.empty()) problem = DOES_NOT_FIT;
        return nullptr;
    }
    return out;
}

} // namespace latentmix
