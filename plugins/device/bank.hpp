// What the pads of melodies and of drums are decoded from: pieces as partners, their latents and the ways between them.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "mixes.hpp"
#include "pad_points.hpp"

namespace latentmix {

// One to four pieces with their latents. For one thread at a time. `Kind` names piece, network, and the numbers of a window,
// and says how a piece is cut into windows, how these become latents, and how long it may be.
template <class Kind> class BankOf {
  public:
    using Piece = typename Kind::Piece;
    using Network = typename Kind::Network;

    const std::vector<Piece> &pieces() const { return pieces_; }
    const std::vector<Piece> &as_partners() const { return partners_; } // the same, in one metre and of one length
    const std::string &fingerprint() const { return network_.weights().fingerprint; }
    const std::vector<float> &latents() const { return mixes_.latents(); } // (pieces, windows, D)
    int windows() const { return windows_; }
    bool goes_by_chart() const { return mixes_.goes_by_chart(); }
    void go_by_chart(bool does) { mixes_.go_by_chart(does); } // as `Mixes`

    // Another set of pieces; false, with a line in `problem`, where they do not go together, and nothing changes.
    // Latents are those of an earlier `latents`, or empty: then they are computed, a millisecond a window.
    bool set(const std::vector<Piece> &pieces, std::string &problem, const std::vector<float> &latents = {}) {
        if (pieces.empty() || pieces.size() > SLOTS) {
            problem = std::string("expected 1 to 4 ") + Kind::PIECES;
            return false;
        }
        std::vector<Piece> together = partners(pieces);
        if (together.empty()) {
            problem = std::string("expected bars of at most 32 sixteenths in the first ") + Kind::PIECE;
            return false;
        }
        std::vector<typename Kind::Value> windows;
        for (const Piece &each : together) {
            const std::vector<typename Kind::Value> of_it = Kind::windows(each);
            windows.insert(windows.end(), of_it.begin(), of_it.end());
        }
        const int count = static_cast<int>(windows.size() / Kind::WINDOW), of_each = count / static_cast<int>(together.size());
        if (of_each > Kind::MOST || Kind::steps(together[0]) > Kind::MOST * WINDOW_STEPS) {
            problem = std::string("expected ") + Kind::PIECES + " of at most " + std::to_string(Kind::MOST) + " windows (" +
                      std::to_string(2 * Kind::MOST) + " bars of 4/4)";
            return false;
        }
        const std::size_t latent_size = static_cast<std::size_t>(network_.weights().sizes.latent_size);
        std::vector<float> all = latents;
        if (all.size() != static_cast<std::size_t>(count) * latent_size) {
            all.resize(static_cast<std::size_t>(count) * latent_size);
            Kind::latents(network_, windows.data(), count, all.data());
            recall(together, all);
        }
        mixes_.set(std::move(all), static_cast<int>(together.size()));
        pieces_ = pieces;
        partners_ = together;
        windows_ = of_each;
        points_.resize(static_cast<std::size_t>(Kind::POINTS * windows_) * latent_size);
        return true;
    }

  protected:
    BankOf(std::shared_ptr<const typename Kind::Weights> weights, const Kernels &kernels)
        : network_(std::move(weights), kernels), mixes_(Kind::HAS_CHARTS) {}
    ~BankOf() = default;

    Network network_;
    std::vector<Piece> pieces_, partners_;
    Mixes mixes_;
    unsigned seed_ = 0;
    std::vector<float> points_; // latents of so many points of a pad
    int windows_ = 0;

  private:
    // Latents (pieces, windows, D) of partners that came with the weights are put in the place of the encoder's.
    virtual void recall(const std::vector<Piece> &, std::vector<float> &) const {}
};

} // namespace latentmix
