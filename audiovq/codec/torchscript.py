"""The codec as one TorchScript module that keeps its own state, for programs that stream through it frame by frame.

    samples (1, hop), how many codebooks -> what the codec makes of them (1, hop), `delay` samples late

Encoder and decoder are traced, with their states as arguments and results; what is scripted around them carries the
states from call to call. A state that stays inside of what is traced would not travel: it is a constant there.
"""

# no `from __future__ import annotations`: TorchScript reads annotations as they are
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from ..model.vqvae import VQVAE


class _Encoder(nn.Module):
    def __init__(self, model: VQVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        codes, *after = self.model.encoded(None, x, *state)
        return codes, after


class _Decoder(nn.Module):
    def __init__(self, model: VQVAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor, state: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, *after = self.model.decoded(codes, *state)
        return y, after


class StreamingCodec(nn.Module):
    """One code frame in, one out; for `torch.jit.script`, and for one stream at a time.

    Args:
        encoder, decoder: traced.
        encoder_state, decoder_state: fresh ones.
        codebooks: Q.
    """

    encoder_start: list[Tensor]
    decoder_start: list[Tensor]
    encoder_state: list[Tensor]
    decoder_state: list[Tensor]

    def __init__(
        self, encoder: Any, decoder: Any, encoder_state: list[Tensor], decoder_state: list[Tensor], codebooks: int
    ) -> None:
        super().__init__()
        self.encoder, self.decoder, self.codebooks = encoder, decoder, codebooks
        self.encoder_start, self.decoder_start = encoder_state, decoder_state
        self.encoder_state = [each.clone() for each in encoder_state]
        self.decoder_state = [each.clone() for each in decoder_state]

    def forward(self, x: Tensor, codebooks: int) -> Tensor:
        """Samples (1, hop) float32, how many codebooks are heard (at least 1) -> samples (1, hop)."""
        codes, after = self.encoder(x, self.encoder_state)
        self.encoder_state = after
        is_kept = torch.arange(self.codebooks).reshape(1, -1, 1) < codebooks
        y, said = self.decoder(torch.where(is_kept, codes, torch.full_like(codes, -1)), self.decoder_state)
        self.decoder_state = said
        return y

    @torch.jit.export
    def reset(self) -> None:
        """What comes next is the start of another stream."""
        self.encoder_state = [each.clone() for each in self.encoder_start]
        self.decoder_state = [each.clone() for each in self.decoder_start]


def streaming_codec(model: VQVAE) -> Any:
    """The model as a scripted `StreamingCodec`.

    Args:
        model: in evaluation mode, on the CPU.
    """
    torch.manual_seed(0)
    x = 0.1 * torch.randn(1, model.config.hop)
    states = model.initial_encoder_state(1), model.initial_decoder_state(1)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer: of sizes that are fixed, as they are here, and of its own age
        encoder = torch.jit.trace(_Encoder(model), (x, states[0]), check_trace=False, strict=False)
        codes, _ = encoder(x, states[0])
        decoder = torch.jit.trace(_Decoder(model), (codes, states[1]), check_trace=False, strict=False)
        return torch.jit.script(StreamingCodec(encoder, decoder, *states, model.config.codebooks))
