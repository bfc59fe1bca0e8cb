"""Melodies of any length on the command line, with the models that come with the package."""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from midi_vae import Melody
from midi_vae.checkpoint import CHECKPOINT, CONDUCTOR_CHECKPOINT
from midi_vae.cli import app as cli

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LIVELY, LYRICAL, WALTZ = (str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical", "waltz"))


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def whole(path: Path) -> Melody:
    return Melody.from_midi(path, None, start_bar=0)


def test_a_tune_of_sixteen_bars_has_phrases_that_return(tmp_path: Path):
    made = run("sample", "-n", 8, "--bars", 16, "--seed", 1, "-o", tmp_path / "tunes", "--json")
    assert made.exit_code == 0, made.output
    said = json.loads(made.stdout)
    assert said["melodies"] == 8 and len(said["files"]) == 8
    tunes = [Melody.from_midi(path, 16, start_bar=0).tokens.reshape(8, 32) for path in said["files"]]
    again = [(a == b).mean() for tune in tunes for i, a in enumerate(tune) for b in tune[:i]]
    apart = [(a == b).mean() for tune, other in itertools.pairwise(tunes) for a in tune for b in other]
    assert np.mean(np.array(again) > 0.9) > 3 * np.mean(np.array(apart) > 0.9)


@pytest.mark.parametrize("file", [LIVELY, WALTZ])
def test_a_melody_goes_on_after_its_own_bars(file: str, tmp_path: Path):
    out = tmp_path / "longer.mid"
    made = run("continue", file, "--after", "1:4", "--bars", 6, "--seed", 2, "-o", out)
    assert made.exit_code == 0, made.output
    before, after = Melody.from_midi(file, 4, start_bar=0), whole(out)
    assert after.metre == before.metre and 9 <= after.bars <= 10
    size = len(before.tokens)
    np.testing.assert_array_equal(after.tokens[:size], before.tokens)
    assert (after.tokens[size:] >= 2).sum() > 4
    alone = tmp_path / "alone.mid"
    made = run("continue", file, "--after", "1:4", "--bars", 6, "--seed", 2, "--only-new", "-o", alone)
    assert made.exit_code == 0, made.output
    new = whole(alone).tokens
    onsets = new >= 2
    np.testing.assert_array_equal(new[onsets], after.tokens[size : size + len(new)][onsets])


def test_a_mix_keeps_the_form_of_its_first(tmp_path: Path):
    a = Melody.from_midi(LIVELY, 2)
    b = Melody(np.roll(a.tokens, 8))
    first = tmp_path / "first.mid"
    Melody(np.concatenate([a.tokens, b.tokens, a.tokens, b.tokens]), tempo=a.tempo).to_midi(first)
    out = tmp_path / "mix"
    made = run("mix", first, LYRICAL, "--bars", "1:8", "--form", "--steps", 5, "--separate", "-o", out)
    assert made.exit_code == 0, made.output
    for path in sorted(out.iterdir())[1:]:
        windows = Melody.from_midi(path, 8, start_bar=0).tokens.reshape(4, 32)
        sounding = windows >= 2
        np.testing.assert_array_equal(np.where(sounding, windows, 0)[:2], np.where(sounding, windows, 0)[2:])
    assert "--form" in run("mix", first, LYRICAL, "--drums", "--form", "-o", tmp_path / "no.mid").output


def test_a_model_without_a_conductor_says_what_to_do(tmp_path: Path):
    folder = tmp_path / "model"
    folder.mkdir()
    for name in (CHECKPOINT.config_file, CHECKPOINT.tensor_file):
        shutil.copy(CHECKPOINT.resolve("melody_2bar") / name, folder / name)
    made = run("sample", "--bars", 8, "--model", folder, "-o", tmp_path / "no.mid")
    assert made.exit_code == 1
    assert CONDUCTOR_CHECKPOINT.config_file in made.output and "train_conductor.py" in made.output
    assert not (tmp_path / "no.mid").exists()
    assert "--drums" in run("sample", "--bars", 8, "--drums", "-o", tmp_path / "no.mid").output
