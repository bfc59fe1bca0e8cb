-- Make an Ardour session with a plugin on a track, for `ardour7-lua`, and print what happened, a line each.
-- From the environment: SESSION (a new folder), PLUGIN (LV2's URI, or the VST3's id), FORMAT (lv2, vst3), SAMPLES,
-- PRESET (of the export), POSITIONS ("sample=value ...": automation of the position; one alone: its value), THEN (another plugin
-- that the first one's notes go to).
io.stdout:setvbuf("no")
local folder, id, samples = os.getenv("SESSION"), os.getenv("PLUGIN"), tonumber(os.getenv("SAMPLES"))
local kind = os.getenv("FORMAT") == "vst3" and ARDOUR.PluginType.VST3 or ARDOUR.PluginType.LV2

AudioEngine:set_backend("None (Dummy)", "", "")
AudioEngine:set_device_name("Silence")
AudioEngine:set_sample_rate(48000)
AudioEngine:set_buffer_size(1024)
AudioEngine:start(false)
local session = create_session(folder, "session", 48000)

for plugin in ARDOUR.LuaAPI.list_plugins():iter() do
    if plugin.type == kind and plugin.name:find("latentmix") then print("listed", plugin.name, plugin.unique_id) end
end
local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
local audio = ARDOUR.ChanCount(ARDOUR.DataType("audio"), 2)
local tracks = session:new_midi_track(midi, audio, true, ARDOUR.PluginInfo(), nil, nil, 1, "melody",
    ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, true)
local plugin = ARDOUR.LuaAPI.new_plugin(session, id, kind, "")
if plugin:isnil() then print("missing", id) end
local route = tracks:front():to_track():to_route()
print("inserted", route:add_processor_by_index(plugin, 0, nil, true))
if os.getenv("THEN") then
    local second = ARDOUR.LuaAPI.new_plugin(session, os.getenv("THEN"), kind, "")
    print("inserted second", route:add_processor_by_index(second, 1, nil, true))
end

local actual = plugin:to_insert():plugin(0)
for which = 0, actual:parameter_count() - 1 do -- counted among the ports that are parameters
    local port, known = actual:nth_parameter(which, false)
    if known and actual:parameter_is_input(port) and actual:parameter_label(port) == "Position" then
        local points = {}
        for sample, value in os.getenv("POSITIONS"):gmatch("(%d+)=([%d.]+)") do
            points[#points + 1] = { tonumber(sample), tonumber(value) }
        end
        ARDOUR.LuaAPI.set_processor_param(plugin, which, points[1][2])
        if #points > 1 then
            local _, line = ARDOUR.LuaAPI.plugin_automation(plugin, which)
            for _, point in ipairs(points) do
                line:add(Temporal.timepos_t(point[1]), point[2], false, true)
            end
            local parameter = Evoral.Parameter(ARDOUR.AutomationType.PluginAutomation, 0, port)
            plugin:to_automatable():automation_control(parameter, true):set_automation_state(ARDOUR.AutoState.Play)
        end
        print("automated", which, #points)
    end
end
session:save_state("", false, false, false, false, false)
local export = session:simple_export()
export:set_preset(os.getenv("PRESET")) -- by its id
export:set_folder(folder)
export:set_name("bounce")
export:set_range(0, samples)
print("exported", export:run_export())
close_session()
