"""What a decoder can say of an observation: log p(x | z), the last dimension summed; nats."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def gaussian_log_likelihood(x: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """log N(x; μ, diag σ²), mean and variance both learned; (..., n) -> (...).

    With a fixed variance this is the squared error, scaled, and a constant. A variance that is learned grows without
    bound where an example is met exactly: keep log_variance above some floor.
    """
    return -0.5 * (math.log(2.0 * math.pi) + log_variance + (x - mean).square() * torch.exp(-log_variance)).sum(-1)


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """Σ x log p + (1 - x) log(1 - p), p = sigmoid(logits); x of 0 and 1, (..., n) -> (...)."""
    return -F.binary_cross_entropy_with_logits(logits, x.to(logits.dtype), reduction="none").sum(-1)


def categorical_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """Σ log p_x, p = softmax(logits); x (..., n) int64, logits (..., n, V) -> (...)."""
    return logits.log_softmax(-1).gather(-1, x[..., None])[..., 0].sum(-1)
