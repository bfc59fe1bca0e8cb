"""Inverse autoregressive flow: a diagonal Gaussian's sample, bent into a richer posterior (Kingma et al. 2016,
arXiv 1606.04934).

Each step computes m and s for all entries at once from the entries before them and a context of the encoder (masks as
in Germain et al. 2015, MADE, arXiv 1502.03509), and moves z ← σ ⊙ z + (1 - σ) ⊙ m, σ = sigmoid(s). Its Jacobian is
lower triangular with σ on the diagonal, so log |det| = Σ log σ, and log q(z_T | x) = log q(z_0 | x) - Σ_t log |det_t|.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .gaussian import Gaussian, reparameterize, standard_normal_log_density
from .latent import Draw, Latent, LatentSizes, Point
from .likelihoods import gaussian_log_likelihood

OPEN_GATE = 1.5  # bias of s at the start: σ near 0.8, so that a new step does little (the paper: 1 to 2)


@dataclass(frozen=True)
class FlowResult:
    """Where the flow took z (B, D), and log |det ∂z_out/∂z_in| (B,), nats."""

    z: Tensor
    log_det: Tensor


class MaskedLinear(nn.Linear):
    """A linear layer some of whose weights are 0 for ever; mask (outputs, inputs) bool."""

    def __init__(self, mask: Tensor, bias: bool = True) -> None:
        super().__init__(mask.shape[1], mask.shape[0], bias)
        self.mask = nn.Buffer(mask.to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.mask, self.bias)


class AutoregressiveStep(nn.Module):
    """m and s of each entry from those before it and from the context; one gated update."""

    def __init__(self, dim: int, hidden: int, context_dim: int) -> None:
        super().__init__()
        places = torch.arange(1, dim + 1)
        seen = torch.arange(hidden) % dim  # a hidden unit sees the first so many entries; 0: the context alone
        self.enter = MaskedLinear(seen[:, None] >= places)
        self.context = nn.Linear(context_dim, hidden, bias=False) if context_dim else None
        self.between = MaskedLinear(seen[:, None] >= seen)
        self.leave = MaskedLinear((places[:, None] > seen).repeat(2, 1))
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)

    def forward(self, z: Tensor, context: Tensor | None = None) -> FlowResult:
        h = self.enter(z)
        if self.context is not None:
            h = h + self.context(context)
        h = F.elu(h)
        h = h + F.elu(self.between(h))
        m, s = self.leave(h).chunk(2, dim=-1)
        gate = torch.sigmoid(s + OPEN_GATE)
        return FlowResult(gate * z + (1.0 - gate) * m, F.logsigmoid(s + OPEN_GATE).sum(-1))


class InverseAutoregressiveFlow(nn.Module):
    """`steps` gated steps; (z (B, D), context (B, context_dim)) -> `FlowResult`.

    All steps keep one order of the entries, so the whole flow is triangular too: triangular maps reach every density
    (Rosenblatt 1952), and the first entries stay those that depend on nothing else.

    Args:
        dim: D, at least 1.
        hidden: units of a step; with fewer than `dim`, the last entries see no more than the first `hidden - 1`.
        context_dim: 0 if there is no context.
        steps: at least 1.
        reverse: turn the order round between steps, as in the paper; then only each step by itself is triangular.

    Raises:
        ValueError: sizes that cannot be.

    >>> flow = InverseAutoregressiveFlow(dim=4, hidden=16, context_dim=3, steps=2)
    >>> result = flow(torch.zeros(5, 4), torch.zeros(5, 3))
    >>> result.z.shape, result.log_det.shape
    (torch.Size([5, 4]), torch.Size([5]))
    """

    def __init__(self, dim: int, hidden: int, context_dim: int, steps: int, *, reverse: bool = False) -> None:
        super().__init__()
        if dim < 1 or hidden < 1 or context_dim < 0 or steps < 1:
            raise ValueError(f"dim {dim}, hidden {hidden}, context_dim {context_dim}, steps {steps}; all at least 1")
        self.steps = nn.ModuleList(AutoregressiveStep(dim, hidden, context_dim) for _ in range(steps))
        self.reverse = reverse

    def forward(self, z: Tensor, context: Tensor | None = None) -> FlowResult:
        log_det = z.new_zeros(z.shape[:-1])
        for number, step in enumerate(self.steps):
            moved = step(z.flip(-1) if self.reverse and number else z, context)
            z, log_det = moved.z, log_det + moved.log_det
        return FlowResult(z, log_det)


@dataclass(frozen=True)
class FlowPosterior(Point):
    """q(z_0 | x), the context of the flow, and the latent: where the flow takes the mean of q(z_0 | x); all (B, D)."""

    start: Tensor
    log_variance: Tensor
    context: Tensor


class Flow(Latent):
    """A diagonal Gaussian bent by an inverse autoregressive flow; the KL term is that of the one z drawn.

    Free bits do not apply: the flow's share of the cost belongs to no one dimension.
    """

    heads, term, weight = 3, "kl", Gaussian.weight

    def __init__(self, sizes: LatentSizes) -> None:
        super().__init__(sizes)
        size = sizes.latent_size
        self.flow = InverseAutoregressiveFlow(size, sizes.flow_width, size, sizes.flow_steps)

    def posterior(self, features: Tensor) -> FlowPosterior:
        start, log_variance, context = self.heads_of(features)
        log_variance = log_variance.clamp(Gaussian.min_log_variance, Gaussian.max_log_variance)
        return FlowPosterior(self.flow(start, context).z, start, log_variance, context)

    def draw(self, posterior: FlowPosterior, generator: torch.Generator | None = None, free_nats: float = 0.0) -> Draw:
        z = reparameterize(posterior.start, posterior.log_variance, generator)
        log_q = gaussian_log_likelihood(z, posterior.start, posterior.log_variance)
        moved = self.flow(z, posterior.context)
        return Draw(moved.z, log_q - moved.log_det - standard_normal_log_density(moved.z))
