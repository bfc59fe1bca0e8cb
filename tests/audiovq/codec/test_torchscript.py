"""The codec as one TorchScript module: what it makes of a stream is what the codec makes of it, whatever was before."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from audiovq.codec.codec import Codec
from audiovq.codec.torchscript import streaming_codec

SPEECH = Path(__file__).parents[3] / "examples" / "speech.flac"
SECONDS = 2

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # the hosts want it


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec.from_pretrained("speech_16k")


@pytest.fixture(scope="module")
def saved(codec: Codec) -> bytes:
    out = io.BytesIO()
    torch.jit.save(streaming_codec(codec.model), out)
    return out.getvalue()


@pytest.mark.parametrize("codebooks", [1, 7])
def test_its_stream_is_that_of_the_codec(codec: Codec, saved: bytes, codebooks: int) -> None:
    """Sample by sample, frame after frame, as the codec decodes its own codes; and the same again after a reset."""
    audio, rate = soundfile.read(SPEECH, dtype="float32")
    assert rate == codec.sample_rate
    audio = audio[None, : SECONDS * rate]
    codes = list(codec.encode_chunks([audio], 1, codec.codebooks))
    own = np.concatenate(list(codec.decode_chunks((each[:, :codebooks] for each in codes), 1, skip=0)), 1)
    module = torch.jit.load(io.BytesIO(saved))
    frames = torch.from_numpy(audio).split(codec.hop, 1)
    for _ in range(2):
        with torch.inference_mode():
            heard = torch.cat([module(frame, codebooks) for frame in frames], 1).numpy()
        np.testing.assert_allclose(heard, own[:, : heard.shape[1]], atol=1e-3 * np.abs(own).max())
        module.reset()
    assert np.abs(own).max() > 0.01
