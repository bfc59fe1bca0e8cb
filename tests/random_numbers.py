"""Random numbers that are the same each time."""

from __future__ import annotations

import torch


def seeded(seed: int = 0) -> torch.Generator:
    """A source of random numbers, as torch wants it."""
    return torch.Generator().manual_seed(seed)
