"""A melody model as two ONNX files, which any program with an ONNX runtime reads.

    encoder.onnx: "tokens" (B, 32) int64 -> "latents" (B, D) float32
    decoder.onnx: "latents" (B, D) float32 -> "tokens" (B, 32) int64, "rhythm" (B, 32, 3), "pitch" (B, 32, P) float32
    model.json: what the numbers mean, and the directions of the attributes (A, D)

B is any number. The tokens are the likeliest; to draw others, draw from softmax(rhythm / temperature), and where that
is 2 from softmax(pitch / temperature), whose first is the lowest pitch.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from latentmix.extras import load_extra

from .interpolation import check_mixable
from .model.network import MelodyNetwork
from .music.windows import WINDOW_STEPS
from .portable import PortableDecoder, PortableEncoder

OPSET = 18
MOST_WINDOWS = 1 << 16  # in one call; only so that the exporter has a bound


def onnx_files(model: MelodyNetwork) -> Mapping[str, bytes]:
    """The files by their names.

    Args:
        model: in evaluation mode, on the CPU.

    Raises:
        InputError: a model with nothing between two codes, or the packages of the extra `onnx` are not there.
    """
    check_mixable(model)
    for module in ("onnx", "onnxscript"):
        load_extra(module, "onnx")
    tokens = torch.ones(2, WINDOW_STEPS, dtype=torch.int64)
    latents = torch.zeros(2, model.config.latent_size)
    encoder = _exported(PortableEncoder(model), tokens, "tokens", ["latents"])
    decoder = _exported(PortableDecoder(model), latents, "latents", ["tokens", "rhythm", "pitch"])
    return {"encoder.onnx": encoder, "decoder.onnx": decoder, "model.json": _description(model)}


def _exported(module: nn.Module, example: Tensor, takes: str, gives: Sequence[str]) -> bytes:
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns of packages that have nothing to do with this model
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # of the exporter about itself
            batch = torch.export.Dim("batch", min=1, max=MOST_WINDOWS)
            program = torch.onnx.export(
                module.eval(),
                (example,),
                input_names=[takes],
                output_names=list(gives),
                opset_version=OPSET,
                dynamic_shapes=({0: batch},),
                dynamo=True,
                verbose=False,
            )
    finally:
        logger.setLevel(level)
    if program is None:
        raise RuntimeError("the exporter of torch gave no program")
    return program.model_proto.SerializeToString()


def _description(model: MelodyNetwork) -> bytes:
    config = model.config
    directions = model.attribute_directions.detach().cpu().tolist()
    described: dict[str, Any] = {
        "tokens": "one for each sixteenth of two bars of 4/4: 0 holds, 1 ends the note, 2 + p starts MIDI pitch p",
        "latent_size": config.latent_size,
        "lowest_pitch": config.lowest_pitch,
        "pitches": config.pitches,
        "attributes": dict(zip(model.attribute_names, directions, strict=True)),
    }
    return (json.dumps(described, indent=1) + "\n").encode()
