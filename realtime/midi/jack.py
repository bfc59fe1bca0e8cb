"""To be told when a JACK server dies: rtmidi does not say, and its ports then lie about what is there."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

LIBRARIES = {"linux": "libjack.so.0", "darwin": "libjack.0.dylib", "win32": "libjack64.dll"}
NAME = b"latentmix watch"
NO_START_SERVER = 0x01  # JackOptions of jack/types.h

_ShutDown = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class JackWatch:
    """A client without ports that calls something, in a thread of JACK, when the server goes away.

    Keep it until the process ends: closing a client of a server that died can crash (jackd 1.9).
    """

    def __init__(self, gone: Callable[[], None]) -> None:
        self._callback = _ShutDown(lambda _: gone())  # kept, for JACK holds only its address
        self._library: Any = None  # is to stay loaded
        try:
            library = ctypes.CDLL(LIBRARIES[sys.platform])
        except (OSError, KeyError):
            return
        library.jack_client_open.restype = ctypes.c_void_p
        library.jack_on_shutdown.argtypes = [ctypes.c_void_p, _ShutDown, ctypes.c_void_p]
        library.jack_activate.argtypes = [ctypes.c_void_p]
        client = library.jack_client_open(NAME, NO_START_SERVER, None)
        if client:
            self._library = library
            library.jack_on_shutdown(client, self._callback, None)
            library.jack_activate(client)
