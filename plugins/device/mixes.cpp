#include "mixes.hpp"

#include <algorithm>
#include <cstring>

#include "../engine/blend.hpp"
#include "../engine/chart.hpp"

namespace latentmix {
namespace {

double share(int point, int points) { return point == points - 1 ? 1.0 : point * (1.0 / (points - 1)); }

} // namespace

void Mixes::set(std::vector<float> latents, int count) {
    latents_ = std::move(latents);
    count_ = count;
    size_ = static_cast<int>(latents_.size()) / count;
    const std::vector<Way> before = std::move(ways_);
    ways_.clear();
    for (const Way &each : before) add(each);
}

// Bit by bit: a NaN is not itself, its way would be looked for for ever.
bool Mixes::goes(const Way &way, Field field, int from, int step, int pieces) const {
    const std::size_t size = static_cast<std::size_t>(size_);
    if (way.field != field || way.ends.size() != static_cast<std::size_t>(pieces) * size) return false;
    for (int i = 0; i < pieces; i++)
        if (std::memcmp(&way.ends[static_cast<std::size_t>(i) * size], &latents_[static_cast<std::size_t>(from + i * step) * size], size * sizeof(float))) return false;
    return true;
}

const Way *Mixes::way(int from, int to) const {
    for (const Way &each : ways_)
        if (goes(each, Field::LINE, from, to - from, 2)) return &each;
    return nullptr;
}

const Way *Mixes::chart(Field field) const {
    const int pieces = field == Field::GROUPS ? 2 : count_;
    for (const Way &each : ways_)
        if (count_ >= pieces && goes(each, field, 0, 1, pieces)) return &each;
    return nullptr;
}

bool Mixes::is_charted(Field field) const {
    return has_charts_ && (field == Field::GROUPS || (field == Field::PLANE && goes_by_chart_ && count_ > 2));
}

bool Mixes::lacks(Field field, Way &to_find) const {
    if (count_ < 2) return false;
    const std::size_t size = static_cast<std::size_t>(size_);
    const float *first = latents_.data();
    int furthest = 1; // on a line neighbours alone are mixed
    if (is_charted(field)) {
        const Way *known = chart(field);
        const std::size_t pieces = field == Field::GROUPS ? 2 : static_cast<std::size_t>(count_);
        if (!known) to_find = {field, {first, first + pieces * size}, {}, {}};
        if (!known || !known->places.empty()) return !known;
        // no chart, for a melody without notes has no pitches: then by the way between both
    } else if (field == Field::PLANE) {
        furthest = count_ - 1;
    }
    for (int apart = 1; apart <= furthest; apart++)
        for (int i = 0; i + apart < (field == Field::GROUPS ? 2 : count_); i++) {
            if (way(i, i + apart)) continue;
            const float *from = first + i * size, *to = first + (i + apart) * size;
            to_find = {Field::LINE, {from, from + size}, {}, {}};
            to_find.ends.insert(to_find.ends.end(), to, to + size);
            return true;
        }
    return false;
}

void Mixes::add(const Way &found) {
    ways_.push_back(found);
    if (found.field != Field::LINE && chart(found.field) == &ways_.back()) return;
    for (int i = 0; found.field == Field::LINE && i < count_; i++)
        for (int j = i + 1; j < count_; j++)
            if (way(i, j) == &ways_.back()) return;
    ways_.pop_back();
}

std::vector<double> Mixes::weights_at(Field field, double x, double y) const {
    std::vector<double> out(static_cast<std::size_t>(count_));
    if (field != Field::GROUPS || count_ < 2) {
        pad(x, y, spread(count_).data(), count_, out.data());
    } else {
        out[1] = (x + y) / 2.0;
        out[0] = 1.0 - out[1];
    }
    return out;
}

std::vector<double> Mixes::weights(const PadPoints &on, int p) const {
    if (on.field != Field::LINE) return weights_at(on.field, p % SIDE / (SIDE - 1.0), p / SIDE / (SIDE - 1.0));
    std::vector<double> out(static_cast<std::size_t>(count_));
    path(p / (LINE_POINTS - 1.0), count_, out.data());
    return out;
}

std::vector<float> Mixes::chart_shares() const {
    std::vector<float> out;
    for (int p = 0; p < CHART_SIDE * CHART_SIDE; p++)
        for (double weight : weights_at(Field::PLANE, share(p % CHART_SIDE, CHART_SIDE), share(p / CHART_SIDE, CHART_SIDE)))
            out.push_back(static_cast<float>(weight));
    return out;
}

void Mixes::mix(const PadPoints &on, int p, bool is_even, float *out) const {
    const Way *const known = is_even && is_charted(on.field) ? chart(on.field) : nullptr;
    if (known && !known->places.empty()) {
        const int side = on.field == Field::GROUPS ? PLACES : CHART_SIDE;
        on_grid(known->places.data(), side, side, size_, p % SIDE / (SIDE - 1.0), p / SIDE / (SIDE - 1.0), out);
        return;
    }
    const std::vector<double> of_pieces = weights(on, p);
    weighted(latents_.data(), count_, size_, of_pieces.data(), false, out);
    for (int i = 0; is_even && i < count_; i++)
        for (int j = i + 1; j < count_; j++)
            if (of_pieces[i] > 0.0 && of_pieces[j] > 0.0)
                if (const Way *found = way(i, j)) aside(found->places.data(), PLACES, size_, of_pieces[i], of_pieces[j], out);
}

} // namespace latentmix
