"""Bounce a VST3 synth in dawdreamer: `python vst3_bounce.py BUNDLE OUT.f32 SECONDS BLOCK [NAME=VALUE ...]`.

dawdreamer is GPL: a host for tests, which nothing of ours is linked with. Values are 0..1, as VST3 has them.
"""

import sys

import dawdreamer

bundle, out, seconds, block, *values = sys.argv[1:]
engine = dawdreamer.RenderEngine(48_000, int(block))
plugin = engine.make_plugin_processor("synth", bundle)
engine.set_bpm(120.0)
described = {each["name"]: each["index"] for each in plugin.get_parameters_description()}
for value in values:
    name, number = value.rsplit("=", 1)
    plugin.set_parameter(described[name], float(number))
engine.load_graph([(plugin, [])])
engine.render(float(seconds))
engine.get_audio()[0].astype("<f4").tofile(out)
