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
        for (std::size_t j = i + 1; j < count; j++) {
            Way way;
            way.ends = piece(w.latents, i * size, size);
            const std::vector<float> to = piece(w.latents, j * size, size);
            way.ends.insert(way.ends.end(), to.begin(), to.end());
            way.places = piece(w.ways, pair++ * PLACES * size, PLACES * size);
            mixes_.add(way);
        }
}

bool DrumBank::set(const std::vector<Groove> &grooves, std::string &problem, const std::vector<float> &latents) {
    if (!BankOf::set(grooves, problem, latents)) return false;
    cells_.clear();
    bring_ways();
    return true;
}

void DrumBank::decode(const PadSettings &settings, DrumPad &to) {
    to.field = settings.field;
    to.steps = partners_[0].steps();
    to.numerator = partners_[0].numerator;
    to.denominator = partners_[0].denominator;
    PadSettings of_cells = settings;
    of_cells.humanise = 0.0f;
    if (cells_.empty() || !(of_cells == decoded_for_)) {
        decode_cells(of_cells, to);
        decoded_for_ = of_cells;
    }
    const std::size_t of_point = static_cast<std::size_t>(windows_) * WINDOW_STEPS * FELT, of_piece = static_cast<std::size_t>(windows_) * WINDOW_CELLS;
    if (settings.humanise > 0.0f && felt_.empty()) {
        felt_.resize(static_cast<std::size_t>(to.count()) * of_point);
        for (int p = 0; p < to.count(); p++)
            network_.feel(&cells_[static_cast<std::size_t>(p) * of_piece], windows_, pieces_[0].tempo, &felt_[static_cast<std::size_t>(p) * of_point]);
    }
    std::vector<float> cells(of_piece);
    for (int p = 0; p < to.count(); p++) {
        std::copy_n(&cells_[static_cast<std::size_t>(p) * of_piece], of_piece, cells.data());
        if (settings.humanise > 0.0f) {
            round_velocities(cells.data(), windows_);
            lay_feel(&felt_[static_cast<std::size_t>(p) * of_point], windows_, settings.humanise, cells.data());
        }
        put(cells.data(), to, p);
    }
}

// What is heard at each point before a drummer's feel is laid on it; kept, so that more or less of that takes no network.
void DrumBank::decode_cells(const PadSettings &settings, const DrumPad &pad) {
    const std::size_t size = static_cast<std::size_t>(mixes_.size()), of_piece = static_cast<std::size_t>(windows_) * WINDOW_CELLS;
    if (noise_.empty() || settings.seed != seed_ || noise_windows_ != windows_) {
        seed_ = settings.seed;
        noise_windows_ = windows_;
        noise_ = draw_drum_noise(seed_, windows_);
    }
    felt_.clear();
    cells_.resize(static_cast<std::size_t>(pad.count()) * of_piece);
    Way missing;
    const bool is_even = !mixes_.lacks(settings.field, missing);
    for (int first = 0; first < pad.count(); first += GrooveBank::POINTS) {
        const int points = std::min(GrooveBank::POINTS, pad.count() - first);
        float *cells = &cells_[static_cast<std::size_t>(first) * of_piece];
        for (int p = 0; p < points; p++) mixes_.mix(pad, first + p, is_even, &points_[static_cast<std::size_t>(p) * size]);
        network_.decode(points_.data(), points * windows_, cells, VARIATION_HEAT * settings.variation, noise_.data(), windows_);
        for (int p = 0; p < points; p++, cells += of_piece) {
            const std::vector<double> weights = mixes_.weights(pad, first + p);
            const auto most = std::max_element(weights.begin(), weights.end());
            if (*most != 1.0 || settings.is_moved()) continue;
            const std::vector<float> own = to_cells(partners_[static_cast<std::size_t>(most - weights.begin())]);
            std::copy(own.begin(), own.end(), cells); // the groove itself rather than what the model makes of it
        }
    }
}

void DrumBank::put(const float *cells, DrumPad &to, int point) const {
    const WindowLayout layout = window_layout(to.numerator, to.denominator);
    const int used = static_cast<int>(layout.places.size());
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
