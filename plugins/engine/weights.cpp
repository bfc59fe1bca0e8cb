#include "weights.hpp"

#include <cstdio>
#include <cstring>

namespace latentmix {
namespace {

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
    static const std::array<std::uint32_t, 256> table = [] {
        std::array<std::uint32_t, 256> t{};
        for (std::uint32_t i = 0; i < 256; i++) {
            std::uint32_t c = i;
            for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ c >> 1 : c >> 1;
            t[i] = c;
        }
        return t;
    }();
    std::uint32_t c = 0xffffffffu;
    for (std::size_t i = 0; i < n; i++) c = table[(c ^ data[i]) & 255] ^ c >> 8;
    return ~c;
}

std::uint32_t u32(const unsigned char *p) {
    return p[0] | p[1] << 8 | p[2] << 16 | static_cast<std::uint32_t>(p[3]) << 24;
}
std::uint64_t u64(const unsigned char *p) { return u32(p) | static_cast<std::uint64_t>(u32(p + 4)) << 32; }
float f32(const unsigned char *p) {
    const std::uint32_t bits = u32(p);
    float out;
    std::memcpy(&out, &bits, 4);
    return out;
}
std::string text(const unsigned char *p, std::size_t most) {
    const void *end = std::memchr(p, 0, most);
    return std::string(reinterpret_cast<const char *>(p),
                       end ? static_cast<std::size_t>(static_cast<const unsigned char *>(end) - p) : most);
}
// of a file: of a block 12 each with its bias apart, and what is around them
constexpr std::size_t MAX_TENSORS = 2 * MAX_BLOCKS * 12 + 100;

std::size_t padded(std::size_t n) { return (n + PANEL - 1) / PANEL * PANEL; }

} // namespace

// Goes through the values once, handing out tensors; counts on, and gives null, where they end too soon.
class Reader {
  public:
    Reader(Weights &to, const Kernels &k, const std::vector<unsigned char> &file)
        : w_(to), kernels_(k), file_(file), at_(file.data() + HEADER_BYTES), end_(file.data() + file.size()) {}

