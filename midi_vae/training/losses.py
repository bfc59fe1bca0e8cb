"""What a MelodyVAE is trained on; pure functions, all per example (B,) and in nats unless said otherwise.

Two parts. The evidence lower bound (Kingma & Welling 2014, eq. 3) with a weight β on its KL term (Higgins et al. 2017)
and free bits (Kingma et al. 2016, arXiv 1606.04934, app. C.8) teaches latents and reconstruction. The terms on mixed
latents teach what lies between two melodies, where the bound says nothing: every step should take the symbol of either
end rather than wander off (`stay`), as many steps should have changed as the position says (`evenness`), decisions
should be clear (`indecision`), and no notes should be lost or gained (`onset_error`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.latents.gaussian import Posterior, free_bits, gaussian_kl_by_dimension
from ..model.steps import StepFields, StepLogits
from ..music.melody import ONSET
from .mixes import SLOPE_TEMPERATURE, due, straight_through

HELD_PITCH_WEIGHT = 0.1  # of the pitch where no note starts: it decides nothing there but lets the line be learned


def reconstruction(logits: StepLogits, fields: StepFields) -> Tensor:
    """-log p(x | z), plus a little of the pitch line between onsets; (B,)."""
    rhythm = F.cross_entropy(logits.rhythm.transpose(1, 2), fields.rhythm, reduction="none")
    pitch = F.cross_entropy(logits.pitch.transpose(1, 2), fields.pitch, reduction="none")
    weight = torch.where(fields.rhythm == ONSET, 1.0, HELD_PITCH_WEIGHT)
    return (rhythm + weight * pitch).sum(1)


def gaussian_kl(posterior: Posterior, free_nats: float = 0.0) -> Tensor:
    """KL(q(z|x) || N(0, I)), analytic; (B,).

    Args:
        free_nats: each dimension costs at least so much, so nothing is gained by emptying one.
    """
    return free_bits(gaussian_kl_by_dimension(posterior.mean, posterior.log_variance), free_nats)


def beta_at(progress: float, beta: float, warm_up: float = 0.03) -> float:
    """β schedule: linear from 0 over the first share of the training, then constant."""
    return beta * min(1.0, progress / warm_up)


def standard_normal(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Noise of the shape, type and device of a tensor, drawn on the CPU: a seed means the same on every device."""
    return torch.randn(like.shape, dtype=like.dtype, generator=generator).to(like.device)


@dataclass(frozen=True)
class MixTerms:
    """Each (B,); all are 0 for a perfect mix."""

    stay: Tensor
    evenness: Tensor
    indecision: Tensor
    onset_error: Tensor


def mix_terms(logits: StepLogits, a: StepFields, b: StepFields, position: Tensor) -> MixTerms:
    """How well a decoded mix of two melodies lies between them.

    Args:
        logits: of the mixed latents.
        a, b: the melodies.
        position: (B,) from 0 (a) to 1 (b).

    Returns:
        stay: nats by which the symbol of neither end is chosen; near an end (`mixes.due`), that of another than it.
        evenness: squared difference of the share of differing steps that have changed and the share that is due.
        indecision: number of steps between the two, 4 f (1 - f) each, f the probability of b's symbol against a's.
        onset_error: squared difference of the number of onsets and the one between the ends'.

    Shares and onsets are counted on the symbols chosen, with the gradient of their probabilities (straight-through,
    Bengio et al. 2013, arXiv 1308.3432), that of the share at `SLOPE_TEMPERATURE`: the listener hears the symbols.
    """
    rhythm, pitch = logits.rhythm.log_softmax(-1), logits.pitch.log_softmax(-1)
    log_a, log_b = _log_symbol(rhythm, pitch, a), _log_symbol(rhythm, pitch, b)
    differs = (a.rhythm != b.rhythm) | ((a.rhythm == ONSET) & (a.pitch != b.pitch))
    wanted = due(position)
    never = torch.tensor(-torch.inf, dtype=position.dtype, device=position.device)
    from_a = log_a + torch.where(wanted < 1.0, 0.0, never)[:, None]
    from_b = log_b + torch.where(wanted > 0.0, 0.0, never)[:, None]
    stay = -torch.where(differs, torch.logaddexp(from_a, from_b), log_a).sum(1)

    share = torch.sigmoid(log_b - log_a)
    changed = straight_through((log_b > log_a).to(share.dtype), torch.sigmoid((log_b - log_a) / SLOPE_TEMPERATURE))
    mean_changed = torch.where(differs, changed, 0.0).sum(1) / differs.sum(1).clamp(min=1)
    indecision = torch.where(differs, 4.0 * share * (1.0 - share), 0.0).sum(1)

    onsets = expected_onsets(logits)
    between = (1.0 - wanted) * (a.rhythm == ONSET).sum(1) + wanted * (b.rhythm == ONSET).sum(1)
    return MixTerms(stay, (mean_changed - wanted).square(), indecision, (onsets - between).square())


def expected_onsets(logits: StepLogits) -> Tensor:
    """Number of onsets in the likeliest melody (B,), with the gradient of the expected number."""
    chosen = (logits.rhythm.argmax(-1) == ONSET).to(logits.rhythm.dtype)
    return straight_through(chosen, logits.rhythm.softmax(-1)[..., ONSET]).sum(1)


def symbol_probabilities(logits: StepLogits) -> Tensor:
    """p over hold, note off and the onset of each pitch; (B, 32, 2 + P)."""
    rhythm, pitch = logits.rhythm.softmax(-1), logits.pitch.softmax(-1)
    return torch.cat([rhythm[..., :ONSET], rhythm[..., ONSET:] * pitch], dim=-1)


def _log_symbol(rhythm: Tensor, pitch: Tensor, fields: StepFields) -> Tensor:
    """log p of the symbols of a melody under log-softmaxes; (B, 32)."""
    of_pitch = pitch.gather(2, fields.pitch[..., None])[..., 0]
    return rhythm.gather(2, fields.rhythm[..., None])[..., 0] + torch.where(fields.rhythm == ONSET, of_pitch, 0.0)
