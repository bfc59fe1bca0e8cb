// LV2's window: parameters by control ports as any host has them; what there is to see from the instance itself, where the
// host gives it (instance-access; each host that runs windows in the process of its plugins can).
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>

#include <lv2/atom/forge.h>
#include <lv2/core/lv2.h>
#include <lv2/instance-access/instance-access.h>
#include <lv2/patch/patch.h>
#include <lv2/ui/ui.h>
#include <lv2/urid/urid.h>

#include "../midi/midi_file.hpp"
#include "lv2_ports.hpp"
#include "own_window.hpp"

using namespace latentmix;

namespace {

class Ui {
  public:
    Ui(LV2UI_Write_Function write, LV2UI_Controller controller, const LV2UI_Touch *touch, const LV2_URID_Map *map,
       void *instance, bool is_synth)
        : write_(write), controller_(controller), touch_(touch), map_(map), device_(instance ? &device_of(instance) : nullptr),
          window(client(), is_synth ? " synth" : "") {
        for (const ParameterInfo &p : table_) values_[p.id] = device_ ? device_->get(p.id) : p.standard;
    }

    void hear(uint32_t port, float value) {
        if (!std::isfinite(value)) return;
        if (port == ENABLED) values_[BYPASS] = value < 0.5f;
        else if (port >= FIRST_PARAMETER && port - FIRST_PARAMETER < table_.size() && table_[port - FIRST_PARAMETER].id != BYPASS)
            values_[table_[port - FIRST_PARAMETER].id] = static_cast<double>(value);
    }

  private:
    uint32_t port_of(int parameter) const {
        return static_cast<uint32_t>(parameter == BYPASS ? static_cast<int>(ENABLED) : FIRST_PARAMETER + index_of(table_, parameter));
    }
    WindowClient client() {
        WindowClient out = {};
        out.plugin = this;
        out.get = [](void *p, int parameter) { return static_cast<Ui *>(p)->values_[parameter]; };
        out.touch = [](void *p, int parameter, bool begins) {
            const Ui &ui = *static_cast<Ui *>(p);
            if (ui.touch_) ui.touch_->touch(ui.touch_->handle, ui.port_of(parameter), begins);
        };
        out.set = [](void *p, int parameter, double value) {
            Ui &ui = *static_cast<Ui *>(p);
            ui.values_[parameter] = value;
            const float sent = parameter == BYPASS ? value < 0.5 : static_cast<float>(value);
            ui.write_(ui.controller_, ui.port_of(parameter), sizeof sent, 0, &sent);
        };
        if (map_)
            out.load = [](void *p, int slot, const char *path) { static_cast<Ui *>(p)->load(slot, path); };
        out.look = [](void *p, Picture *to) {
            Ui &ui = *static_cast<Ui *>(p);
            if (ui.device_) ui.device_->look(*to);
            return ui.device_ != nullptr;
        };
        return out;
    }

    // patch:Set, which the host brings to the instance
    void load(int slot, const char *path) {
        alignas(8) uint8_t bytes[MAX_MIDI_PATH + 256];
        auto id = [&](const char *uri) { return map_->map(map_->handle, uri); };
        const auto length = static_cast<uint32_t>(std::strlen(path));
        if (length >= MAX_MIDI_PATH) return;
        LV2_Atom_Forge forge;
        LV2_Atom_Forge_Frame frame;
        lv2_atom_forge_init(&forge, const_cast<LV2_URID_Map *>(map_));
        lv2_atom_forge_set_buffer(&forge, bytes, sizeof bytes);
        lv2_atom_forge_object(&forge, &frame, 0, id(LV2_PATCH__Set));
        lv2_atom_forge_key(&forge, id(LV2_PATCH__property));
        lv2_atom_forge_urid(&forge, id(file_uri(slot).c_str()));
        lv2_atom_forge_key(&forge, id(LV2_PATCH__value));
        lv2_atom_forge_path(&forge, path, length);
        lv2_atom_forge_pop(&forge, &frame);
        const auto *atom = reinterpret_cast<const LV2_Atom *>(bytes);
        write_(controller_, EVENTS_IN, lv2_atom_total_size(atom), id(LV2_ATOM__eventTransfer), atom);
    }

    LV2UI_Write_Function write_;
    LV2UI_Controller controller_;
    const LV2UI_Touch *touch_;
    const LV2_URID_Map *map_; // null: the host has none
    Device *device_;
    const std::vector<ParameterInfo> table_ = parameter_table(identity().kind, identity().attributes);
    double values_[PARAMETERS] = {};

  public:
    OwnWindow window;
};

LV2UI_Handle instantiate(const LV2UI_Descriptor *, const char *plugin_uri, const char *, LV2UI_Write_Function write,
                         LV2UI_Controller controller, LV2UI_Widget *widget, const LV2_Feature *const *features) {
    std::uintptr_t parent = 0;
    void *instance = nullptr;
    const LV2UI_Resize *resize = nullptr;
    const LV2UI_Touch *touch = nullptr;
    const LV2_URID_Map *map = nullptr;
    for (; features && *features; features++) {
        const std::string uri = (*features)->URI;
        void *data = (*features)->data;
        if (uri == LV2_UI__parent) parent = reinterpret_cast<std::uintptr_t>(data);
        if (uri == LV2_INSTANCE_ACCESS_URI) instance = data;
        if (uri == LV2_UI__resize) resize = static_cast<const LV2UI_Resize *>(data);
        if (uri == LV2_URID__map) map = static_cast<const LV2_URID_Map *>(data);
        if (uri == LV2_UI__touch) touch = static_cast<const LV2UI_Touch *>(data);
    }
    if (!parent) {
        std::fprintf(stderr, "latentmix: expected a host that says where its window is (ui:parent)\n");
        return nullptr;
    }
    std::unique_ptr<Ui> ui(new Ui(write, controller, touch, map, instance, plugin_uri == uri_of(true)));
    if (!ui->window.open(parent, 1.0)) return nullptr;
    if (resize) resize->ui_resize(resize->handle, WINDOW_WIDTH, WINDOW_HEIGHT);
    *widget = reinterpret_cast<LV2UI_Widget>(ui->window.native());
    return ui.release();
}

const void *extension_data(const char *uri) {
    static const LV2UI_Idle_Interface idle = {[](LV2UI_Handle handle) {
        static_cast<Ui *>(handle)->window.idle();
        return 0;
    }};
    return std::strcmp(uri, LV2_UI__idleInterface) ? nullptr : &idle;
}

} // namespace

LV2_SYMBOL_EXPORT const LV2UI_Descriptor *lv2ui_descriptor(uint32_t index) {
    static const std::string uri = uri_of(false) + ":window";
    static const LV2UI_Descriptor descriptor = {
        uri.c_str(), instantiate, [](LV2UI_Handle handle) { delete static_cast<Ui *>(handle); },
        [](LV2UI_Handle handle, uint32_t port, uint32_t size, uint32_t format, const void *data) {
            if (!format && size == sizeof(float)) static_cast<Ui *>(handle)->hear(port, *static_cast<const float *>(data));
        },
        extension_data};
    return index ? nullptr : &descriptor;
}
