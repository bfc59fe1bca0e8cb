"""Imported first by the process that workers are forked from: no search for cycles in what stays anyway."""

from __future__ import annotations

import gc

gc.disable()
