"""Forward and reverse Kullback-Leibler divergence, on a target with two modes.

One Gaussian q is to stand for p = ½ N(-m, s²) + ½ N(m, s²). KL(p ‖ q) punishes q for being small where p is not: the
best q covers both modes, with p's mean and variance (mean-seeking). KL(q ‖ p) punishes q for being where p is small:
the best q sits on one mode (mode-seeking), which costs log 2 where the modes are far apart. A variational posterior is
fitted by the latter (Minka 2005; Bishop 2006, section 10.1.2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class TwoModes:
    """½ N(-m, s²) + ½ N(m, s²)."""

    mode: float = 3.0
    deviation: float = 1.0

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), the shape of x."""
        each = [log_normal(x, x.new_tensor(place), x.new_tensor(self.deviation)) for place in (-self.mode, self.mode)]
        return torch.logaddexp(*each) - math.log(2.0)

    def grid(self, points: int = 4001) -> Tensor:
        """Places (points,) that hold all of its mass, float64."""
        edge = self.mode + 10.0 * (self.deviation + self.mode / 10.0)
        return torch.linspace(-edge, edge, points, dtype=torch.float64)


@dataclass(frozen=True)
class Fit:
    """The Gaussian found, and what is left of the divergence, nats."""

    mean: float
    deviation: float
    divergence: float


def log_normal(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """log N(x; mean, deviation²), the shape of x."""
    return -0.5 * ((x - mean) / deviation).square() - torch.log(deviation) - 0.5 * math.log(2.0 * math.pi)


def divergence(log_p: Tensor, log_q: Tensor, spacing: float) -> Tensor:
    """KL(p ‖ q) of densities on an even grid, by its sum; (n,) twice -> scalar, nats."""
    return (log_p.exp() * (log_p - log_q)).sum() * spacing


def fit_forward(target: TwoModes) -> Fit:
    """The q of least KL(p ‖ q): it has the moments of p, here in closed form."""
    deviation = math.sqrt(target.mode**2 + target.deviation**2)
    x = target.grid()
    log_q = log_normal(x, x.new_tensor(0.0), x.new_tensor(deviation))
    return Fit(0.0, deviation, float(divergence(target.log_density(x), log_q, float(x[1] - x[0]))))


def fit_reverse(target: TwoModes, side: float = 1.0) -> Fit:
    """The q of least KL(q ‖ p), by descent from the mode on one side (the sign of `side`) and from the middle.

    Both are minima where the modes stand far apart, and then that of the mode is the lower one; where they nearly touch
    the better q lies over both even so.
    """
    places = (math.copysign(target.mode, side), target.deviation), (0.0, fit_forward(target).deviation)
    return min((_descend(target, *place) for place in places), key=lambda fit: fit.divergence)


def _descend(target: TwoModes, start: float, deviation: float, iterations: int = 100) -> Fit:
    """A minimum of KL(q ‖ p) near a Gaussian, by L-BFGS."""
    x = target.grid()
    log_p, spacing = target.log_density(x), float(x[1] - x[0])
    mean = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    log_deviation = torch.tensor(math.log(deviation), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([mean, log_deviation], max_iter=iterations, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        return divergence(log_normal(x, mean, log_deviation.exp()), log_p, spacing)

    def closure() -> Tensor:
        search.zero_grad()
        value = loss()
        value.backward()
        return value

    search.step(closure)
    return Fit(float(mean.detach()), float(log_deviation.detach().exp()), float(loss().detach()))
