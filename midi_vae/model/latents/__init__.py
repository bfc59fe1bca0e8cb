"""The family of autoencoders: one file for each kind of latent variable.

    linear       undercomplete            h = f(x), as few dimensions as it takes
    sparse       λ Σ|h|                   most entries near 0
    contractive  λ ‖∂f/∂x‖²_F             latents that do not mind small changes
    denoising    -log p(x | f(x̃))         the clean input from a corrupted one; its residual is the score
    gaussian     q = N(μ, diag σ²)        VAE and β-VAE; `likelihoods`: what the decoder can say
    flow         q bent, entry by entry   inverse autoregressive flow
    quantized    the nearest of K codes   straight-through, NSVQ

`latent` is what all of them have in common, `family` finds one by name, and `divergences` shows what the direction of a
KL divergence does to a fit.
"""

from .contractive import contractive_penalty, contractive_penalty_estimate
from .denoising import score_from_denoiser
from .flow import InverseAutoregressiveFlow
from .gaussian import gaussian_kl
from .quantized import noise_substitution, straight_through
from .sparse import laplace_log_prior, sparse_penalty

__all__ = [
    "InverseAutoregressiveFlow",
    "contractive_penalty",
    "contractive_penalty_estimate",
    "gaussian_kl",
    "laplace_log_prior",
    "noise_substitution",
    "score_from_denoiser",
    "sparse_penalty",
    "straight_through",
]
