// An LV2 instrument for tests of hosts that say nothing of notes, but write sound: a note that begins is one sample. On the left
// the sum of 2^(note - 36) / 2^16, so that it says which of the notes 36 to 51 begin at a frame; on the right the sum of their
// velocities / 2^11. Both are exact in float32.
#include <cmath>
#include <cstring>

#include <lv2/atom/util.h>
#include <lv2/core/lv2.h>
#include <lv2/midi/midi.h>
#include <lv2/urid/urid.h>

namespace {

constexpr int LOWEST = 36, NOTES = 16;

struct Hits {
    LV2_URID midi = 0;
    const LV2_Atom_Sequence *in = nullptr;
    float *out[2] = {};
};

Hits &of(LV2_Handle handle) { return *static_cast<Hits *>(handle); }

LV2_Handle instantiate(const LV2_Descriptor *, double, const char *, const LV2_Feature *const *features) {
    for (; features && *features; features++) {
        if (std::strcmp((*features)->URI, LV2_URID__map)) continue;
        const auto *map = static_cast<const LV2_URID_Map *>((*features)->data);
        return new Hits{map->map(map->handle, LV2_MIDI__MidiEvent)};
    }
    return nullptr;
}

void run(LV2_Handle handle, uint32_t frames) {
    Hits &hits = of(handle);
    for (float *side : hits.out) std::memset(side, 0, frames * sizeof *side);
    LV2_ATOM_SEQUENCE_FOREACH (hits.in, event) {
        const auto *bytes = reinterpret_cast<const uint8_t *>(event + 1);
        const int64_t at = event->time.frames;
        if (event->body.type != hits.midi || event->body.size < 3 || (bytes[0] & 0xf0) != 0x90 || !bytes[2]) continue;
        if (at < 0 || at >= frames || bytes[1] < LOWEST || bytes[1] >= LOWEST + NOTES) continue;
        hits.out[0][at] += std::ldexp(1.0f, bytes[1] - LOWEST - NOTES);
        hits.out[1][at] += std::ldexp(static_cast<float>(bytes[2]), -11);
    }
}

void connect(LV2_Handle handle, uint32_t port, void *data) {
    if (port == 0) of(handle).in = static_cast<const LV2_Atom_Sequence *>(data);
    else if (port < 3) of(handle).out[port - 1] = static_cast<float *>(data);
}

} // namespace

LV2_SYMBOL_EXPORT const LV2_Descriptor *lv2_descriptor(uint32_t index) {
    static const LV2_Descriptor descriptor = {"urn:latentmix:test:hits", instantiate, connect, nullptr, run, nullptr,
                                              [](LV2_Handle handle) { delete &of(handle); }, nullptr};
    return index ? nullptr : &descriptor;
}
