"""A model of drums as the flat file that the plugins' engine reads, laid out as `plugins/engine/drum_weights.hpp` says.

GrooveVAE, grooves -> header of 512 bytes, tensors in the order in which the engine uses them, grooves
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch import Tensor

from .drums.feel import FeelBlock
from .drums.groove import Groove
from .drums.vae import GrooveVAE
from .music.windows import window_layout
from .plugin_format import DRUMS, PANEL, check_names, linear, norm, panels, piece_head, stack, vector, weight_file


def groove_weights(
    model: GrooveVAE, name: str, plugin_id: str, grooves: Sequence[Groove] = (), *, half: bool = False
) -> bytes:
    """The file's bytes; arguments as of `plugin_weights.plugin_weights`.

    Raises:
        InputError: a name or id that cannot be, grooves that are too long.
    """
    check_names(name, plugin_id)
    config = model.config
    sizes = [
        *(config.latent_size, config.width, config.across, config.encoder_blocks, config.decoder_blocks),
        *(config.feel_width, config.feel_blocks, len(grooves)),
    ]
    pieces = [_groove(groove) for groove in grooves]
    return weight_file(DRUMS, [name, plugin_id], sizes, _tensors(model), pieces, half=half)


def _tensors(model: GrooveVAE) -> Iterator[np.ndarray]:
    """All values, float32, in the order of the file."""
    share = model.config.latent_size // len(model.encoder.places)
    yield from stack(model.decoder)
    yield from stack(model.encoder, share)  # of its heads the first: the code itself
    feel = model.feel
    yield panels(_taps(feel.enter.weight))
    yield vector(_given(feel.enter.bias))
    yield vector(feel.places.T)
    yield vector(feel.style.weight[-1])  # any style
    yield from linear(feel.tempo)
    for block in feel.blocks:
        assert isinstance(block, FeelBlock)
        yield from norm(block.norm)
        for layer in (block.mix, block.spread):
            yield panels(_taps(layer.weight))
            yield vector(_given(layer.bias))
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
    window_layout(groove.metre)
    cells = groove.velocities.size
    head = piece_head(groove.name, len(groove.velocities), groove.metre, 0, groove.tempo)
    velocities = np.pad(groove.velocities.ravel(), (0, -cells % PANEL))
    offsets = np.pad(groove.lateness.ravel().astype("<f4"), (0, -cells % PANEL))
    return head + velocities.tobytes() + offsets.tobytes()
