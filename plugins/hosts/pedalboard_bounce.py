"""Bounce a VST3 synth in pedalboard: `python pedalboard_bounce.py BUNDLE OUT.f32 SECONDS [NAME=VALUE ...]`.

pedalboard is GPL: a host for tests, which nothing of ours is linked with. It has no song, so the plugin is told to run
always. Values are 0..1. The names of all parameters go to standard output, a line each.
"""

import sys

import pedalboard

bundle, out, seconds, *values = sys.argv[1:]
# pedalboard waits so long, 10 s by itself, for a sound in answer to a note; this synth makes its own
synth = pedalboard.load_plugin(bundle, initialization_timeout=0.2)
sys.stdout.writelines(name + "\n" for name in synth.parameters)
synth.run = "always"
for value in values:
    name, number = value.rsplit("=", 1)
    synth.parameters[name].raw_value = float(number)
sound = synth([], duration=float(seconds), sample_rate=48_000)
sound[0].astype("<f4").tofile(out)
