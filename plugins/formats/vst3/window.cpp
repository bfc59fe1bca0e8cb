// VST3's window, by DPF as one that is drawn by somebody else inside the host's.
#include "DistrhoUI.hpp"

#include "../../device/device.hpp"
#include "../own_window.hpp"
#include "instance.hpp"

START_NAMESPACE_DISTRHO

class LatentmixWindow final : public UI {
  public:
    LatentmixWindow()
        : UI(latentmix::WINDOW_WIDTH, latentmix::WINDOW_HEIGHT, true), device_(device_of_vst3(getPluginInstancePointer())),
          window_(client(), LATENTMIX_SYNTH ? " synth" : "") {
        if (isEmbed()) window_.open(getParentWindowHandle(), getScaleFactor());
    }

  protected:
    uintptr_t getNativeWindowHandle() const noexcept override { return window_.native(); }
    void uiIdle() override {
        window_.idle();
        tell_vst3(getPluginInstancePointer());
    }
    void parameterChanged(uint32_t, float) override {} // the instance itself is asked
    void stateChanged(const char *, const char *) override {}

  private:
    uint32_t index(int parameter) const {
        return static_cast<uint32_t>(device_ ? latentmix::index_of(device_->table(), parameter) : parameter);
    }
    latentmix::WindowClient client() {
        latentmix::WindowClient out = {};
        out.plugin = this;
        out.get = [](void *p, int parameter) {
            const latentmix::Device *device = static_cast<LatentmixWindow *>(p)->device_;
            return device ? device->get(parameter) : 0.0;
        };
        out.touch = [](void *p, int parameter, bool begins) {
            LatentmixWindow &ui = *static_cast<LatentmixWindow *>(p);
            ui.editParameter(ui.index(parameter), begins);
        };
        out.set = [](void *p, int parameter, double value) {
            LatentmixWindow &ui = *static_cast<LatentmixWindow *>(p);
            if (ui.device_) ui.device_->set(parameter, value);
            ui.setParameterValue(ui.index(parameter), static_cast<float>(value));
        };
        out.load = [](void *p, int slot, const char *path) {
            latentmix::Device *device = static_cast<LatentmixWindow *>(p)->device_;
            std::string problem; // which the window shows
            if (device) device->load_file(slot, path, problem);
        };
        out.look = [](void *p, latentmix::Picture *to) {
            latentmix::Device *device = static_cast<LatentmixWindow *>(p)->device_;
            if (device) device->look(*to);
            return device != nullptr;
        };
        return out;
    }

    latentmix::Device *device_;
    latentmix::OwnWindow window_;
};

UI *createUI() { return new LatentmixWindow(); }

END_NAMESPACE_DISTRHO
