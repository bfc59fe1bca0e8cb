// What the weight files of all kinds of model have in common: how a header begins, and how tensors lie (`weights.hpp`).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "weights.hpp"

namespace latentmix {

constexpr const char *DOES_NOT_FIT = "the sizes in the header do not fit the length of the file; the file is damaged";

std::uint32_t u32(const unsigned char *p);
float f32(const unsigned char *p);
std::string text_at(const unsigned char *p, std::size_t most);
inline std::size_t padded(std::size_t n) { return (n + PANEL - 1) / PANEL * PANEL; }

// False, with what is wrong in `problem`, where it cannot be read whole.
bool read_weight_file(const std::string &path, std::vector<unsigned char> &bytes, std::string &problem);

struct SizeField {
    const char *name;
    int *to, least, most;
};

// Goes through a file once, handing out tensors that lie in `arena`; counts on, and gives null, where they end too soon.
class WeightReader {
  public:
    WeightReader(const std::vector<unsigned char> &file, const Kernels &k, Arena &arena);

    // False, with a line in `problem`, where it is no such file, damaged, or of another kind.
    bool header(int kind, std::string &name, std::string &id, std::string &fingerprint, std::string &problem);
    bool size(const SizeField &field, std::string &problem); // the next one of the header

    void reserve(std::size_t tensors); // room for all of them, at most so many; before the first
    const float *vector(std::size_t n);
    Matrix matrix(int in, int out, bool has_bias);
    Norm norm(int n);
    Stack stack(int in, int out, int width, int across, int blocks);

    const unsigned char *take(std::size_t n); // as it lies in the file
    // What stands before a melody or a groove; its steps, 0 where there is none.
    int piece_head(std::string &name, int &numerator, int &denominator, float &tempo, int *program);
    bool is_good(std::string &problem); // it was read to its end, and all values are finite

  private:
    float *floats(const unsigned char *p, std::size_t n);
    bool can_be_packed(const unsigned char *p, std::size_t n) const; // n halves
    const void *packed(const unsigned char *p, std::size_t n);

    const Kernels &kernels_;
    const std::vector<unsigned char> &file_;
    const unsigned char *at_, *end_;
    Arena &arena_;
    std::size_t field_ = 44;
    int bytes_ = 2;
    bool short_ = false, strange_ = false;
};

} // namespace latentmix
