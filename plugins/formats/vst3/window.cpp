// VST3's window, by DPF as one that is drawn by somebody else inside the host's.
#include "DistrhoUI.hpp"

#include "../../device/device.hpp"
#include "../own_window.hpp"

latentmix::Device *device_of_vst3(void *plugin); // null: there are no weights

START_NAMESPACE_DISTRHO

class MelodyWindow final : public UI {
  public:
    MelodyWindow()
        : UI(latentmix::WINDOW_WIDTH, latentmix::WINDOW_HEIGHT, true), device_(device_of_vst3(getPluginInstancePointer())),
          window_(client(), LATENTMIX_SYNTH ? " synth" : "") {
        if (isEmbed()) window_.open(getParentWindowHandle(), getScaleFactor());
    }

  protected:
    uintptr_t getNativeWindowHandle() const noexcept override { return window_.native(); }
    void uiIdle() override { window_.idle(); }
    void parameterChanged(uint32_t, float) override {} // the instance itself is asked
    void stateChanged(const char *, const char *) override {}

  private:
    latentmix::WindowClient client() {
        latentmix::WindowClient out = {};
        out.plugin = this;
        out.get = [](void *p, int parameter) {
            const latentmix::Device *device = static_cast<MelodyWindow *>(p)->device_;
            return device ? device->get(parameter) : 0.0;
        };
        out.touch = [](void *p, int parameter, bool begins) {
            static_cast<MelodyWindow *>(p)->editParameter(static_cast<uint32_t>(parameter), begins);
        };
        out.set = [](void *p, int parameter, double value) {
            MelodyWindow &ui = *static_cast<MelodyWindow *>(p);
            if (ui.device_) ui.device_->set(parameter, value);
            ui.setParameterValue(static_cast<uint32_t>(parameter), static_cast<float>(value));
        };
        out.load = [](void *p, int slot, const char *path) {
            latentmix::Device *device = static_cast<MelodyWindow *>(p)->device_;
            std::string problem; // which the window shows
            if (device) device->load_file(slot, path, problem);
        };
        out.look = [](void *p, latentmix::Picture *to) {
            latentmix::Device *device = static_cast<MelodyWindow *>(p)->device_;
            if (device) device->look(*to);
            return device != nullptr;
        };
        return out;
    }

    latentmix::Device *device_;
    latentmix::OwnWindow window_;
};

UI *createUI() { return new MelodyWindow(); }

END_NAMESPACE_DISTRHO
