// The weight file of a model of drums: laid out as that of a melody model (`weights.hpp`), but for
//
//    44  uint32 x 11  latent_size D, width, across, encoder_blocks, decoder_blocks, feel_width, feel_blocks, grooves G, windows of
//                  a groove that codes and ways are of V (0: there are none), sets of hits that the feel hears (2), 0
//    92  uint32    kind, 1
//   224  zeros
//   512  values: decoder, encoder, and the network that gives hits velocities and offsets
//   then G grooves of 64 bytes of name, 4 uint32 (steps, numerator, denominator, 0), float32 tempo, 12 bytes of zeros, and of
//   each of steps x 9 cells a byte of velocity, filled up to a multiple of 16, and a float32 of offset, likewise
//   then, of the first N of them (four at most, as partners of the first) the codes (N, V, D), and of each two, the first with the
//   second, with the third ..., the even way between them (PLACES, V, D), float32, filled up likewise
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "groove.hpp"
#include "weights.hpp"

namespace latentmix {

constexpr int TAPS = 5;          // steps that a convolution of the feel sees
constexpr int HEARD = 2;         // sets of hits that it hears: of the window, and what is usual
constexpr int PIECE_WIDTH = 32;  // of what it makes of the usual hits as a whole

struct DrumSizes {
    int latent_size, width, across, encoder_blocks, decoder_blocks, feel_width, feel_blocks, grooves, way_windows, heard;
};

// drums.feel.FeelBlock of the Python package
struct FeelBlock {
    Norm norm;
    Matrix mix, spread; // (TAPS x width, width), (width, width)
};

// Everything that a file held; never changes, so that any number of threads may read it.
class DrumWeights {
  public:
    // As `Weights::parse`.
    static std::shared_ptr<const DrumWeights> parse(const std::vector<unsigned char> &bytes, const Kernels &k, std::string &problem);

    DrumSizes sizes;
    std::string name, id, fingerprint;
    std::vector<Groove> grooves;       // that came with the model
    std::vector<float> latents, ways; // of the first four, as the file has them; or empty
    Stack decoder, encoder;
    Matrix feel_enter, feel_tempo, feel_leave; // (TAPS x HEARD x 9, w), (2, w), (w, 18)
    Matrix feel_piece, feel_piece_out;         // (16 x 9, PIECE_WIDTH), (PIECE_WIDTH, w)
    const float *feel_places;                  // (16, w)
    const float *feel_style;                   // (w), of any style
    std::vector<FeelBlock> feel;

    DrumWeights(const DrumWeights &) = delete;
    DrumWeights &operator=(const DrumWeights &) = delete;

  private:
    DrumWeights() = default;
    Arena arena_;
};

} // namespace latentmix
