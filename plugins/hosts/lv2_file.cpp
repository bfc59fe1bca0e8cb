// lv2_file BINARY URI CONTROLS SOUNDS PROPERTY FILE [CONTROL ...]: tells an LV2 plugin a file by patch:Set, as hosts do, in a block of its own, and
// runs on until the plugin's state is another one; writes that state. With the numbers of the controls that make it play, it has the
// plugin play into buffers that are too small for its notes as well: exit 5 where one of them cannot be read.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <lv2/atom/forge.h>
#include <lv2/core/lv2.h>
#include <lv2/patch/patch.h>
#include <lv2/state/state.h>
#include <lv2/urid/urid.h>

namespace {

constexpr uint32_t FRAMES = 256;
constexpr int BLOCKS = 6000; // a minute at most
std::map<std::string, LV2_URID> ids;

LV2_URID id_of(void *, const char *uri) { return ids.emplace(uri, static_cast<LV2_URID>(ids.size() + 1)).first->second; }
LV2_URID_Map map = {nullptr, id_of};

std::string state_of(const LV2_Descriptor *descriptor, LV2_Handle handle) {
    std::string out;
    const auto *state = static_cast<const LV2_State_Interface *>(descriptor->extension_data(LV2_STATE__interface));
    state->save(
        handle,
        [](LV2_State_Handle to, uint32_t, const void *value, size_t size, uint32_t, uint32_t) {
            static_cast<std::string *>(to)->assign(static_cast<const char *>(value), size - 1);
            return LV2_STATE_SUCCESS;
        },
        &out, 0, nullptr);
    return out;
}

bool tells(const LV2_Atom_Sequence &sent) {
    bool out = false;
    LV2_ATOM_SEQUENCE_FOREACH (&sent, event) {
        const auto *object = reinterpret_cast<const LV2_Atom_Object *>(&event->body);
        out |= event->body.type == id_of(nullptr, LV2_ATOM__Object) && object->body.otype == id_of(nullptr, LV2_STATE__StateChanged);
    }
    return out;
}

// Events fill it to its end, and none goes beyond.
bool is_readable(const LV2_Atom_Sequence &sent, uint32_t capacity) {
    if (sent.atom.size > capacity) return false;
    uint32_t at = sizeof(LV2_Atom_Sequence_Body);
    while (at + sizeof(LV2_Atom_Event) <= sent.atom.size)
        at += sizeof(LV2_Atom_Event) + lv2_atom_pad_size(reinterpret_cast<const LV2_Atom_Event *>(reinterpret_cast<const uint8_t *>(&sent.body) + at)->body.size);
    return at == sent.atom.size;
}

bool plays_into_small_buffers(const LV2_Descriptor *descriptor, LV2_Handle plugin, LV2_Atom_Sequence *got, std::vector<float> &controls) {
    bool is_good = true, is_heard = false;
    for (uint32_t capacity = 0; capacity < 128; capacity++)
        for (float enabled : {1.0f, 0.0f}) { // a note begins, and ends
            controls[1] = enabled;
            got->atom = {capacity, 0};
            descriptor->run(plugin, FRAMES);
            if (capacity < sizeof(LV2_Atom_Sequence)) continue;
            is_good &= is_readable(*got, capacity);
            is_heard |= got->atom.size > sizeof(LV2_Atom_Sequence_Body);
        }
    return is_good && is_heard;
}

} // namespace

int main(int count, char **words) {
    if (count < 7) return 2;
    void *library = dlopen(words[1], RTLD_NOW);
    auto find = library ? reinterpret_cast<LV2_Descriptor_Function>(dlsym(library, "lv2_descriptor")) : nullptr;
    const LV2_Descriptor *descriptor = nullptr;
    for (uint32_t i = 0; find && (descriptor = find(i)) && std::strcmp(descriptor->URI, words[2]); i++) {
    }
    const LV2_Feature mapping = {LV2_URID__map, &map};
    const LV2_Feature *features[] = {&mapping, nullptr};
    LV2_Handle plugin = descriptor ? descriptor->instantiate(descriptor, 48000.0, ".", features) : nullptr;
    if (!plugin) return 3;
    alignas(8) uint8_t in[8192], out[16384];
    std::vector<float> controls(static_cast<std::size_t>(std::atoi(words[3])), 0.0f), sound(FRAMES);
    auto *sent = reinterpret_cast<LV2_Atom_Sequence *>(in), *got = reinterpret_cast<LV2_Atom_Sequence *>(out);
    descriptor->connect_port(plugin, 0, sent);
    descriptor->connect_port(plugin, 1, got);
    uint32_t port = 2;
    for (float &control : controls) descriptor->connect_port(plugin, port++, &control);
    for (int i = 0; i < std::atoi(words[4]); i++) descriptor->connect_port(plugin, port++, sound.data());
    descriptor->activate(plugin);
    const std::string before = state_of(descriptor, plugin);
    std::string after = before;
    bool is_told = false; // that the project has changed
    for (int block = 0; block < BLOCKS && (after == before || !is_told); block++) {
        LV2_Atom_Forge forge;
        LV2_Atom_Forge_Frame sequence, object;
        lv2_atom_forge_init(&forge, &map);
        lv2_atom_forge_set_buffer(&forge, in, sizeof in);
        lv2_atom_forge_sequence_head(&forge, &sequence, 0);
        if (!block) {
            lv2_atom_forge_frame_time(&forge, 17);
            lv2_atom_forge_object(&forge, &object, 0, id_of(nullptr, LV2_PATCH__Set));
            lv2_atom_forge_key(&forge, id_of(nullptr, LV2_PATCH__property));
            lv2_atom_forge_urid(&forge, id_of(nullptr, words[5]));
            lv2_atom_forge_key(&forge, id_of(nullptr, LV2_PATCH__value));
            lv2_atom_forge_path(&forge, words[6], static_cast<uint32_t>(std::strlen(words[6])));
            lv2_atom_forge_pop(&forge, &object);
        }
        lv2_atom_forge_pop(&forge, &sequence);
        got->atom = {sizeof out - sizeof(LV2_Atom), 0};
        descriptor->run(plugin, FRAMES);
        is_told |= tells(*got);
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
        after = state_of(descriptor, plugin);
    }
    sent->atom.size = sizeof(LV2_Atom_Sequence_Body);
    for (int i = 7; i < count; i++) controls[static_cast<std::size_t>(std::atoi(words[i]))] = 1.0f;
    const bool is_readable = count < 8 || plays_into_small_buffers(descriptor, plugin, got, controls);
    descriptor->cleanup(plugin);
    std::fputs(after.c_str(), stdout);
    return after == before ? 1 : !is_told ? 4 : is_readable ? 0 : 5;
}
