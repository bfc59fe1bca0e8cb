"""How loud the shipped codec is, beside the original, in LUFS (ITU-R BS.1770)."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch
from torchaudio.functional import loudness

from audiovq import compress, decompress

SPEECH = Path(__file__).resolve().parents[3] / "examples" / "speech.flac"


@pytest.mark.parametrize("seconds", [2, None], ids=["short", "whole"])
def test_both_rates_are_as_loud_as_the_original(seconds: float | None) -> None:
    samples, rate = soundfile.read(SPEECH, dtype="float32")
    original = torch.from_numpy(samples)[None, : seconds and seconds * rate]
    found = [decompress(compress(original, rate, kbps))[0] for kbps in (1.5, 3.0)]
    low, high = (loudness(x, rate).item() - loudness(original, rate).item() for x in found)
    assert low == pytest.approx(high, abs=0.4)
    assert low == pytest.approx(0.0, abs=0.5)
