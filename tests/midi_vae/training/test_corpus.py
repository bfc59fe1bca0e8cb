"""A corpus of windows has those that training on the folder takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from latentmix.corpus.reading import Corpus
from midi_vae.cli.app import app
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.training.dataset import load_windows

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
MELODIES = ("jig.mid", "lively.mid", "lyrical.mid", "waltz.mid")


def test_windows_are_those_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in MELODIES:
        (tmp_path / "in" / name).write_bytes((EXAMPLES / name).read_bytes())
    done = CliRunner().invoke(app, ["corpus", "read", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--jobs", "1"])
    assert done.exit_code == 0, done.output
    records = list(Corpus(str(tmp_path / "out"), "midi_vae.windows"))
    config = MelodyVAEConfig()
    wanted = load_windows(tmp_path / "in", config.lowest_pitch, config.pitches)
    assert np.array_equal(np.concatenate([record["windows"] for record in records]), wanted.windows)
    assert [record["count"] for record in records] == [len(record["windows"]) for record in records]


def test_a_file_without_a_melody_is_listed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mid").write_bytes((EXAMPLES / "jig.mid").read_bytes())
    (tmp_path / "in" / "b.mid").write_bytes(b"noise")
    done = CliRunner().invoke(app, ["corpus", "read", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "-j", "1"])
    assert done.exit_code == 1 and "1 items in 1 shards" in done.output and "midi-vae: b.mid: " in done.output
