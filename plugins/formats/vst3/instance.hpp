// What the files of this folder know of a plugin's instance, which each of them gets from DPF as a pointer.
#pragma once

struct v3_component_handler;
struct v3_process_data;

namespace latentmix {
class Device;
}

latentmix::Device *device_of_vst3(void *plugin); // null: there are no weights

// The main thread: tells the host that its project has something to keep, if there is since it was last told. `tell_vst3` says
// which host that is as well.
void tell_vst3(void *plugin);
void tell_vst3(void *plugin, v3_component_handler **host);

// The audio thread, real-time-safe: where the host is at the block that comes, and whether that is of a bounce, for which the plugin
// waits for what is decoded.
void hear_vst3(void *plugin, const v3_process_data &block);
