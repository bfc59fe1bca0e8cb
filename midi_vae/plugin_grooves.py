"""A model of drums as the flat file that the plugins' engine reads, laid out as `plugins/engine/drum_weights.hpp` says.

GrooveVAE, grooves -> header of 512 bytes, tensors in the order in which the engine uses them, grooves
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from latentmix.errors import InputError

from .drums.feel import HEARD, FeelBlock
from .drums.groove import Groove
from .drums.travel import even_travel
from .drums.vae import GrooveVAE
from .drums.windows import partners, to_cells
from .music.windows import layout_of
from .plugin_format import (
    DRUMS,
    PANEL,
    check_names,
    linear,
    norm,
    panels,
    piece_head,
    stack,
    vector,
    weight_file,
)
from .plugin_limits import PLUGIN_PIECES

MAX_WINDOWS = 4  # of each groove


def groove_weights(
    model: GrooveVAE, name: str, plugin_id: str, grooves: Sequence[Groove] = (), *, half: bool = False
) -> bytes:
    """The file's bytes; arguments as of `plugin_weights.plugin_weights`.

    Of 2 to 4 grooves, or the first 4, the even ways between them are found and kept as well, which takes seconds: the
    engine does not look for them itself. So a plugin mixes them as `drums.mixing` does.

    Raises:
        InputError: a name or id that cannot be, grooves that are too long.
    """
    check_names(name, plugin_id)
    config = model.config
    pieces = [_groove(groove) for groove in grooves]
    few = grooves[:PLUGIN_PIECES]
    together = [to_cells(each) for each in (partners(few) if len(few) > 1 else few)]
    if any(len(cells) > MAX_WINDOWS for cells in together):
        raise InputError(f"expected grooves of at most {MAX_WINDOWS} windows (8 bars of 4/4), found a longer one")
    way_windows = len(together[0]) if len(few) > 1 else 0
    if way_windows:
        pieces += [_values(part) for part in _ways(model, np.stack(together))]
    sizes = [
        *(config.latent_size, config.width, config.across, config.encoder_blocks, config.decoder_blocks),
        *(config.feel_width, config.feel_blocks, len(grooves), way_windows, HEARD),
    ]
    return weight_file(DRUMS, [name, plugin_id], sizes, _tensors(model), pieces, half=half)


def _tensors(model: GrooveVAE) -> Iterator[np.ndarray]:
    """All values, float32, in the order of the file."""
    share = model.config.latent_size // len(model.encoder.places)
    yield from stack(model.decoder)
    yield from stack(model.encoder, share)  # of its heads the first: the latent itself
    feel = model.feel
    yield panels(_taps(feel.enter.weight))
    yield vector(_given(feel.enter.bias))
    yield vector(feel.places.T)
    yield vector(feel.style.weight[-1])  # any style
    yield from linear(feel.tempo)
    for layer in (feel.piece[0], feel.piece[-1]):
        assert isinstance(layer, nn.Linear)
        yield from linear(layer)
    for block in feel.blocks:
        assert isinstance(block, FeelBlock)
        yield from norm(block.norm)
        for convolution in (block.mix, block.spread):
            yield panels(_taps(convolution.weight))
            yield vector(_given(convolution.bias))
    yield panels(_taps(feel.leave.weight))
    yield vector(_given(feel.leave.bias))


def _taps(weight: Tensor) -> Tensor:
    """A convolution (out, in, taps) as a product: (taps x in, out)."""
    return weight.permute(2, 1, 0).flatten(0, 1)


def _given(bias: Tensor | None) -> Tensor:
    assert bias is not None
    return bias


def _groove(groove: Groove) -> bytes:
    """
    Raises:
        InputError: too long, or its bars are longer than a window.
    """
    layout_of(groove)
    cells = groove.velocities.size
    head = piece_head(groove.name, len(groove.velocities), groove.metre, 0, groove.tempo)
    velocities = np.pad(groove.velocities.ravel(), (0, -cells % PANEL))
    return head + velocities.tobytes() + _values(groove.lateness)


def _values(array: np.ndarray) -> bytes:
    """float32, filled up with zeros to a multiple of 16."""
    return np.pad(array.ravel().astype("<f4"), (0, -array.size % PANEL)).tobytes()


def _ways(model: GrooveVAE, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes (N, W, D) of grooves (N, W, 32, 3, 9), and the places (pairs, K, W, D) between each two."""
    pairs = list(itertools.combinations(range(len(cells)), 2))
    count, windows = len(pairs), cells.shape[1]
    first, second = (np.concatenate([cells[pair[end]] for pair in pairs]) for end in range(2))
    places = even_travel(model, first, second).places.cpu().unflatten(1, (count, windows)).transpose(0, 1)
    latents = torch.stack([places[0, 0], *places[: len(cells) - 1, -1]])  # the first goes to each of the others first
    return latents.numpy(), places.numpy()
