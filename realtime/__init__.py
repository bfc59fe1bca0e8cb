"""Mixing in the latent space, live."""
