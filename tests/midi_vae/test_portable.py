"""Models for other people's programs: the same tokens and latents in onnxruntime and in TorchScript."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from latentmix.errors import InputError
from midi_vae.cli.app import app
from midi_vae.importing import read_melody
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import ONSET, Melody
from midi_vae.torchscript_export import torchscript_file
from midi_vae.travel import even_travel
from midi_vae.vae import MelodyVAE

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")  # the host here, as nn~, is TorchScript
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
TWO = [EXAMPLES / "lively.mid", EXAMPLES / "lyrical.mid"]
TINY = MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, prior_width=8, decoder_blocks=1)


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


@pytest.mark.slow
def test_onnx_gives_the_same_tokens_and_latents(model: MelodyVAE, tmp_path: Path) -> None:
    """The shipped model, by the command line, in other numbers of windows than it was exported with."""
    onnxruntime = pytest.importorskip("onnxruntime")
    done = CliRunner().invoke(app, ["export", "onnx", "melody_2bar", "-o", str(tmp_path / "new")])
    assert done.exit_code == 0, done.output
    encoder, decoder = (onnxruntime.InferenceSession(tmp_path / "new" / f"{n}.onnx") for n in ("encoder", "decoder"))
    torch.manual_seed(0)
    for z in (torch.randn(1, 256), torch.cat([model.sample_latents(150, seed=1), 2 * torch.randn(50, 256)])):
        tokens, rhythm, pitch = decoder.run(None, {"latents": z.numpy()})
        assert np.array_equal(tokens, model.decode_windows(z))
        logits = model.logits(z)
        np.testing.assert_allclose(rhythm, logits.rhythm.detach(), rtol=0, atol=1e-4)
        np.testing.assert_allclose(pitch, logits.pitch.detach(), rtol=0, atol=1e-4)
        (latents,) = encoder.run(None, {"tokens": tokens})
        np.testing.assert_allclose(latents, model.encode_windows(tokens), rtol=0, atol=1e-5)
    strange = np.random.default_rng(0).integers(0, 130, (64, 32))  # pitches that are folded
    strange[:4], strange[4, :9] = 0, 1  # silence, and a late first note
    (latents,) = encoder.run(None, {"tokens": strange})
    np.testing.assert_allclose(latents, model.encode_windows(strange), rtol=0, atol=1e-5)
    described = json.loads((tmp_path / "new" / "model.json").read_text())
    assert (described["latent_size"], described["lowest_pitch"], described["pitches"]) == (256, 21, 88)
    np.testing.assert_allclose(list(described["attributes"].values()), model.attribute_directions, atol=1e-7)


@pytest.fixture(scope="module")
def scripted(model: MelodyVAE, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ts") / "mix.ts"
    words = ["export", "torchscript", "melody_2bar", *map(str, TWO), "--bars", "1:2", "-o", str(path)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return path


def test_the_conventions_of_nn(scripted: Path) -> None:
    """What a host that knows the conventions alone asks, in its order."""
    host = torch.jit.load(scripted)
    assert host.get_methods() == ["forward"]
    for method in host.get_methods():
        inlets, in_ratio, outlets, out_ratio = getattr(host, f"{method}_params").tolist()
        assert len(getattr(host, f"{method}_input_labels")) == inlets
        assert len(getattr(host, f"{method}_output_labels")) == outlets
        out = getattr(host, method)(torch.zeros(1, inlets, 512 // in_ratio))
        assert out.shape == (1, outlets, 512 // out_ratio) and out.dtype == torch.float32
    kinds = {1: 7, 2: 1.5}
    assert host.get_attributes() == ["transpose", "density", "height", "range", "syncopation", "legato"]
    for name in host.get_attributes():
        (kind,) = getattr(host, f"{name}_params").tolist()
        assert getattr(host, f"set_{name}")(kinds[kind]) == 0
        assert getattr(host, f"get_{name}")() == (kinds[kind],)
        for nonsense in (1000, float("nan")) if kind == 2 else (1000,):
            assert getattr(host, f"set_{name}")(nonsense) == -1
        assert getattr(host, f"get_{name}")() == (kinds[kind],)


def heard(host: torch.jit.ScriptModule, position: float, block: int = 1024) -> torch.Tensor:
    """Two bars of 4,096 samples, in blocks; (B, 3, 32), in the middle of each step."""
    phase = (torch.arange(4096) + 0.5) / 4096
    x = torch.stack([torch.full_like(phase, position), phase])[None]
    return torch.cat([host(part) for part in x.split(block, 2)], 2)[:, :, 64::128]


def expected(tokens: np.ndarray) -> list[list[float]]:
    """Pitch, gate and onset of each step, note by note."""
    melody = Melody(tokens.astype(np.int16))
    gate, onset, pitch = np.zeros(32), (tokens >= ONSET).astype(float), np.full(32, -1.0)
    for start, end, number in melody.notes():
        gate[start:end] = 1
        pitch[start:] = number
    pitch[pitch < 0] = pitch[-1]
    return [pitch.tolist(), gate.tolist(), onset.tolist()]


def test_torchscript_plays_the_even_way(scripted: Path, model: MelodyVAE) -> None:
    host = torch.jit.load(scripted)
    a, b = (model.encode_windows(read_melody(path)[0].tokens[None, :32]) for path in TWO)
    way = even_travel(model, a, b)
    for position in (0.0, 0.3, 0.5, 1.0, 0.3):
        assert heard(host, position)[0].tolist() == expected(model.decode_windows(way.at(position))[0])
    assert host.set_density(2.0) == 0 and host.set_transpose(-12) == 0
    shifted = model.decode_windows(way.at(0.3) + 2.0 * model.attribute_directions[0])[0]
    assert heard(host, 0.3)[0].tolist() == expected(np.where(shifted >= ONSET, shifted - 12, shifted))
    assert host.set_density(0.0) == 0 and host.set_transpose(0) == 0
    assert heard(host, 0.3)[0].tolist() == expected(model.decode_windows(way.at(0.3))[0])


def test_the_state_travels_with_each_call(scripted: Path, model: MelodyVAE) -> None:
    """What was set and decoded is kept from call to call, whatever their size, and for several at once."""
    one, other = torch.jit.load(scripted), torch.jit.load(scripted)
    one.set_height(3.0)
    assert torch.equal(heard(one, 0.4, 128), heard(one, 0.4, 4096))
    assert not torch.equal(heard(one, 0.4), heard(other, 0.4))  # of another copy it is not
    phase = torch.arange(512) / 512
    both = torch.stack([torch.stack([torch.full_like(phase, p), phase]) for p in (0.0, 1.0)])
    again = other(both)
    assert torch.equal(again[0], other(both[:1])[0]) and torch.equal(again[1], other(both[1:])[0])


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = MelodyVAE(TINY).eval()
    four, three = Melody(np.full(32, ONSET + 60)), Melody(np.full(24, ONSET + 60), (3, 4))
    with pytest.raises(InputError, match="at least 2 melodies"):
        torchscript_file(tiny, [four])
    with pytest.raises(InputError, match="expected 4/4 or what has as many sixteenths, found 3/4"):
        torchscript_file(tiny, [four, three])
    done = CliRunner().invoke(app, ["export", "torchscript", "melody_2bar", str(TWO[0]), "-o", str(tmp_path / "a.ts")])
    assert done.exit_code == 1 and "expected 2 to 8 melodies" in done.output and not list(tmp_path.iterdir())
