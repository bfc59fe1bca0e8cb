// The weight file of a melody model: a header that says all sizes, then every tensor in a fixed order.
//
// Little-endian. Offset, type, meaning:
//     0  8 bytes   "LATNTMIX"
//     8  uint32    version, 1
//    12  uint32    CRC-32 (as of zlib) of all bytes from 16 to the end
//    16  uint64    bytes in the file
//    24  16 bytes  fingerprint: SHA-256 of all values, its first half; what a saved project names its model by
//    40  uint32    bytes of a value: 2 (IEEE half) or 4 (float32)
//    44  uint32 x 11  latent_size D, width, across, encoder_blocks, decoder_blocks, step_width, lowest_pitch, pitches,
//                  critic_width, attributes A, melodies M
//    88  float32   fusion
//    92  uint32    kind, 0 (1: of drums, `drum_weights.hpp`)
//    96  64 bytes  name, 160: 64 bytes id, 224: 8 x 16 bytes names of attributes; UTF-8, NUL behind
//   512  values: matrices as panels (`kernels.hpp`), vectors filled up with zeros to a multiple of 16
//   then M melodies of 64 bytes of name, 4 uint32 (steps, numerator, denominator, program), float32 tempo, 12 bytes of
//   zeros, and `steps` uint16 of tokens filled up to a multiple of 16
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "kernels.hpp"
#include "melody.hpp"

namespace latentmix {

constexpr int BEATS = 8, RHYTHM_SYMBOLS = 3, DILATIONS = 5, TOWERS = 2;
constexpr int MAX_BLOCKS = 64, MAX_SIZE = 1024, MAX_ATTRIBUTES = 8, MAX_MELODIES = 8, MAX_STEPS = 4096;
constexpr int MELODY_KIND = 0, DRUM_KIND = 1; // of model
constexpr std::size_t HEADER_BYTES = 512, KIND_AT = 92, MAX_FILE_BYTES = 256u << 20;

struct Sizes {
    int latent_size, width, across, encoder_blocks, decoder_blocks, step_width, lowest_pitch, pitches, critic_width;
    int attributes, melodies;
    float fusion;
    int symbols() const { return 2 + pitches; }
};

struct Norm {
    const float *gain, *offset;
};

// layers.BeatBlock and layers.BeatStack of the Python package
struct Block {
    Norm norm, norm_across;
    Matrix up, down, gather, spread;
};
struct Stack {
    Matrix enter, leave;
    const float *places; // (8, width)
    Norm norm;
    std::vector<Block> blocks;
};

// Everything that a file held; never changes, so that any number of threads may read it.
class Weights {
  public:
    // Reads a file, or bytes that hold one, for a path of kernels. Null, with one line in `problem`, where it is not
    // such a file, is damaged, of another version, or its sizes do not fit one another.
    static std::shared_ptr<const Weights> read(const std::string &path, const Kernels &k, std::string &problem);
    static std::shared_ptr<const Weights> parse(const std::vector<unsigned char> &bytes, const Kernels &k,
                                                std::string &problem);

    Sizes sizes;
    std::string name, id, fingerprint; // the last as 32 hexadecimal digits
    std::vector<std::string> attributes;
    std::vector<Melody> melodies; // that came with the model
    Stack decoder, encoder;
    Norm step_norm;
    Matrix rhythm, pitch;
    const float *critic_symbols; // (2, symbols + 1, critic_width)
    const float *critic_places;  // (2, 32, critic_width)
    // What the critic's first products make of each of these: so they are looked up, and not computed in each decode.
    std::vector<float> symbols_now, symbols_before, places_first; // (2, symbols + 1, c) twice, (2, 32, c)
    Matrix now[DILATIONS][TOWERS], before[DILATIONS][TOWERS], mix[DILATIONS][TOWERS];
    Matrix critic_hidden, critic_scores;
    const float *rhythm_embedding; // (3, step_width)
    const float *pitch_embedding;  // (pitches, step_width)
    const float *directions;       // (attributes, latent_size)

    Weights(const Weights &) = delete;
    Weights &operator=(const Weights &) = delete;

  private:
    Weights() = default;
    void take_tensors(class WeightReader &reader);
    void look_ahead(const Kernels &k); // makes `symbols_now` and so on
    Arena arena_;
};

} // namespace latentmix
