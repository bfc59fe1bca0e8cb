#include "weight_reader.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "file.hpp"
#include "line.hpp"

namespace latentmix {
namespace {

constexpr const char *KINDS[] = {"melodies", "drums"};
#if defined(__wasm__)
constexpr std::size_t SLICES = 1; // of the checksum: tables of eight would be 7 kB of a page
#else
constexpr std::size_t SLICES = 8;
#endif

// IEEE half -> float32, all cases.
float widen(std::uint16_t half) {
    const std::uint32_t sign = (half & 0x8000u) << 16, exponent = (half >> 10) & 31, mantissa = half & 1023;
    if (exponent == 0) {
        const float small = static_cast<float>(mantissa) * 5.9604644775390625e-8f; // 2^-24
        return sign ? -small : small;
    }
    const std::uint32_t bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | mantissa << 13;
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}

std::uint32_t crc32(const unsigned char *data, std::size_t n) {
    static const auto tables = [] {
        std::array<std::array<std::uint32_t, 256>, SLICES> t{};
        for (std::uint32_t i = 0; i < 256; i++) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
            t[0][i] = c;
        }
        for (std::size_t s = 1; s < SLICES; s++)
            for (std::size_t i = 0; i < 256; i++) t[s][i] = t[0][t[s - 1][i] & 255] ^ t[s - 1][i] >> 8;
        return t;
    }();
    std::uint32_t c = 0xffffffffu;
    std::size_t i = 0;
    for (; SLICES == 8 && i + SLICES <= n; i += SLICES) { // eight bytes at a time: their tables do not wait for one another (Kounavis and Berry 2005)
        const std::uint32_t low = c ^ u32(data + i), high = u32(data + i + 4);
        c = 0;
        for (unsigned k = 0; k < 4; k++)
            c ^= tables[(SLICES - 1 - k) % SLICES][low >> 8 * k & 255] ^ tables[(SLICES - 5 - k) % SLICES][high >> 8 * k & 255];
    }
    for (; i < n; i++) c = tables[0][(c ^ data[i]) & 255] ^ c >> 8;
    return ~c;
}

std::uint64_t u64(const unsigned char *p) { return u32(p) | static_cast<std::uint64_t>(u32(p + 4)) << 32; }

} // namespace

std::uint32_t u32(const unsigned char *p) {
    return p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::uint32_t>(p[3]) << 24;
}
float f32(const unsigned char *p) {
    const std::uint32_t bits = u32(p);
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}
std::string text_at(const unsigned char *p, std::size_t most) {
    const void *end = std::memchr(p, 0, most);
    return std::string(reinterpret_cast<const char *>(p),
                       end ? static_cast<std::size_t>(static_cast<const unsigned char *>(end) - p) : most);
}

bool read_weight_file(const std::string &path, std::vector<unsigned char> &bytes, std::string &problem) {
    std::FILE *file = open_file(path);
    if (!file) {
        problem = "cannot open the file of weights";
        return false;
    }
    std::fseek(file, 0, SEEK_END);
    const long size = std::ftell(file);
    std::rewind(file);
    bool is_read = size >= 0 && static_cast<std::size_t>(size) <= MAX_FILE_BYTES;
    if (is_read) {
        bytes.resize(static_cast<std::size_t>(size));
        is_read = std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
    }
    std::fclose(file);
    if (!is_read) problem = "cannot read the file, or it is longer than 256 MiB";
    return is_read;
}

WeightReader::WeightReader(const std::vector<unsigned char> &file, const Kernels &k, Arena &arena)
    : kernels_(k), file_(file), at_(file.data()), end_(file.data() + file.size()), arena_(arena) {}

bool WeightReader::header(int kind, std::string &name, std::string &id, std::string &fingerprint, std::string &problem) {
    const auto &b = file_;
    Line said("");
    if (b.size() < HEADER_BYTES || std::memcmp(b.data(), "LATNTMIX", 8))
        said.add("expected the weights of a latentmix plugin, found another kind of file");
    else if (u32(&b[8]) != 1)
        said.add("expected version 1 of the format, found ").add(u32(&b[8]));
    else if (u64(&b[16]) != b.size())
        said.add("expected ").add(u64(&b[16])).add(" bytes, found ").add(b.size()).add("; the file is cut off or damaged");
    else if (crc32(&b[16], b.size() - 16) != u32(&b[12]))
        said.add("the checksum is another one: damaged file");
    else if (u32(&b[KIND_AT]) != static_cast<std::uint32_t>(kind))
        said.add("expected a model of ").add(KINDS[kind]).add(", found one of ").add(u32(&b[KIND_AT]) < 2 ? KINDS[u32(&b[KIND_AT])] : "another kind");
    else if (u32(&b[40]) != 2 && u32(&b[40]) != 4)
        said.add("expected values of 2 or 4 bytes, found ").add(u32(&b[40]));
    problem = said.text();
    if (!problem.empty()) return false;
    bytes_ = static_cast<int>(u32(&b[40]));
    name = text_at(&b[96], 64);
    id = text_at(&b[160], 64);
    constexpr const char *DIGITS = "0123456789abcdef";
    char digits[33] = "";
    for (std::size_t i = 0; i < 32; i++) digits[i] = DIGITS[b[24 + i / 2] >> (i % 2 ? 0 : 4) & 15];
    fingerprint = digits;
    at_ = b.data() + HEADER_BYTES;
    return true;
}

