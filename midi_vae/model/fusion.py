"""A decoder that writes all steps at once, and a critic that says how likely each is beside the others.

Shallow fusion (Gülçehre et al. 2015, arXiv 1503.03535, sec. 4.1) adds the log-probabilities of a language model to
those of a decoder that writes step after step. Here the decoder writes all steps, the critic reads them and has its say
on each given all others, once.
"""

from __future__ import annotations

import torch

from ..music.melody import ONSET
from .critic import Critic
from .steps import StepLogits

UNSURE_NATS = 4.0  # -log p of the likeliest symbols of a window; from there on the critic's say counts in full


def fused(said: StepLogits, critic: Critic, weight: float) -> StepLogits:
    """log p of the decoder + w log p of the critic, given the decoder's likeliest symbols.

    w is `weight` at most, in proportion to how unsure the decoder is of the window: what it knows, the latent of a real
    melody, is not argued about. The gradient reaches what the decoder said, and not the critic.

    Args:
        said: of B windows.
        weight: 0 to 1.

    Returns:
        log-probabilities up to a constant of each step: of rhythm (B, 32, 3), and of onsets by pitch (B, 32, P).
    """
    rhythm, pitch = said.rhythm.log_softmax(-1), said.pitch.log_softmax(-1)
    rest, started = rhythm[..., :ONSET], rhythm[..., ONSET:]
    with torch.no_grad():
        likeliest, (highest, which) = rhythm.max(-1).indices, pitch.max(-1)  # one max is sooner there than an argmax
        symbols = torch.where(likeliest == ONSET, which + ONSET, likeliest)
        unsure = -torch.maximum(rest.amax(-1), started[..., 0] + highest).sum(1)
        share = weight * (unsure / UNSURE_NATS).clamp(max=1.0)
        says = share[:, None, None] * critic.scores(symbols)
    rest, onset = rest + says[..., :ONSET], started + pitch + says[..., ONSET:]
    return StepLogits(torch.cat([rest, onset.logsumexp(-1, keepdim=True)], -1), onset)
