"""Latents to codes and back: quantizers with one interface, a named result, and codebooks that stay in use.

from audiovq.model.quantizers import QuantizerConfig, make_quantizer

quantizer = make_quantizer(QuantizerConfig(kind="ema", dim=64, codebooks=3))
out = quantizer(z)                    # z (B, D, N); out.z_q, out.codes (B, Q, N), out.loss, out.usage …
z_q = quantizer.decode(out.codes)     # or of the first codebooks only
"""

from __future__ import annotations

from .base import Quantized, Quantizer, SingleQuantizer
from .config import KINDS, QuantizerConfig, make_quantizer
from .ema import EMACodebook
from .lookup import CodebookFigures, codebook_figures, kmeans, nearest, perplexity, principal_axes
from .nsvq import NSVQ
from .projected import Projected
from .residual import ResidualQuantizer
from .straight_through import COMMITMENT, StraightThrough

__all__ = [
    "COMMITMENT",
    "KINDS",
    "NSVQ",
    "CodebookFigures",
    "EMACodebook",
    "Projected",
    "Quantized",
    "Quantizer",
    "QuantizerConfig",
    "ResidualQuantizer",
    "SingleQuantizer",
    "StraightThrough",
    "codebook_figures",
    "kmeans",
    "make_quantizer",
    "nearest",
    "perplexity",
    "principal_axes",
]
