"""The engine as a Python object, built once for a test run and called by its C interface."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from latentmix.errors import InputError
from realtime.plugins.compiler import Compiler, find_compiler

PATHS = ("plain", "avx2", "avx512")  # of kernels
STEPS, PLACES = 32, 9
CELLS = (STEPS, 3, 9)  # of a window of drums


def compiler_or_skip(flags: Sequence[str] = ()) -> Compiler:
    try:
        return find_compiler(flags=flags)
    except InputError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    assert array.flags.c_contiguous
    return array.ctypes.data_as(ctypes.c_void_p)


class Library:
    """The built engine."""

    def __init__(self, path: Path) -> None:
        self.c = ctypes.CDLL(str(path))
        for name in ("model_read", "model_parse", "network_new", "drums_parse"):
            getattr(self.c, f"lm_{name}").restype = ctypes.c_void_p
        for name in ("name", "id", "fingerprint", "kernels", "attribute"):
            getattr(self.c, f"lm_model_{name}").restype = ctypes.c_char_p

    def shape(self, tokens: np.ndarray, metre: tuple[int, int], share: float, key: int, octaves: int) -> np.ndarray:
        out = np.ascontiguousarray(tokens, np.int32)
        self.c.lm_thin(pointer(out), len(out), *metre, ctypes.c_double(share))
        self.c.lm_key(pointer(out), len(out), key)
        self.c.lm_octave(pointer(out), len(out), octaves)
        return out

    def weighted(self, vectors: np.ndarray, weights: np.ndarray, spherical: bool) -> np.ndarray:
        out = np.zeros(vectors.shape[1], np.float32)
        assert self.c.lm_mix(
            pointer(vectors), *vectors.shape, pointer(np.asarray(weights, float)), spherical, pointer(out)
        )
        return out

    def line(self, a: np.ndarray, b: np.ndarray, t: float, spherical: bool) -> np.ndarray:
        out = np.zeros_like(a)
        self.c.lm_line(pointer(a), pointer(b), len(a), ctypes.c_double(t), spherical, pointer(out))
        return out

    def aside(self, straight: np.ndarray, way: np.ndarray, start: float, end: float) -> np.ndarray:
        out = straight.copy()
        self.c.lm_aside(pointer(way), out.size, ctypes.c_double(start), ctypes.c_double(end), pointer(out))
        return out

    def on_grid(self, grid: np.ndarray, x: float, y: float) -> np.ndarray:
        """Of a grid (rows, columns, ...) at a place, (...)."""
        out = np.zeros(grid.shape[2:], np.float32)
        at = (ctypes.c_double(x), ctypes.c_double(y))
        self.c.lm_on_grid(pointer(grid), *grid.shape[:2], out.size, *at, pointer(out))
        return out

    def path_weights(self, position: float, count: int) -> np.ndarray:
        out = np.zeros(count)
        self.c.lm_path(ctypes.c_double(position), count, pointer(out))
        return out

    def pad_weights(self, x: float, y: float, count: int) -> np.ndarray:
        out = np.zeros(count)
        self.c.lm_pad(ctypes.c_double(x), ctypes.c_double(y), count, pointer(out))
        return out


class NativeModel:
    """A model in the engine, on one path of kernels, until `close`.

    Raises:
        ValueError: what the engine says of the bytes.
    """

    kind: str  # as functions of the C interface are named
    coding: str  # what stands before the name of those that code
    windows: Any  # the type of a window's numbers
    window: tuple[int, ...]  # its shape

    def __init__(self, library: Library, data: bytes, kernels: str | None = None) -> None:
        self.c = library.c
        problem = ctypes.create_string_buffer(300)
        name = kernels.encode() if kernels else None
        parse = getattr(self.c, f"lm_{self.kind}_parse")
        model = parse(data, ctypes.c_ulonglong(len(data)), name, problem, len(problem))
        if not model:
            raise ValueError(problem.value.decode())
        self.model = ctypes.c_void_p(model)
        self.network = self._network()
        self.latent_size = getattr(self.c, f"lm_{self.kind}_latent_size")(self.model)

    def _network(self) -> ctypes.c_void_p:
        """What encodes and decodes."""
        return self.model

    def decode(self, latents: np.ndarray, temperature: float = 0.0, seed: int = 0) -> np.ndarray:
        """(B, D) -> windows (B, ...)."""
        latents = np.ascontiguousarray(latents, np.float32)
        out = np.zeros((len(latents), *self.window), self.windows)
        drawn = (ctypes.c_float(temperature), ctypes.c_uint(seed))
        getattr(self.c, f"lm_{self.coding}decode")(self.network, pointer(latents), len(latents), pointer(out), *drawn)
        return out

    def encode(self, windows: np.ndarray) -> np.ndarray:
        """Windows (B, ...) -> posterior means (B, D)."""
        return self._latents("encode", windows)

    def invert(self, windows: np.ndarray) -> np.ndarray:
        """Windows (B, ...) -> latents (B, D) that they are decoded from."""
        return self._latents("invert", windows)

    def _latents(self, how: str, windows: np.ndarray) -> np.ndarray:
        windows = np.ascontiguousarray(windows, self.windows)
        out = np.zeros((len(windows), self.latent_size), np.float32)
        getattr(self.c, f"lm_{self.coding}{how}")(self.network, pointer(windows), len(windows), pointer(out))
        return out

    def close(self) -> None:
        getattr(self.c, f"lm_{self.kind}_free")(self.model)


class Engine(NativeModel):
    """A model of melodies."""

    kind, coding, windows, window = "model", "", np.int32, (STEPS,)

    def _network(self) -> ctypes.c_void_p:
        self.name, self.id, self.kernels = (
            getattr(self.c, f"lm_model_{what}")(self.model).decode() for what in ("name", "id", "kernels")
        )
        return ctypes.c_void_p(self.c.lm_network_new(self.model))

    def travel(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Latents (W, D) -> places (9, W, D)."""
        out = np.zeros((PLACES, *a.shape), np.float32)
        self.c.lm_travel(self.network, pointer(a), pointer(b), len(a), pointer(out))
        return out

    def join(self, rhythm: np.ndarray, pitch: np.ndarray) -> np.ndarray | None:
        """Latents (W, D) of two groups -> (W, D); None where one of them has no note."""
        out = np.zeros_like(rhythm)
        is_made = self.c.lm_join(self.network, pointer(rhythm), pointer(pitch), len(rhythm), pointer(out))
        return out if is_made else None

    def plane(self, a: np.ndarray, b: np.ndarray, metre: tuple[int, int], windows: int) -> np.ndarray | None:
        """Tokens (S,) of two partners -> latents (9, 9, W, D); None where one has no note."""
        out = np.zeros((PLACES, PLACES, windows, self.latent_size), np.float32)
        both = [pointer(np.ascontiguousarray(each, np.int32)) for each in (a, b)]
        return out if self.c.lm_plane(self.network, *both, len(a), *metre, pointer(out)) else None

    def chart(self, latents: np.ndarray, shares: np.ndarray) -> np.ndarray:
        """Latents (M, W, D), shares (P, M) -> (P, W, D)."""
        out = np.zeros((len(shares), *latents.shape[1:]), np.float32)
        shares = np.ascontiguousarray(shares, np.float32)
        self.c.lm_chart(self.network, pointer(latents), *latents.shape[:2], pointer(shares), len(shares), pointer(out))
        return out

    def shift(self, amounts: Sequence[float]) -> np.ndarray:
        out = np.zeros(self.latent_size, np.float32)
        self.c.lm_shift(self.model, pointer(np.array(amounts, np.float32)), pointer(out))
        return out

    def melody(self, which: int) -> tuple[np.ndarray, tuple[int, int]]:
        tokens, metre = np.zeros(4096, np.int32), (ctypes.c_int * 2)()
        steps = self.c.lm_model_melody(
            self.model, which, pointer(tokens), len(tokens), ctypes.byref(metre), ctypes.byref(metre, 4)
        )
        return tokens[:steps], (metre[0], metre[1])

    def close(self) -> None:
        self.c.lm_network_free(self.network)
        super().close()


