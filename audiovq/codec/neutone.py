"""The codec as a model for Neutone's plugins. Imports `neutone_sdk`, so only where that is installed."""

# no `from __future__ import annotations`: TorchScript reads annotations as they are
from pathlib import Path
from typing import Any, Dict, List  # noqa: UP035  # those of the base class, which TorchScript compares

import torch
from neutone_sdk import WaveformToWaveformBase
from neutone_sdk.parameter import ContinuousNeutoneParameter
from neutone_sdk.utils import save_neutone_model
from torch import Tensor

from ..model.vqvae import VQVAE
from .torchscript import streaming_codec

CODEBOOKS = "codebooks"


class NeutoneCodec(WaveformToWaveformBase):  # type: ignore[misc]  # it comes without types
    """Mono, at the model's rate, a code frame at a time; one parameter: the share of the codebooks that is heard."""

    def __init__(self, model: VQVAE, name: str) -> None:
        self._name = name
        self.sample_rate, self.hop, self.delay = model.config.sample_rate, model.config.hop, model.delay
        self.most = model.config.codebooks
        super().__init__(streaming_codec(model))

    def get_model_name(self) -> str:
        return self._name

    def get_model_authors(self) -> List[str]:  # noqa: UP006
        return ["latentmix"]

    def get_model_short_description(self) -> str:
        return "Speech through a few discrete codes"

    def get_model_long_description(self) -> str:
        return "A VQ-VAE for speech: what comes in is coded at a few kbit/s and decoded again, as a voice."

    def get_technical_description(self) -> str:
        return "Residual vector quantization of spectrogram frames; pulses and noise, filtered; causal."

    def get_technical_links(self) -> Dict[str, str]:  # noqa: UP006
        return {}

    def get_tags(self) -> List[str]:  # noqa: UP006
        return ["speech", "codec", "VQ-VAE"]

    def get_model_version(self) -> str:
        return "0.1.0"

    def is_experimental(self) -> bool:
        return False

    def get_neutone_parameters(self) -> List[Any]:  # noqa: UP006
        return [ContinuousNeutoneParameter(CODEBOOKS, "how many codebooks are heard: fewer are coarser", 1.0)]

    @torch.jit.export
    def is_input_mono(self) -> bool:
        return True

    @torch.jit.export
    def is_output_mono(self) -> bool:
        return True

    @torch.jit.export
    def get_native_sample_rates(self) -> List[int]:  # noqa: UP006
        return [self.sample_rate]

    @torch.jit.export
    def get_native_buffer_sizes(self) -> List[int]:  # noqa: UP006
        return [self.hop]

    @torch.jit.export
    def calc_model_delay_samples(self) -> int:
        return self.delay

    @torch.jit.export
    def reset_model(self) -> bool:
        self.model.reset()
        return True

    def do_forward_pass(self, x: Tensor, params: Dict[str, Tensor]) -> Tensor:  # noqa: UP006
        share = float(params["codebooks"].mean())
        return self.model(x, 1 + int(share * (self.most - 1) + 0.5))


def write_neutone(model: VQVAE, name: str, folder: Path) -> None:
    """`model.nm`, `metadata.json` and samples in a folder, once Neutone's own checks for submission have passed.

    Raises:
        AssertionError: one of them has not.
    """
    save_neutone_model(
        NeutoneCodec(model.requires_grad_(False), name),
        folder,
        dump_samples=True,
        submission=True,
        speed_benchmark=False,
    )
