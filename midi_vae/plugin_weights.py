"""A melody model as the one flat file that the plugins' engine reads, laid out as `plugins/engine/weights.hpp` says.

MelodyVAE, melodies -> header of 512 bytes, tensors in the order in which the engine uses them, melodies
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import nn

from latentmix.errors import InputError

from .interpolation import check_mixable
from .music.melody import Melody
from .music.partners import partners
from .music.windows import WINDOW_STEPS, layout_of, to_windows
from .plugin_format import (
    ASTRAY,
    MELODIES,
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
from .vae import MelodyVAE

MAX_ATTRIBUTE_TEXT, MAX_ATTRIBUTES = 15, 8  # bytes of UTF-8; how many
MAX_WINDOWS = 8  # of the melodies of a plugin's pad


def plugin_weights(
    model: MelodyVAE, name: str, plugin_id: str, melodies: Sequence[Melody] = (), *, half: bool = False
) -> bytes:
    """The file's bytes. Values are float16 where that loses nothing, as with the shipped weights, else float32.

    Args:
        model: a model whose code is what the encoder says, without a further step: Gaussian, sparse, denoising ...
        name: what hosts show, at most 63 bytes of UTF-8.
        plugin_id: what projects name the plugin by, such as `org.example.my-tunes`.
        melodies: at most 8, that the plugin starts with.
        half: float16 in any case, half the size; notes may differ here and there.

    Raises:
        InputError: another kind of model, a name or id that cannot be, melodies that the plugin cannot hold.
    """
    check_mixable(model)
    _check_encoder(model)
    check_names(name, plugin_id)
    _check_attributes(model)
    config = model.config
    sizes = [
        *(config.latent_size, config.width, config.across, config.encoder_blocks, config.decoder_blocks),
        *(config.step_width, config.lowest_pitch, config.pitches, config.critic_width),
        *(len(model.attribute_names), len(melodies)),
    ]
    return weight_file(
        MELODIES,
        [name, plugin_id, *model.attribute_names],
        sizes,
        _tensors(model),
        [_melody(melody) for melody in melodies],
        fusion=config.fusion,
        half=half,
    )


def check_held(melodies: Sequence[Melody]) -> None:
    """
    Raises:
        InputError: together they are longer than a plugin's pad, which would start with silence in their place.
    """
    together = partners(melodies) if len(melodies) > 1 else melodies
    if together and (windows := len(to_windows(together[0]))) > MAX_WINDOWS:
        raise InputError(
            f"expected melodies of at most {MAX_WINDOWS} windows (16 bars of 4/4), found {windows}; take fewer bars"
        )


def _tensors(model: MelodyVAE) -> Iterator[np.ndarray]:
    """All values, float32, in the order of the file."""
    yield from stack(model.decoder)
    yield from norm(model.step_norm)
    yield from linear(model.rhythm_head)
    yield from linear(model.pitch_head)
    towers, width = model.critic.towers, model.config.critic_width
    yield vector(towers.embedding.weight)
    yield vector(towers.places)
    for taps, mix in zip(towers.taps, towers.mix, strict=True):
        for tower in range(2):
            yield panels(taps.weight[tower, :width])
            yield vector(taps.bias[tower])
            yield panels(taps.weight[tower, width:])
            yield panels(mix.weight[tower])
            yield vector(mix.bias[tower])
    first, _, second = cast(tuple[nn.Linear, nn.Module, nn.Linear], tuple(model.critic.head))
    yield from linear(first)
    yield from linear(second)
    yield vector(model.rhythm_embedding.weight)
    yield vector(model.pitch_embedding.weight)
    share = model.config.latent_size // len(model.encoder.places)
    yield from stack(model.encoder, share)  # of its heads the first: the code itself
    yield vector(model.attribute_directions)


def _melody(melody: Melody) -> bytes:
    """
    Raises:
        InputError: too long, or its bars are longer than a window.
    """
    layout_of(melody)
    head = piece_head(melody.name, len(melody.tokens), melody.metre, melody.program, melody.tempo)
    tokens = np.pad(melody.tokens.astype("<u2"), (0, -len(melody.tokens) % PANEL))
    return head + tokens.tobytes()


@torch.inference_mode()
def _check_encoder(model: MelodyVAE) -> None:
    tokens = torch.zeros(1, WINDOW_STEPS, dtype=torch.int64, device=model.device)
    fields = model.fields(tokens)
    features = model.encoder(model.inputs(fields))
    share = model.config.latent_size // features.shape[1]
    mean = model.posterior(fields).mean
    if not mean.isfinite().all():
        raise InputError(ASTRAY)
    if not torch.allclose(features[..., :share].flatten(1), mean, atol=1e-6):
        raise InputError(
            f"a plugin takes models whose code is what the encoder says; latent {model.config.latent} goes on from "
            "there; take one with latent gaussian, sparse, denoising, contractive or undercomplete"
        )


def _check_attributes(model: MelodyVAE) -> None:
    names = model.attribute_names
    if len(names) > MAX_ATTRIBUTES or any(len(each.encode()) > MAX_ATTRIBUTE_TEXT for each in names):
        raise InputError(f"expected at most {MAX_ATTRIBUTES} attributes with short names, found {', '.join(names)}")
    if len(model.critic.towers.dilations) != 5:
        raise InputError("expected a critic of 5 layers, as this release makes them")
