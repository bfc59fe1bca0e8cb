from __future__ import annotations

import pytest
from toy_sounds import played, small_model

from audiovq.sound.model import SoundModel
from audiovq.sound.morph import Recording, encode


@pytest.fixture(scope="package")
def model() -> SoundModel:
    """A small model of sounds; tests leave it as it is."""
    return small_model()


@pytest.fixture(scope="package")
def recordings(model: SoundModel) -> list[Recording]:
    return [encode(model, played(hertz, 0.5)) for hertz in (200.0, 400.0)]
