"""Undercomplete autoencoders: fewer latent dimensions than data dimensions, and nothing else that holds them back.

h = f(x), r = g(h), and the squared error ‖x - g(f(x))‖² is made small. Where f and g are linear the best they can do is
the subspace of the largest principal components (Baldi & Hornik 1989, Neural Networks 2:53), in any basis of it:
compare subspaces, by their principal angles, not weights.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .latent import Latent


class Undercomplete(Latent):
    """The encoder's features are the latent, and that is all."""


class LinearAutoencoder(nn.Module):
    """x (B, inputs) -> h (B, latent_size) -> r (B, inputs), both maps linear; x is expected to have mean 0."""

    def __init__(self, inputs: int, latent_size: int) -> None:
        super().__init__()
        self.encoder = nn.Linear(inputs, latent_size, bias=False)
        self.decoder = nn.Linear(latent_size, inputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))

    def loss(self, x: Tensor) -> Tensor:
        """‖x - g(f(x))‖² of each example; (B,)."""
        return (x - self(x)).square().sum(-1)


def principal_subspace(x: Tensor, size: int) -> Tensor:
    """Orthonormal basis (n, size) of the directions in which examples (B, n) vary most, by SVD."""
    return torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:size].T


def principal_angles(a: Tensor, b: Tensor) -> Tensor:
    """Angles between the column spaces of a and b, both (n, d) of full rank, from the smallest up; (d,) degrees.

    By sines as well as cosines (Björck & Golub 1973), since a cosine near 1 says little of a small angle.

    >>> principal_angles(torch.eye(3)[:, :2], torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]))
    tensor([ 0., 45.])
    """
    q, r = (torch.linalg.qr(each).Q for each in (a, b))
    cosines = torch.linalg.svdvals(q.T @ r).clamp(max=1.0)
    sines = torch.linalg.svdvals(r - q @ (q.T @ r)).clamp(max=1.0).flip(0)
    return torch.rad2deg(torch.where(cosines.square() < 0.5, torch.acos(cosines), torch.asin(sines)))
