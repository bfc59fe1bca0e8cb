"""Open the window of a VST3 plugin in pedalboard: `python pedalboard_window.py BUNDLE [SECONDS]`.

pedalboard is GPL: a host for tests, which nothing of ours is linked with. Without seconds until somebody closes it.
What the window has moved goes to standard output at the end, a line each.
"""

import sys
import threading

import pedalboard

bundle, *seconds = sys.argv[1:]
plugin = pedalboard.load_plugin(bundle, initialization_timeout=0.2)
before = {name: plugin.parameters[name].raw_value for name in plugin.parameters}
closes = threading.Event()
if seconds:
    threading.Timer(float(seconds[0]), closes.set).start()
plugin.show_editor(closes)
for name, value in before.items():
    if plugin.parameters[name].raw_value != value:
        sys.stdout.write(f"{name} = {plugin.parameters[name]}\n")