bool WeightReader::size(const SizeField &f, std::string &problem) {
    const std::uint32_t found = u32(&file_[field_]);
    field_ += 4;
    if (found < static_cast<std::uint32_t>(f.least) || found > static_cast<std::uint32_t>(f.most)) {
        const auto least = static_cast<std::uint32_t>(f.least), most = static_cast<std::uint32_t>(f.most);
        problem = Line("expected ").add(f.name).add(" from ").add(least).add(" to ").add(most).add(", found ").add(found).text();
        return false;
    }
    *f.to = static_cast<int>(found);
    return true;
}

void WeightReader::reserve(std::size_t tensors) {
    const std::size_t values = (file_.size() - HEADER_BYTES) / static_cast<std::size_t>(bytes_);
    arena_.reserve(values * sizeof(float) + tensors * 2 * Arena::LINE); // as if all were float32
}

const unsigned char *WeightReader::take(std::size_t n) {
    if (short_ || n > static_cast<std::size_t>(end_ - at_)) {
        short_ = true;
        return nullptr;
    }
    const unsigned char *p = at_;
    at_ += n;
    return p;
}

// n values as float32 that stay where they are.
float *WeightReader::floats(const unsigned char *p, std::size_t n) {
    float *out = static_cast<float *>(arena_.take((n + PANEL) * sizeof(float))); // so that a vector read from
    for (std::size_t i = 0; i < n; i++) {
        out[i] = bytes_ == 2 ? widen(static_cast<std::uint16_t>(p[2 * i] | p[2 * i + 1] << 8)) : f32(p + 4 * i);
        strange_ |= !(out[i] - out[i] == 0.0f);
    }
    for (int i = 0; i < PANEL; i++) out[n + i] = 0.0f; // the last value on stays inside
    return out;
}

bool WeightReader::can_be_packed(const unsigned char *p, std::size_t n) const {
    unsigned most = 0;
    for (std::size_t i = 0; i < n; i++) most = std::max(most, static_cast<unsigned>(p[2 * i] | (p[2 * i + 1] & 0x7f) << 8));
    return most < kernels_.end_of_halves;
}

const void *WeightReader::packed(const unsigned char *p, std::size_t n) {
    void *out = std::memcpy(arena_.take(2 * n), p, 2 * n);
    kernels_.pack(static_cast<std::uint16_t *>(out), n);
    return out;
}

const float *WeightReader::vector(std::size_t n) {
    const unsigned char *p = take(padded(n) * bytes_);
    return p ? floats(p, padded(n)) : nullptr;
}

Matrix WeightReader::matrix(int in, int out, bool has_bias) {
    Matrix m;
    m.in = in;
    m.out = out;
    const std::size_t n = static_cast<std::size_t>(in) * padded(out);
    const unsigned char *p = take(n * bytes_);
    m.is_half = p && bytes_ == 2 && can_be_packed(p, n); // infinity and NaN cannot, and are found among floats
    if (p) m.panels = m.is_half ? packed(p, n) : floats(p, n);
    if (has_bias) m.bias = vector(out);
    return m;
}

Norm WeightReader::norm(int n) {
    const float *gain = vector(n);
    return {gain, vector(n)};
}

Stack WeightReader::stack(int in, int out, int width, int across, int blocks) {
    Stack to;
    to.enter = matrix(in, width, true);
    to.places = vector(static_cast<std::size_t>(BEATS) * width);
    for (int i = 0; i < blocks; i++) {
        Block b;
        b.norm = norm(width);
        b.up = matrix(width, 2 * width, true);
        b.down = matrix(2 * width, width, true);
        b.norm_across = norm(width);
        b.gather = matrix(BEATS * width, across, true);
        b.spread = matrix(across, BEATS * width, true);
        to.blocks.push_back(b);
    }
    to.norm = norm(width);
    to.leave = matrix(width, out, true);
    return to;
}

int WeightReader::piece_head(std::string &name, int &numerator, int &denominator, float &tempo, int *program) {
    const unsigned char *head = take(96);
    if (!head) return 0;
    name = text_at(head, 64);
    const std::uint32_t steps = u32(head + 64);
    numerator = static_cast<int>(u32(head + 68) & 255);
    denominator = static_cast<int>(u32(head + 72) & 255);
    if (program) *program = static_cast<int>(u32(head + 76) & 127);
    tempo = f32(head + 80);
    return steps <= static_cast<std::uint32_t>(MAX_STEPS) ? static_cast<int>(steps) : 0;
}

bool WeightReader::is_good(std::string &problem) {
    problem = short_ || at_ != end_ ? DOES_NOT_FIT : strange_ ? "expected finite weights, found NaN or infinity" : "";
    return problem.empty();
}

} // namespace latentmix
