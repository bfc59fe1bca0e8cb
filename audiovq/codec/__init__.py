"""Recordings to codes and back, as arrays, streams and files."""

from __future__ import annotations

TO_ENCODE = (  # what workers on a corpus import, by name, so that it can be begun before anything else is
    "audiovq.codec.corpus",
    "audiovq.codec.codec",
    "audiovq.codec.intake",
    "audiovq.model.vqvae",
    "safetensors.torch",
    "numpy.fft",
    "latentmix.corpus.local",
    "fsspec.implementations.local",
    "pyarrow.parquet",
)
