"""Training a conductor: tunes as sequences of windows, its objective, its script."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import run_each, saved
from typer.testing import CliRunner

from latentmix.corpus.reading import Corpus
from latentmix.errors import InputError
from latentmix.shares import seeded
from midi_vae import Melody
from midi_vae.cli.app import app
from midi_vae.model.conductor import Conductor, ConductorConfig
from midi_vae.music.melody import ONSET
from midi_vae.music.windows import to_windows
from midi_vae.training.conductor_objective import ConductorObjective
from midi_vae.training.corpus import TUNES
from midi_vae.training.streamed_windows import StreamedTunes
from midi_vae.training.tune_dataset import TuneBatches, Tunes, load_tunes
from midi_vae.vae import MelodyVAE

LAGS = (1, 2)


def tune(bars: int, seed: int, metre: tuple[int, int] = (4, 4)) -> Melody:
    generator = np.random.default_rng(seed)
    size = 16 * metre[0] // metre[1]
    return Melody.from_notes(
        [(s, s + 2, int(generator.integers(60, 72))) for s in range(0, bars * size, 2)], bars, metre
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("tunes")
    for number in range(3):
        tune(8, number).to_midi(out / f"march{number}.mid")
    tune(7, 3, (3, 4)).to_midi(out / "waltz.mid")
    tune(1, 4).to_midi(out / "short.mid")
    (out / "[k]broken.mid").write_bytes(b"MThd")
    return out


@pytest.fixture(scope="module")
def tunes(folder: Path) -> Tunes:
    return load_tunes(folder, 21, 88)


@pytest.fixture(scope="module")
def corpus(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    out = tmp_path_factory.mktemp("whole")
    done = CliRunner().invoke(app, ["corpus", "read", str(folder), "-o", str(out), "--whole", "--jobs", "1"])
    assert done.exit_code == 1 and "short.mid: expected a melody of at least one window of bars" in done.output
    return Corpus(str(out), TUNES)


def test_tunes_are_windows_from_each_bar_on(folder: Path, tunes: Tunes, tmp_path: Path) -> None:
    assert len(tunes.bars) == 4 and len(tunes.windows) == 3 * 7 + 6
    assert [Path(path).name for path, _ in tunes.refused] == ["[k]broken.mid"]
    whole = to_windows(tune(8, 0))
    first = tunes.windows[tunes.starts[0] : tunes.starts[1]]
    np.testing.assert_array_equal(first[::2], whole)
    tunes.save(tmp_path / "kept.npz")
    again = Tunes.load(tmp_path / "kept.npz")
    np.testing.assert_array_equal(again.windows, tunes.windows)
    with pytest.raises(InputError, match="expected a folder with MIDI files"):
        load_tunes(tmp_path, 21, 88)


@pytest.mark.parametrize("streamed", [False, True])
def test_examples_have_the_windows_before_them_transposed_alike(tunes: Tunes, corpus: Corpus, streamed: bool) -> None:
    batches = StreamedTunes(corpus, LAGS, 21, 88, 0) if streamed else TuneBatches(tunes, LAGS, 21, 88)
    drawn = batches.draw(200, torch.Generator().manual_seed(0))
    rows = [tuple(row) for row in np.where(tunes.windows >= ONSET, tunes.windows + 100, tunes.windows).tolist()]
    sizes = np.diff(tunes.starts)
    seen = set()
    for windows, known, place, ends in zip(*drawn.values(), strict=True):
        # the shift is found by the tune that has the wanted window in it
        for shift in range(-14, 15):
            wanted = torch.where(windows >= ONSET, windows - shift + 100, windows).tolist()
            if tuple(wanted[0]) in rows:
                break
        else:
            raise AssertionError(windows[0])
        index = rows.index(tuple(wanted[0]))
        number = int(np.searchsorted(tunes.starts, index, "right") - 1)
        inside, bars = index - tunes.starts[number], tunes.bars[number]
        assert known.tolist() == [lag * bars <= inside for lag in LAGS]
        for lag, is_known, row in zip(LAGS, known, wanted[1:], strict=True):
            if is_known:
                assert tuple(row) == rows[index - lag * bars]
        assert int(place) == inside // bars % 8
        assert bool(ends) == (sizes[number] - 1 - inside < bars)
        seen.add(index)
    assert len(seen) > 20


def test_each_tune_of_a_corpus_is_drawn_once_in_an_epoch_from_wherever_a_run_goes_on(corpus: Corpus) -> None:
    streams = [StreamedTunes(corpus, LAGS, 21, 88, 0) for _ in range(2)]
    for share in (3, 5):
        drawn, again = (stream.draw(len(corpus), torch.Generator().manual_seed(share), share) for stream in streams)
        assert all(torch.equal(drawn[name], again[name]) for name in drawn)
        streams.reverse()  # the next one has not seen what was before
    records = [streams[0].records[place]["id"] for place in range(len(corpus))]
    assert sorted(records) == sorted(record["id"] for record in corpus)
    with pytest.raises(InputError, match="expected windows of 60 pitches from 40 on, as the model has, found 88"):
        StreamedTunes(corpus, LAGS, 40, 60, 0)


def test_a_conductor_learns_that_phrases_return_and_the_model_stays() -> None:
    torch.manual_seed(0)
    windows = np.concatenate([np.tile(to_windows(tune(2, seed)), (5, 1)) for seed in range(40)]).astype(np.int16)
    repeated = Tunes(windows, np.arange(0, 201, 5), np.ones(40, np.int64))
    model = MelodyVAE.from_pretrained()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    conductor = Conductor(ConductorConfig(width=48, across=48, blocks=1))
    objective = ConductorObjective(model, conductor)
    batches = TuneBatches(repeated, conductor.config.lags, 21, 88)
    optimizer = torch.optim.Adam(conductor.parameters(), 4e-3)
    losses = []
    for step in range(160):
        batch = batches.draw(24, seeded(0, step))
        loss = objective(batch, seeded(0, step), 0.0)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[10:20])
    with torch.no_grad():  # without what came before nothing can be known of random notes
        batch = batches.draw(64, seeded(1))
        told = objective(batch, seeded(1), 0.0)["loss"].item()
        blind = objective(batch | {"known": torch.zeros_like(batch["known"])}, seeded(1), 0.0)["loss"].item()
    assert told < 0.8 * blind
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_the_script_trains_stops_and_goes_on(folder: Path, corpus: Corpus, tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = [str(folder), "--dev", str(folder), "--out", str(out), "--batch", "4", "--threads", "1", "--device", "cpu"]
    whole = str(corpus.folder.address)
    streamed = [whole, "--dev", whole, "--out", str(tmp_path / "streamed"), *small[5:], "--steps", "2"]
    commands = [[*small, "--steps", "2"], [*small, "--steps", "3"], [*small, "--model", "no"], streamed]
    results = run_each("train_conductor.py", [*commands, [whole, *small[1:], "--steps", "4"]])
    assert [status for status, _ in results] == [0, 0, 1, 0, 1], results
    assert saved(out) == {"conductor": 3} and saved(tmp_path / "streamed") == {"conductor": 2}
    assert f"expected what the run has learned from so far, {folder}, found {whole}" in results[4][1]
    assert "[k]broken.mid" in results[0][1]
    assert "no: expected a bundled model" in results[2][1]
    assert Conductor.from_pretrained(out / "conductor").config == ConductorConfig()
