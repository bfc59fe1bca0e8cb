"""Imported first by the process that workers are forked from: no search for cycles in what stays anyway.

Nor at its end: that process keeps the command's output open, and who reads that would wait for it.
"""

from __future__ import annotations

import atexit
import gc

gc.disable()
atexit.register(gc.freeze)