    bool header(std::string &problem) {
        const auto &b = file_;
        char said[160];
        auto refuse = [&](const char *format, auto... values) {
            std::snprintf(said, sizeof said, format, values...);
            problem = said;
            return false;
        };
        if (b.size() < HEADER_BYTES || std::memcmp(b.data(), "LATNTMIX", 8))
            return refuse("%s", "expected the weights of a latentmix plugin, found another kind of file");
        if (u32(&b[8]) != 1) return refuse("expected version 1 of the format, found %u", (unsigned)u32(&b[8]));
        if (u64(&b[16]) != b.size())
            return refuse("expected %llu bytes, found %llu; the file is cut off or damaged",
                          (unsigned long long)u64(&b[16]), (unsigned long long)b.size());
        if (crc32(&b[16], b.size() - 16) != u32(&b[12])) return refuse("%s", "the checksum is another one: damaged file");
        bytes_ = static_cast<int>(u32(&b[40]));
        if (bytes_ != 2 && bytes_ != 4) return refuse("expected values of 2 or 4 bytes, found %d", bytes_);
        Sizes &s = w_.sizes;
        struct Field {
            const char *name;
            int *to, least, most;
        } fields[] = {{"latent_size", &s.latent_size, BEATS, MAX_SIZE},
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
        std::size_t at = 44;
        for (const Field &f : fields) {
            const std::uint32_t found = u32(&b[at]);
            at += 4;
            if (found < static_cast<std::uint32_t>(f.least) || found > static_cast<std::uint32_t>(f.most))
                return refuse("expected %s from %d to %d, found %u", f.name, f.least, f.most, (unsigned)found);
            *f.to = static_cast<int>(found);
        }
        s.fusion = f32(&b[88]);
        if (!(s.fusion >= 0.0f && s.fusion <= 1.0f)) return refuse("%s", "expected fusion from 0 to 1");
        if (s.latent_size % BEATS || s.lowest_pitch + s.pitches > 128)
            return refuse("latent_size %d, pitches %d from %d on do not fit", s.latent_size, s.pitches, s.lowest_pitch);
        w_.name = text(&b[96], 64);
        w_.id = text(&b[160], 64);
        for (int i = 0; i < s.attributes; i++) w_.attributes.push_back(text(&b[224 + 16 * i], 16));
        char hex[33];
        for (int i = 0; i < 16; i++) std::snprintf(hex + 2 * i, 3, "%02x", b[24 + i]);
        w_.fingerprint = hex;
        return true;
    }

    void tensors() {
        const Sizes &s = w_.sizes;
        const std::size_t values = (file_.size() - HEADER_BYTES) / static_cast<std::size_t>(bytes_);
        w_.arena_.reserve(values * sizeof(float) + MAX_TENSORS * 2 * Arena::LINE); // as if all were float32
        const int share = s.latent_size / BEATS, beat = 32 / BEATS * s.step_width, c = s.critic_width;
        stack(w_.decoder, share, beat, s.decoder_blocks);
        w_.step_norm = norm(s.step_width);
        w_.rhythm = matrix(s.step_width, RHYTHM_SYMBOLS, true);
        w_.pitch = matrix(s.step_width, s.pitches, true);
        w_.critic_symbols = vector(static_cast<std::size_t>(TOWERS) * (s.symbols() + 1) * c);
        w_.critic_places = vector(static_cast<std::size_t>(TOWERS) * 32 * c);
        for (int d = 0; d < DILATIONS; d++)
            for (int t = 0; t < TOWERS; t++) {
                w_.now[d][t] = matrix(c, c, true);
                w_.before[d][t] = matrix(c, c, false);
                w_.mix[d][t] = matrix(c, c, true);
            }
        w_.critic_hidden = matrix(2 * c, 2 * c, true);
        w_.critic_scores = matrix(2 * c, s.symbols(), true);
        w_.rhythm_embedding = vector(static_cast<std::size_t>(RHYTHM_SYMBOLS) * s.step_width);
        w_.pitch_embedding = vector(static_cast<std::size_t>(s.pitches) * s.step_width);
        stack(w_.encoder, beat, share, s.encoder_blocks);
        w_.directions = vector(static_cast<std::size_t>(s.attributes) * s.latent_size);
    }

    bool melodies() {
        for (int i = 0; i < w_.sizes.melodies; i++) {
            const unsigned char *head = take(96);
            if (!head) return false;
            Melody m;
            m.name = text(head, 64);
            const std::uint32_t steps = u32(head + 64);
            m.numerator = static_cast<int>(u32(head + 68) & 255);
            m.denominator = static_cast<int>(u32(head + 72) & 255);
            m.program = static_cast<int>(u32(head + 76) & 127);
            m.tempo = f32(head + 80);
            if (steps < 1 || steps > static_cast<std::uint32_t>(MAX_STEPS)) return false;
            const unsigned char *tokens = take(2 * padded(steps));
            if (!tokens) return false;
            for (std::uint32_t k = 0; k < steps; k++) m.tokens.push_back(tokens[2 * k] | tokens[2 * k + 1] << 8);
            if (!m.is_valid()) return false;
            w_.melodies.push_back(m);
        }
        return true;
    }

    bool is_whole() const { return !short_ && at_ == end_; }
    bool is_finite() const { return !strange_; }

  private:
    const unsigned char *take(std::size_t n) {
        if (short_ || n > static_cast<std::size_t>(end_ - at_)) {
            short_ = true;
            return nullptr;
        }
        const unsigned char *p = at_;
        at_ += n;
        return p;
    }

    // n values as float32 that stay where they are.
    float *floats(const unsigned char *p, std::size_t n) {
        float *out = static_cast<float *>(w_.arena_.take((n + PANEL) * sizeof(float))); // so that a vector read from
        for (std::size_t i = 0; i < n; i++) {
            out[i] = bytes_ == 2 ? widen(static_cast<std::uint16_t>(p[2 * i] | p[2 * i + 1] << 8)) : f32(p + 4 * i);
            strange_ |= !(out[i] - out[i] == 0.0f);
        }
        for (int i = 0; i < PANEL; i++) out[n + i] = 0.0f; // the last value on stays inside
        return out;
    }

    const float *vector(std::size_t n) {
        const unsigned char *p = take(padded(n) * bytes_);
        return p ? floats(p, padded(n)) : nullptr;
    }

    Matrix matrix(int in, int out, bool has_bias) {
        Matrix m;
        m.in = in;
        m.out = out;
        const std::size_t n = static_cast<std::size_t>(in) * padded(out);
        m.is_half = bytes_ == 2 && kernels_.takes_half;
        if (const unsigned char *p = take(n * bytes_)) m.panels = m.is_half ? halves(p, n) : floats(p, n);
        if (has_bias) m.bias = vector(out);
        return m;
    }

    const void *halves(const unsigned char *p, std::size_t n) {
        for (std::size_t i = 0; i < n; i++) strange_ |= (p[2 * i + 1] & 0x7c) == 0x7c; // infinity or NaN
        return std::memcpy(w_.arena_.take(2 * n), p, 2 * n);
    }

    Norm norm(int n) {
        const float *gain = vector(n);
        return {gain, vector(n)};
    }

    void stack(Stack &to, int in, int out, int blocks) {
        const int width = w_.sizes.width, across = w_.sizes.across;
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
    }

    Weights &w_;
    const Kernels &kernels_;
    const std::vector<unsigned char> &file_;
    const unsigned char *at_, *end_;
    int bytes_ = 2;
    bool short_ = false, strange_ = false;
};

std::shared_ptr<const Weights> Weights::parse(const std::vector<unsigned char> &bytes, const Kernels &k,
                                              std::string &problem) {
    std::shared_ptr<Weights> out(new Weights);
    Reader reader(*out, k, bytes);
    if (!reader.header(problem)) return nullptr;
    reader.tensors();
    if (!reader.melodies() || !reader.is_whole()) {
        problem = "the sizes in the header do not fit the length of the file; the file is damaged";
        return nullptr;
    }
    if (!reader.is_finite()) {
        problem = "expected finite weights, found NaN or infinity";
        return nullptr;
    }
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
    std::FILE *file = std::fopen(path.c_str(), "rb");
    if (!file) {
        problem = path + ": cannot open the file of weights";
        return nullptr;
    }
    std::vector<unsigned char> bytes;
    std::fseek(file, 0, SEEK_END);
    const long size = std::ftell(file);
    std::rewind(file);
    bool is_read = size >= 0 && static_cast<std::size_t>(size) <= MAX_FILE_BYTES;
    if (is_read) {
        bytes.resize(static_cast<std::size_t>(size));
        is_read = std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
    }
    std::fclose(file);
    if (!is_read) {
        problem = path + ": cannot read the file, or it is longer than 256 MiB";
        return nullptr;
    }
    auto out = parse(bytes, k, problem);
    if (!out) problem = path + ": " + problem;
    return out;
}

} // namespace latentmix
