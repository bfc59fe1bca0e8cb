"""The C++ engine's model of drums beside PyTorch: golden vectors are made here, in the same run."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from native_engine import PATHS, DrumEngine, Library, on_each_path, on_path_or_skip, random_model
from sanitized import check_weights
from weight_mutations import checked, mutated

from latentmix.errors import InputError
from midi_vae.drums.config import GrooveVAEConfig
from midi_vae.drums.groove import Groove
from midi_vae.drums.mixing import humanise
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from midi_vae.drums.windows import HIT, from_cells, to_cells
from midi_vae.plugin_grooves import groove_weights

EXAMPLES = sorted((Path(__file__).resolve().parents[2] / "examples" / "drums").glob("*.mid"))
TINY = GrooveVAEConfig(
    width=13, across=5, latent_size=16, encoder_blocks=1, decoder_blocks=2, feel_width=7, feel_blocks=2
)
MUTATIONS = 1000


@pytest.fixture(scope="module")
def model() -> GrooveVAE:
    return GrooveVAE.from_pretrained()


@pytest.fixture(scope="module")
def grooves() -> list[Groove]:
    return [read_drums(path).excerpt(bars=2) for path in EXAMPLES]


@pytest.fixture(scope="module")
def data(model: GrooveVAE, grooves: list[Groove]) -> bytes:
    return groove_weights(model, "latentmix drums", "org.latentmix.drums", grooves)


@pytest.fixture(params=PATHS)
def engine(request: pytest.FixtureRequest, library: Library, data: bytes):
    yield from on_path_or_skip(DrumEngine, library, data, request.param)


@pytest.fixture(scope="module")
def golden(model: GrooveVAE, grooves: list[Groove]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """2,000 latents of noise, 500 mixes of real grooves and drawn ones; what they become, and its codes."""
    torch.manual_seed(5)
    ends = torch.cat([model.encode(grooves), model.sample_latents(60, seed=4)])
    a, b = torch.randint(len(ends), (2, 500))
    mixes = torch.lerp(ends[a], ends[b], torch.rand(500, 1))
    size = model.config.latent_size
    z = torch.cat([torch.randn(1200, size), 2 * torch.randn(400, size), 0.5 * torch.randn(400, size), mixes])
    cells = model.decode_cells(z)
    return z.numpy(), cells, model.encode_cells(cells).numpy()


def test_hits_velocities_offsets_and_means_are_those_of_the_model(
    engine: DrumEngine, golden: tuple, model: GrooveVAE
) -> None:
    """A window whose last hit is one of two that are equally likely, to seven digits, may have the other one."""
    z, cells, means = golden
    found = engine.decode(z)
    differs = found[:, :, HIT] != cells[:, :, HIT]
    others = np.nonzero(differs.any((1, 2)))[0]
    assert len(z) == 2500 and len(others) <= 2
    with torch.inference_mode():
        logits = model.logits(torch.from_numpy(z[others])).hit.numpy()
    assert all(np.ptp(row[where]) < 1e-5 for row, where in zip(logits, differs[others], strict=True))
    found, cells = np.delete(found, others, 0), np.delete(cells, others, 0)
    np.testing.assert_allclose(found, cells, rtol=0, atol=1e-5)
    np.testing.assert_allclose(engine.encode(golden[1]), means, rtol=0, atol=1e-5)
    heard = [[from_cells(each[None], Groove(np.zeros((32, 9), np.uint8))) for each in rows] for rows in (found, cells)]
    differ = sum(int((a.velocities != b.velocities).sum()) for a, b in zip(*heard, strict=True))
    assert differ <= 5  # of some 80,000, where a velocity stands half way between two


def test_codes_that_give_the_groove_back_are_those_of_the_model(
    engine: DrumEngine, model: GrooveVAE, grooves: list[Groove]
) -> None:
    """One of two hits that are equally likely, to seven digits, may lead another way once: to a code as good."""
    drawn = model.decode_cells(model.sample_latents(40, seed=6))
    cells = np.concatenate([*map(to_cells, grooves), drawn])
    expected = model.invert_cells(cells)
    assert not torch.allclose(expected, model.encode_cells(cells))
    found = engine.invert(cells)
    others = np.abs(found - expected.numpy()).max(1) > 1e-4
    assert others.sum() <= 1
    heard = engine.decode(found)[:, :, HIT]
    np.testing.assert_array_equal(heard[others], cells[others][:, :, HIT])


def test_one_at_a_time_is_what_many_at_once_are(engine: DrumEngine, golden: tuple) -> None:
    z = golden[0][-37:]
    single = np.concatenate([engine.decode(each[None]) for each in z])
    np.testing.assert_allclose(engine.decode(z), single, rtol=0, atol=1e-6)


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.0])
def test_feel_is_that_of_the_model(amount: float, engine: DrumEngine, model: GrooveVAE, grooves: list[Groove]) -> None:
    long = [np.concatenate([getattr(each, name) for each in grooves[:3]]) for name in ("velocities", "lateness")]
    piece = replace(grooves[0], velocities=long[0][:80], offsets=long[1][:80])  # five bars, each heard in its piece
    for groove in (*grooves, piece):
        expected = humanise(model, groove, amount)
        cells = engine.humanise(to_cells(groove), groove.tempo, amount)
        found = from_cells(cells, groove, groove.bars)
        assert np.abs(found.velocities.astype(int) - expected.velocities).max() <= 1
        np.testing.assert_allclose(found.lateness, expected.lateness, rtol=0, atol=1e-5)


def test_variations_have_as_many_hits_and_are_the_same_for_a_seed(engine: DrumEngine, golden: tuple) -> None:
    z, cells, _ = golden
    one, again, other = (engine.decode(z[-50:], 1.5, seed) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    for found in (one, other):
        assert np.array_equal(found[:, :, HIT].sum((1, 2)), cells[-50:, :, HIT].sum((1, 2)))
    assert (one[:, :, HIT] != cells[-50:, :, HIT]).any() and (one[:, :, HIT] != other[:, :, HIT]).any()


@pytest.mark.parametrize("half", [False, True])
def test_models_of_other_sizes(half: bool, library: Library) -> None:
    model = random_model(GrooveVAE, TINY, half)
    data = groove_weights(model, "Tiny", "org.example.tiny")
    z = 3 * torch.randn(50, TINY.latent_size)
    cells = model.decode_cells(z)
    for engine in on_each_path(DrumEngine, library, data):
        np.testing.assert_allclose(engine.decode(z.numpy()), cells, rtol=0, atol=1e-5)
        np.testing.assert_allclose(engine.encode(cells), model.encode_cells(cells).numpy(), rtol=0, atol=1e-5)


def test_grooves_travel_with_the_model(library: Library, data: bytes, grooves: list[Groove]) -> None:
    engine = DrumEngine(library, data)
    for which, groove in enumerate(grooves):
        np.testing.assert_array_equal(engine.groove(which), to_cells(groove))
    assert not len(engine.groove(len(grooves)))
    engine.close()


def test_grooves_that_no_plugin_can_hold_are_refused() -> None:
    long = Groove(np.ones((16 * 9, 9), np.uint8))
    for grooves in ([long], [Groove(np.ones((16, 9), np.uint8)), long]):
        with pytest.raises(InputError, match=r"at most 4 windows \(8 bars of 4/4\), found a longer one"):
            groove_weights(GrooveVAE(TINY), "Tiny", "org.example.tiny", grooves)


def test_another_kind_of_file_is_refused_in_a_line(library: Library, data: bytes) -> None:
    melodies = checked(data[:92] + struct.pack("<I", 0) + data[96:])
    with pytest.raises(ValueError, match="expected a model of drums, found one of melodies"):
        DrumEngine(library, melodies)
    with pytest.raises(ValueError, match="feel_width from 1 to 1024, found 0"):
        DrumEngine(library, checked(data[:64] + struct.pack("<I", 0) + data[68:]))
    with pytest.raises(ValueError, match="of an earlier release; make them anew"):
        DrumEngine(library, checked(data[:80] + struct.pack("<I", 0) + data[84:]))
    with pytest.raises(ValueError, match="do not fit the length"):
        DrumEngine(library, checked(data[:-64]))


def test_mutated_files_under_sanitizers(grooves: list[Groove], tmp_path: Path) -> None:
    """1,000 of them are read under address and undefined-behaviour sanitizers, and used where they are whole."""
    torch.manual_seed(0)
    data = groove_weights(GrooveVAE(TINY), "Tiny", "org.example.tiny", grooves)
    check_weights("read_drum_weights.cpp", [data, *mutated(data, MUTATIONS)], tmp_path)
