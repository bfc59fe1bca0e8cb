"""What only some programs need and an extra of the package brings."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

from .errors import InputError


def load_extra(module: str, extra: str) -> ModuleType:
    """Import a module that an extra of the package brings.

    Raises:
        InputError: it is not installed; the line says what installs it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        found = error.name or module
        raise InputError(
            f"expected the package {found.partition('.')[0]}, found none; it comes with "
            f"LATENTMIX_EXTRAS={extra} scripts/run python {sys.argv[0]}, or with pip install -e '.[{extra}]'"
        ) from None
