"""A corpus of windows has those that training on the folder takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from random_numbers import seeded
from typer.testing import CliRunner

from latentmix.corpus.reading import Corpus, corpus_at
from latentmix.errors import InputError
from midi_vae.cli.app import app
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.training.corpus import KIND
from midi_vae.training.dataset import load_windows
from midi_vae.training.streamed_windows import StreamedWindows

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


def test_windows_are_streamed_by_share_each_tune_once_an_epoch(tmp_path: Path) -> None:
    for i in range(6):
        Melody.from_notes([(8 * k, 8 * k + 8, 50 + i) for k in range(8)]).to_midi(tmp_path / f"{i}.mid")
    done = CliRunner().invoke(
        app, ["corpus", "read", str(tmp_path), "-o", str(tmp_path / "out"), "-j", "1", "--shard-items", "2"]
    )
    assert done.exit_code == 0, done.output
    corpus = corpus_at(str(tmp_path / "out"), KIND)
    assert corpus is not None and corpus_at(str(tmp_path), KIND) is None
    config = MelodyVAEConfig()

    def stream() -> StreamedWindows:
        return StreamedWindows(corpus, config.lowest_pitch, config.pitches, seed=3)

    drawn = {record["id"]: 0 for record in corpus}
    for place in range(6):
        drawn[stream().pieces.records[place]["id"]] += 1
    assert set(drawn.values()) == {1}
    whole = [stream().draw(2, seeded(share), share) for share in range(5)]
    for share in (4, 1):  # another process, or the same after it was stopped, in any order
        torch.testing.assert_close(stream().draw(2, seeded(share), share), whole[share])
    assert whole[0].shape == (2, 32) and whole[0].dtype == torch.int64
    assert len(stream().some(3)) == 3
    with pytest.raises(InputError, match="out: expected windows of 24 pitches from 48 on, as the model has, found"):
        StreamedWindows(corpus, 48, 24, seed=0)
    nothing = StreamedWindows(corpus, config.lowest_pitch, config.pitches, 0, lambda windows: windows[:, 0] < 0)
    with pytest.raises(InputError, match="expected records that can be learned from, found none"):
        nothing.draw(1, seeded(0), 0)
