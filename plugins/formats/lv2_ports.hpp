// What the two sides of LV2 know of each other: the order of ports (also that of `realtime/plugins/lv2.py`), and the instance
// behind a handle, for a window in the same process.
#pragma once
#include <string>

#include "../device/device.hpp"
#include "../device/identity.hpp"

namespace latentmix {

enum Port { EVENTS_IN, EVENTS_OUT, FREEWHEEL, ENABLED, FIRST_PARAMETER }; // then the parameters, then left and right

constexpr const char *FILE_SYMBOL = ":file_"; // behind the id of the model; then the number of the slot, from 1
inline std::string file_uri(int slot) { return "urn:latentmix:" + identity().id + FILE_SYMBOL + std::to_string(slot + 1); }

inline std::string uri_of(bool is_synth) { return "urn:latentmix:" + identity().id + (is_synth ? ":synth" : ""); }

Device &device_of(void *lv2_handle);

} // namespace latentmix
