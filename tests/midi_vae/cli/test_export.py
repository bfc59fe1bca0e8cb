from __future__ import annotations

from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from midi_vae.cli.app import app
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
TINY = MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, prior_width=8, decoder_blocks=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("models") / "my_tunes"
    MelodyVAE(TINY).save_pretrained(folder)
    return folder


def run(*words: object):
    return CliRunner().invoke(app, ["export", "plugin", *map(str, words)])


def test_a_model_becomes_a_file_of_weights_with_its_own_name(model: Path, tmp_path: Path) -> None:
    done = run(model, "-o", tmp_path / "new" / "folder")
    assert done.exit_code == 0, done.output
    data = (tmp_path / "new" / "folder" / "weights.lmw").read_bytes()
    assert (
        data[:8] == b"LATNTMIX"
        and data[96:].startswith(b"my tunes\0")
        and data[160:].startswith(b"org.latentmix.my-tunes\0")
    )
    assert data[84:88] == b"\4\0\0\0"  # four melodies of the model's own


def test_melodies_name_and_id(model: Path, tmp_path: Path) -> None:
    melodies = [word for name in ("jig", "waltz") for word in ("--melody", EXAMPLES / f"{name}.mid")]
    assert run(model, "-o", tmp_path, "--name", "Zwei ♫", "--id", "org.example.two", *melodies).exit_code == 0
    data = (tmp_path / "weights.lmw").read_bytes()
    assert data[84] == 2 and data[96:].startswith("Zwei ♫\0".encode()) and data[160:].startswith(b"org.example.two\0")
    larger = len(data)
    assert "weights.lmw: will be replaced" in run(model, "-o", tmp_path, "--half", *melodies).stderr
    assert (tmp_path / "weights.lmw").stat().st_size < 0.6 * larger


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--id", "Not An Id"], "expected an id"),
        (["--name", "x" * 64], "expected a plugin name"),
        (["--melody", "no.mid"], "no.mid"),
        (5 * ["--melody", "a.mid"], "at most 4 files"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(model: Path, tmp_path: Path, words: list, said: str) -> None:
    done = run(model, "-o", tmp_path / "out", *words)
    assert done.exit_code == 1 and said in done.output and not (tmp_path / "out").exists()


def test_melodies_that_a_pad_does_not_hold_are_refused_together(model: Path, tmp_path: Path) -> None:
    """A plugin would start with silence. The longer one is laid into the first one's bars, and the first repeated."""
    long = tmp_path / "long.mid"
    Melody.from_notes([(4 * beat, 4 * beat + 4, 60) for beat in range(68)]).to_midi(long)
    files = ["--melody", EXAMPLES / "jig.mid", "--melody", long]
    done = run(model, "-o", tmp_path / "out", *files, "--bars", "all")
    assert done.exit_code == 1 and "at most 8 windows (16 bars of 4/4), found 9" in done.output
    assert not (tmp_path / "out").exists()
    assert run(model, "-o", tmp_path / "out", *files, "--bars", "all", "--bars", "1:16").exit_code == 0
