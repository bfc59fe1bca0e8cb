"""A way through melodies as one TorchScript file, by the conventions that nn~ (for Max and Pure Data) publishes.

    position, phase (B, 2, T) -> `forward` -> pitch, gate, onset (B, 3, T), signals of any rate

The position goes 0 to 1 from the first melody to the last by even ways (`travel`), the phase 0 to 1 through two bars.
What is heard at a sample is the step that the phase is in: the MIDI pitch that sounds or did last, whether one sounds,
and whether the note begins in this step. The position is read once a call, at its last sample; where it moves, two bars
are decoded, which takes about as long as `MelodyVAE.decode`.

The conventions: methods are named by `get_methods()`, their inlets and outlets described by a buffer NAME_params of
(inlets, divisor, outlets, divisor) and by NAME_input_labels and NAME_output_labels; attributes are named by
`get_attributes()`, read by `get_NAME()`, which gives a tuple, set by `set_NAME()`, which gives 0 or, where it refuses,
-1, and described by a buffer NAME_params of the kinds of their values (1 int, 2 float). Nothing else is asked of the
host, so any libtorch can run it.
"""

# no `from __future__ import annotations`: TorchScript reads annotations as they stand
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentmix.errors import InputError

from .interpolation import check_mixable
from .model.network import MelodyNetwork
from .music.melody import OFF, ONSET, Melody
from .music.windows import WINDOW_STEPS, to_windows, window_layout
from .portable import PortableDecoder
from .travel import even_travel

INT, FLOAT = 1, 2  # as nn~ counts kinds of values
MOST_TRANSPOSED, MOST_SHIFTED = 48, 8.0  # semitones; standard deviations


def torchscript_file(model: MelodyNetwork, melodies: Sequence[Melody]) -> bytes:
    """The bytes of the file.

    Args:
        model: in evaluation mode, on the CPU.
        melodies: two or more, of which two bars are taken.

    Raises:
        InputError: a model with nothing between two codes, fewer melodies, or a metre of which two bars are not 32
            sixteenths.
    """
    check_mixable(model)
    if len(melodies) < 2:
        raise InputError(f"expected at least 2 melodies to go between, found {len(melodies)}")
    for melody in melodies:
        if len(window_layout(melody.metre).places) != WINDOW_STEPS:
            metre = "/".join(map(str, melody.metre))
            raise InputError(f"{melody.name or 'melody'}: expected 4/4 or what has as many sixteenths, found {metre}")
    codes = model.invert_windows(np.stack([to_windows(melody)[0] for melody in melodies]))
    ways = even_travel(model, codes[:-1], codes[1:]).places  # (9, M - 1, D)
    places = torch.cat([ways[:1, 0], ways[1:].transpose(0, 1).flatten(0, 1)]).clone()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of torch.jit about itself
        decoder = torch.jit.trace(_Likeliest(model), (places[:2].clone(),), check_inputs=[(places[:3].clone(),)])
        way = _Way(decoder, places, model.attribute_directions.detach().clone(), model.attribute_names)
        scripted = torch.jit.script(way.eval())
        for index, name in enumerate(model.attribute_names):
            scripted.define(_ATTRIBUTE.format(name=name, index=index, most=MOST_SHIFTED))
        file = io.BytesIO()
        torch.jit.save(scripted, file)
    return file.getvalue()


_ATTRIBUTE = """
def get_{name}(self) -> Tuple[float]:
    return (float(self.amounts[{index}]),)

def set_{name}(self, amount: float) -> int:
    if not (amount >= -{most} and amount <= {most}):
        return -1
    self.amounts[{index}] = amount
    self.is_new = True
    return 0
"""


class _Likeliest(nn.Module):
    def __init__(self, model: MelodyNetwork) -> None:
        super().__init__()
        self.decoder = PortableDecoder(model)

    def forward(self, z: Tensor) -> Tensor:
        return self.decoder(z)[0]


class _Way(nn.Module):
    """See the module's docstring. It is read by TorchScript, which knows part of Python alone.

    Args:
        decoder: latents (B, D) -> tokens (B, 32), traced.
        places: (K, D) on the way, evenly spaced.
        directions: (A, D) of the attributes.
        names: of the attributes.
    """

    # its state: what was decoded last, and for which positions (B,) and amounts (A,)
    tokens: Tensor
    position: Tensor
    amounts: Tensor
    # what does not change
    places: Tensor
    directions: Tensor
    is_new: bool
    semitones: int

    def __init__(self, decoder: Any, places: Tensor, directions: Tensor, names: Sequence[str]) -> None:
        super().__init__()
        self.decoder = decoder
        self.register_buffer("places", places)
        self.register_buffer("directions", directions)
        self.register_buffer("amounts", torch.zeros(len(directions)))
        self.register_buffer("position", torch.zeros(0))
        self.register_buffer("tokens", torch.zeros(0, WINDOW_STEPS, dtype=torch.int64))
        self.is_new, self.semitones = True, 0
        self.steps, self.off, self.onset, self.most = WINDOW_STEPS, OFF, ONSET, MOST_TRANSPOSED
        self.methods, self.attributes = ["forward"], ["transpose", *names]
        self.register_buffer("forward_params", torch.tensor([2, 1, 3, 1]))
        self.forward_input_labels = ["(signal) position", "(signal) phase of two bars"]
        self.forward_output_labels = ["(signal) pitch", "(signal) gate", "(signal) onset"]
        self.register_buffer("transpose_params", torch.tensor([INT]))
        for name in names:
            self.register_buffer(f"{name}_params", torch.tensor([FLOAT]))

    @torch.jit.export
    def get_methods(self) -> list[str]:
        return self.methods

    @torch.jit.export
    def get_attributes(self) -> list[str]:
        return self.attributes

    @torch.jit.export
    def get_transpose(self) -> tuple[int]:
        return (self.semitones,)

    @torch.jit.export
    def set_transpose(self, semitones: int) -> int:
        if semitones < -self.most or semitones > self.most:
            return -1
        self.semitones = semitones
        return 0

    def forward(self, x: Tensor) -> Tensor:
        position = x[:, 0, -1].clamp(0.0, 1.0)
        if self.is_new or position.shape != self.position.shape or not torch.equal(position, self.position):
            where = position * (self.places.shape[0] - 1)
            before = where.floor().long().clamp(max=self.places.shape[0] - 2)
            z = torch.lerp(self.places[before], self.places[before + 1], (where - before)[:, None])
            self.tokens = self.decoder(z + self.amounts @ self.directions)
            self.position = position
            self.is_new = False
        steps = torch.arange(self.steps, device=x.device)
        is_onset = self.tokens >= self.onset
        latest = torch.where(is_onset, steps, -1).cummax(1)[0]  # the step at which the note began
        ended = torch.where(self.tokens == self.off, steps, -1).cummax(1)[0]
        gate = (latest > ended).to(x.dtype)
        # before the first note of the two bars: what would be heard at their end, had they been played before
        heard = torch.where(latest < 0, latest[:, -1:], latest).clamp(min=0)
        pitch = (self.tokens.gather(1, heard) - self.onset + self.semitones).clamp(0, 127).to(x.dtype)
        step = (x[:, 1] * self.steps).floor().long().remainder(self.steps)
        parts = [pitch.gather(1, step), gate.gather(1, step), is_onset.to(x.dtype).gather(1, step)]
        return torch.stack(parts, 1)
