// What the two sides of LV2 know of each other: the order of ports (also that of `realtime/plugins/lv2.py`), and the instance
// behind a handle, for a window in the same process.
#pragma once
#include <string>

#include "../device/device.hpp"
#include "../device/identity.hpp"

namespace latentmix {

enum Port { EVENTS_IN, EVENTS_OUT, FREEWHEEL, ENABLED, FIRST_PARAMETER }; // then the parameters, then left and right

inline std::string uri_of(bool is_synth) { return "urn:latentmix:" + identity().id + (is_synth ? ":synth" : ""); }

Device &device_of(void *lv2_handle);

} // namespace latentmix