class DrumEngine(NativeModel):
    """A model of drums."""

    kind, coding, windows, window = "drums", "drums_", np.float32, CELLS

    def humanise(self, cells: np.ndarray, tempo: float, amount: float) -> np.ndarray:
        out = np.array(cells, np.float32)
        self.c.lm_drums_humanise(self.model, pointer(out), len(out), ctypes.c_float(tempo), ctypes.c_float(amount))
        return out

    def groove(self, which: int) -> np.ndarray:
        out = np.zeros((16, *CELLS), np.float32)
        return out[: self.c.lm_drums_groove(self.model, which, pointer(out), len(out))]


def random_model(kind: Any, config: Any, half: bool) -> Any:
    """A model of a configuration with random weights; `half`: float16 has them."""
    torch.manual_seed(1)
    model = kind(config).eval()
    if half:
        model.load_state_dict({name: value.half().float() for name, value in model.state_dict().items()})
    return model


Native = TypeVar("Native", bound=NativeModel)


def on_each_path(kind: type[Native], library: Library, data: bytes) -> Iterator[Native]:
    """The model on each path of kernels that this processor has, one after the other."""
    for path in PATHS:
        try:
            engine = kind(library, data, path)
        except ValueError as error:
            assert "has no path" in str(error)
            continue
        yield engine
        engine.close()


def on_path_or_skip(kind: type[Native], library: Library, data: bytes, path: str) -> Iterator[Native]:
    """The model on one path of kernels."""
    try:
        engine = kind(library, data, path)
    except ValueError as error:
        assert "has no path" in str(error)
        pytest.skip(str(error))
    yield engine
    engine.close()
