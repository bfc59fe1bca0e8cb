// What this plugin answers hosts where DPF's answer would be another one, or none. Each stands in the place of the interface that
// DPF's object derives from, and has a member of the same name as the interface's functions: DPF puts its own in there, where no
// host looks, and ours call them.
#pragma once
#include "instance.hpp"

namespace {

// No parameters for MIDI controllers. DPF has one for each of 130 controllers of 16 channels, of which this plugin reads none,
// and which take hosts made with JUCE most of a minute to list. (Such hosts take a plugin that does not say which parameter a
// controller is by its word that every controller is the first one, and move that.)
struct NoControllers : v3_midi_mapping_cpp {
    v3_midi_mapping map;
    NoControllers() {
        v3_midi_mapping_cpp::map.get_midi_controller_assignment = [](void *, int32_t, int16_t, int16_t, v3_param_id *) -> v3_result {
            return V3_FALSE;
        };
    }
};

// Tells the host when its project has something to keep, at calls that hosts make on their main thread. (A window that is open
// tells sooner: `window.cpp`.)
struct TellingController : v3_edit_controller_cpp {
    v3_edit_controller ctrl;
    TellingController();
    void tell();
};

// Has the instance hear what DPF does not tell it: whether a block is of a bounce, and where the host is as the host says it. (DPF makes
// bars of that by whole numbers of quarter notes, and so is elsewhere in 7/8 and before the start of the song.)
struct ListeningProcessor : v3_audio_processor_cpp {
    v3_audio_processor proc;
    ListeningProcessor();
    void listen(const v3_process_data &data);
};

template <auto Function> struct Dpf; // one of DPF's functions, called as hosts call it

template <typename Out, typename... In, Out(V3_API *v3_edit_controller::*Function)(void *, In...)> struct Dpf<Function> {
    static Out V3_API call(void *self, In... in) { return ((*static_cast<TellingController **>(self))->ctrl.*Function)(self, in...); }
    static Out V3_API tell_and_call(void *self, In... in) {
        (*static_cast<TellingController **>(self))->tell();
        return call(self, in...);
    }
};

template <typename Out, typename... In, Out(V3_API *v3_audio_processor::*Function)(void *, In...)> struct Dpf<Function> {
    static Out V3_API call(void *self, In... in) { return ((*static_cast<ListeningProcessor **>(self))->proc.*Function)(self, in...); }
};

template <auto... Functions, typename Interface> void pass_on(Interface &ours) { ((ours.*Functions = Dpf<Functions>::call), ...); }

TellingController::TellingController() {
    using F = v3_edit_controller;
    v3_edit_controller &ours = v3_edit_controller_cpp::ctrl;
    pass_on<&F::set_component_state, &F::set_state, &F::get_state, &F::get_parameter_count, &F::get_parameter_info,
            &F::get_parameter_value_for_string, &F::normalised_parameter_to_plain, &F::plain_parameter_to_normalised,
            &F::get_parameter_normalised>(ours);
    ours.get_parameter_string_for_value = Dpf<&F::get_parameter_string_for_value>::tell_and_call;
    ours.set_parameter_normalised = Dpf<&F::set_parameter_normalised>::tell_and_call;
    ours.create_view = Dpf<&F::create_view>::tell_and_call;
    ours.set_component_handler = [](void *self, v3_component_handler **handler) -> v3_result {
        const v3_result out = Dpf<&F::set_component_handler>::call(self, handler);
        (*static_cast<TellingController **>(self))->tell(); // a window knows the host from now on
        return out;
    };
}

ListeningProcessor::ListeningProcessor() {
    using F = v3_audio_processor;
    v3_audio_processor &ours = v3_audio_processor_cpp::proc;
    pass_on<&F::set_bus_arrangements, &F::get_bus_arrangement, &F::can_process_sample_size, &F::get_latency_samples, &F::setup_processing,
            &F::set_processing, &F::get_tail_samples>(ours);
    ours.process = [](void *self, v3_process_data *data) -> v3_result {
        (*static_cast<ListeningProcessor **>(self))->listen(*data);
        v3_process_data block = *data;
        v3_process_context context = {};
        if (block.ctx) context = *block.ctx;
        context.state &= ~static_cast<uint32_t>(V3_PROCESS_CTX_TIME_SIG_VALID); // else it divides by a bar's quarter notes, which are 0 in 3/16
        if (block.ctx) block.ctx = &context;
        return Dpf<&F::process>::call(self, &block);
    };
}

} // namespace
