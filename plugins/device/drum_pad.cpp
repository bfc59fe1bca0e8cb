#include "drum_pad.hpp"

#include <algorithm>
#include <cmath>

namespace latentmix {
namespace {

constexpr float VARIATION_HEAT = 2.0f; // of a model that is sure of its hits: below a temperature of 2 hardly one is another

// What is played has whole velocities, and so has what the feel is laid on.
void round_velocities(float *cells, int windows) {
    for (int s = 0; s < windows * WINDOW_STEPS; s++, cells += CELL)
        for (int d = 0; d < DRUMS; d++)
            if (cells[d] > 0.5f) cells[DRUMS + d] = std::max(std::nearbyint(cells[DRUMS + d] * FULL), 1.0f) / FULL;
}

} // namespace

DrumBank::DrumBank(std::shared_ptr<const DrumWeights> weights, const Kernels &kernels) : BankOf(weights, kernels) {
    std::string problem;
    std::vector<Groove> first = weights->grooves;
    if (first.size() > SLOTS) first.resize(SLOTS);
    if (!weights->latents.empty()) known_ = partners(first);
    if (!first.empty() && set(first, problem)) return;
    Groove silence;
    silence.hits.resize(static_cast<std::size_t>(WINDOW_STEPS) * DRUMS);
    set({silence, silence}, problem);
}

// The codes of the grooves that came with the weights are a little other ones than the encoder's: the ways go between them.
void DrumBank::recall(const std::vector<Groove> &grooves, std::vector<float> &latents) const {
    const std::vector<float> &theirs = network_.weights().latents;
    const std::size_t size = latents.size() / grooves.size();
    if (theirs.size() != known_.size() * size) return;
    for (std::size_t i = 0; i < grooves.size(); i++)
        for (std::size_t k = 0; k < known_.size(); k++)
            if (grooves[i].numerator == known_[k].numerator && grooves[i].denominator == known_[k].denominator &&
                grooves[i].hits == known_[k].hits)
                std::copy_n(theirs.begin() + static_cast<std::ptrdiff_t>(k * size), size, latents.begin() + static_cast<std::ptrdiff_t>(i * size));
}

void DrumBank::bring_ways() {
    const DrumWeights &w = network_.weights();
    const std::size_t count = known_.size(), size = count ? w.latents.size() / count : 0;
    auto piece = [&](const std::vector<float> &of, std::size_t at, std::size_t length) {
        const auto begin = of.begin() + static_cast<std::ptrdiff_t>(at);
        return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(length));
    };
    std::size_t pair = 0;
    for (std::size_t i = 0; i < count; i++)
        for (std::size_t j = i + 1; j < count; j++)
            mixes_.add({piece(w.latents, i * size, size), piece(w.latents, j * size, size), piece(w.ways, pair++ * PLACES * size, PLACES * size)});
}

bool DrumBank::set(const std::vector<Groove> &grooves, std::string &problem, const std::vector<float> &latents) {
    if (!BankOf::set(grooves, problem, latents)) return false;
    bring_ways();
    return true;
}

void DrumBank::decode(const PadSettings &settings, DrumPad &to) {
    const std::size_t size = static_cast<std::size_t>(mixes_.size()), of_cells = static_cast<std::size_t>(windows_) * WINDOW_CELLS;
    if (noise_.empty() || settings.seed != seed_ || noise_windows_ != windows_) {
        seed_ = settings.seed;
        noise_windows_ = windows_;
        noise_ = draw_drum_noise(seed_, windows_);
    }
    to.is_plane = settings.is_plane;
    to.steps = partners_[0].steps();
    to.numerator = partners_[0].numerator;
    to.denominator = partners_[0].denominator;
    Way missing;
    const bool is_even = !mixes_.lacks(settings.is_plane, missing);
    for (int first = 0; first < to.count(); first += GrooveBank::POINTS) {
        const int points = std::min(GrooveBank::POINTS, to.count() - first);
        for (int p = 0; p < points; p++) mixes_.mix(mixes_.weights(to, first + p), is_even, &points_[static_cast<std::size_t>(p) * size]);
        network_.decode(points_.data(), points * windows_, decoded_.data(), VARIATION_HEAT * settings.variation, noise_.data(), windows_);
        for (int p = 0; p < points; p++) {
            float *cells = &decoded_[static_cast<std::size_t>(p) * of_cells];
            const std::vector<double> weights = mixes_.weights(to, first + p);
            const auto most = std::max_element(weights.begin(), weights.end());
            if (*most == 1.0 && !settings.is_moved()) { // the groove itself rather than what the model makes of it
                const std::vector<float> own = to_cells(partners_[static_cast<std::size_t>(most - weights.begin())]);
                std::copy(own.begin(), own.end(), cells);
            }
            put(settings, cells, to, first + p);
        }
    }
}

void DrumBank::put(const PadSettings &settings, float *cells, DrumPad &to, int point) {
    const WindowLayout layout = window_layout(to.numerator, to.denominator);
    const int used = static_cast<int>(layout.places.size());
    if (settings.humanise > 0.0f) {
        round_velocities(cells, windows_);
        network_.humanise(cells, windows_, pieces_[0].tempo, settings.humanise);
    }
    for (int s = 0; s < to.steps; s++) {
        Hit hits[DRUMS];
        to_hits(cells + s / used * WINDOW_CELLS + layout.places[static_cast<std::size_t>(s % used)] * CELL, hits);
        for (int d = 0; d < DRUMS; d++) {
            to.velocities[point][s][d] = hits[d].velocity;
            to.offsets[point][s][d] = hits[d].offset;
        }
    }
}

} // namespace latentmix
