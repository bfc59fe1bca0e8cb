"""The kinds of latent variable a melody model can have, by the name that `--latent` and config.json give."""

from __future__ import annotations

from .contractive import Contractive
from .denoising import Denoising
from .flow import Flow
from .gaussian import Gaussian
from .latent import Latent, LatentSizes
from .linear import Undercomplete
from .quantized import NoiseSubstituted, VectorQuantized
from .sparse import Sparse

LATENTS: dict[str, type[Latent]] = {
    "undercomplete": Undercomplete,
    "sparse": Sparse,
    "contractive": Contractive,
    "denoising": Denoising,
    "gaussian": Gaussian,
    "iaf": Flow,
    "vq": VectorQuantized,
    "nsvq": NoiseSubstituted,
}


def make_latent(name: str, sizes: LatentSizes) -> Latent:
    """The latent of a name.

    Raises:
        ValueError: no such name, or sizes that do not fit it.
    """
    if name not in LATENTS:
        raise ValueError(f"latent {name}; it is one of {', '.join(LATENTS)}")
    LATENTS[name].check(sizes)
    return LATENTS[name](sizes)
