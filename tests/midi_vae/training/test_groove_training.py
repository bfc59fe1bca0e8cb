"""Training on drums: windows of a folder, what is done to them, losses, and scripts/train_drums.py as a process."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import torch
from training_runs import check_refusals, finish, run_here, saved, start
from typer.testing import CliRunner

from latentmix.corpus.reading import Corpus
from latentmix.errors import InputError
from midi_vae.cli.app import app
from midi_vae.drums.config import GrooveVAEConfig
from midi_vae.drums.feel import Played
from midi_vae.drums.vae import GrooveVAE
from midi_vae.drums.windows import HIT, OFFSET, VELOCITY
from midi_vae.training import groove_losses as losses
from midi_vae.training.corpus import GROOVES
from midi_vae.training.groove_augmentation import augmented
from midi_vae.training.groove_dataset import WINDOW, GrooveBatch, GrooveBatches, load_grooves
from midi_vae.training.groove_objective import (
    FeelObjective,
    GrooveObjective,
    GrooveObjectiveConfig,
    GroovePriorObjective,
)
from midi_vae.training.streamed_windows import StreamedGrooves


def beat(path: Path, bars: int, late: int = 0, metre: tuple[int, int] = (4, 4)) -> None:
    """A file of eighths, every one so many ticks late."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])])
    eighths = bars * 8 * metre[0] // metre[1]
    wait = late
    for number in range(eighths):
        note = 42 if number % 2 else (36 if number % 4 == 0 else 38)
        track.append(mido.Message("note_on", channel=9, note=note, velocity=60 + number % 60, time=wait))
        track.append(mido.Message("note_off", channel=9, note=note, time=60))
        wait = 180
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files with a split and styles as the Groove MIDI Dataset tells them."""
    made = tmp_path_factory.mktemp("drums")
    beat(made / "a.mid", 6, late=12)
    beat(made / "b.mid", 3)
    beat(made / "c.mid", 4, metre=(3, 4))
    (made / "broken.mid").write_bytes(b"MThd")
    (made / "info.csv").write_text(
        "midi_filename,split,style\na.mid,train,funk/groove1\nb.mid,validation,jazz\nc.mid,train,jazz\nbroken.mid,train,x\n"
    )
    return made


def test_a_corpus_of_drums_has_the_windows_of_the_folder_and_is_streamed(folder: Path, tmp_path: Path):
    out = str(tmp_path / "out")
    given = ["corpus", "read", str(folder), "-o", out, "--drums", "--jobs", "1", "--shard-items", "1"]
    done = CliRunner().invoke(app, given)
    assert done.exit_code == 1 and "3 items in 3 shards" in done.output and "midi-vae: broken.mid: " in done.output
    corpus, wanted = Corpus(out, GROOVES), load_grooves(folder)
    assert corpus.manifest.description.settings == {"styles": list(wanted.styles)}
    streamed = StreamedGrooves(corpus, wanted.styles, 0)
    found = np.concatenate([streamed._rows(record) for record in corpus])
    for name in set(WINDOW.names or ()) - {"source"}:
        assert np.array_equal(found[name], wanted.windows[name]), name
    assert len(streamed.some(4)) == 4
    whole = [streamed.draw(3, torch.Generator().manual_seed(share), share) for share in range(3)]
    again = StreamedGrooves(corpus, wanted.styles, 0).draw(3, torch.Generator().manual_seed(2), 2)
    assert all(torch.equal(a, b) for a, b in zip(again, whole[2], strict=True))
    assert len({float(lag) for lag in whole[0].lag}) == 2 and sorted(whole[0].style.tolist()) == [0, 1, 1]
    full = StreamedGrooves(corpus, (), 0, lambda rows: rows["full"]).draw(4, torch.Generator(), 0)
    assert full.cells[:, 28:, HIT].sum((1, 2)).min() > 0 and full.style.tolist() == [0] * 4
    (folder / "list.txt").write_text("a.mid\nc.mid\n")  # a split of its own
    done = CliRunner().invoke(app, [*given[:2], str(folder / "list.txt"), "-o", out + "2", "--drums", "--jobs", "1"])
    assert done.exit_code == 0 and [each["style"] for each in Corpus(out + "2")] == ["funk", "jazz"]


def batch_of(folder: Path) -> GrooveBatch:
    return GrooveBatches(load_grooves(folder).windows).all()


def test_a_folder_is_read_by_its_split(folder: Path):
    train, held_out = load_grooves(folder, "train"), load_grooves(folder, "validation")
    assert train.styles == ("funk", "jazz", "x") and train.files == 2 and len(train.refused) == 1
    assert len(train.windows) == 5 + 3 and len(held_out.windows) == 2
    assert train.windows["lag"][0] == pytest.approx(0.1)
    assert train.windows["cut"].tolist() == [False] * 5 + [True, False, False]  # c.mid begins at tick 0, a.mid does not
    assert held_out.windows["cut"].tolist() == [True, False]  # it begins at tick 0
    assert train.windows["full"].tolist() == [True] * 5 + [False] * 3
    assert set(train.windows["style"].tolist()) == {0, 1}


def test_windows_know_what_is_usual_in_their_piece(folder: Path):
    windows = load_grooves(folder, "train").windows[:5]  # of a.mid: six bars of which the velocities change alone
    hits = windows["velocity"][0] > 0
    np.testing.assert_allclose(windows["usual"], np.tile(hits[:16], (5, 1, 1)), atol=1e-6)


def test_a_corpus_of_before_is_refused_in_a_line(folder: Path, tmp_path: Path):
    given = ["corpus", "read", str(folder), "-o", str(tmp_path), "--drums", "--jobs", "1"]
    CliRunner().invoke(app, given)
    corpus = Corpus(str(tmp_path), GROOVES)
    description = corpus.manifest.description
    columns = tuple(column for column in description.columns if column.name != "usual")
    corpus.manifest = replace(corpus.manifest, description=replace(description, columns=columns))
    with pytest.raises(InputError, match="an earlier release; read it anew"):
        StreamedGrooves(corpus, (), 0)


def test_what_stands_at_tick_0_says_nothing_about_time(folder: Path):
    batch = GrooveBatches(load_grooves(folder, "validation").windows).all()
    hit = batch.cells[:, :, HIT]
    assert hit[0, 0].sum() == 1 and batch.timed[0, 0].sum() == 0
    assert torch.equal(batch.timed[0, 1:], hit[0, 1:]) and torch.equal(batch.timed[1], hit[1])


def test_a_folder_without_drums_is_refused(tmp_path: Path):
    track = mido.MidiTrack([mido.Message("note_on", note=60, time=0), mido.Message("note_off", note=60, time=60)])
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    with pytest.raises(InputError, match="expected drums"):
        load_grooves(tmp_path)
    (tmp_path / "info.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="midi_filename"):
        load_grooves(tmp_path)


def test_windows_that_are_changed_stay_windows(folder: Path):
    batch = batch_of(folder)
    many = GrooveBatch(*(torch.cat([each] * 40) for each in batch))
    cells, timed = augmented(many, torch.Generator().manual_seed(0))
    hit = cells[:, :, HIT]
    assert ((hit == 0) | (hit == 1)).all() and hit.sum((1, 2)).min() > 0
    assert (cells[:, :, VELOCITY][hit > 0] > 0).all() and cells[:, :, VELOCITY].max() <= 1.0
    assert cells[:, :, OFFSET].abs().max() <= 0.5 and (cells[:, :, 1:].abs().sum(2)[hit == 0] == 0).all()
    assert (timed <= hit).all() and not torch.equal(cells, many.cells)
    again, _ = augmented(many, torch.Generator().manual_seed(0))
    assert torch.equal(cells, again)


def test_errors_of_what_is_played_have_known_values():
    cells = torch.zeros(1, 32, 3, 9)
    cells[0, 0, :, 0] = torch.tensor([1.0, 0.5, 0.2])
    cells[0, 1, :, 0] = torch.tensor([1.0, 1.0, 0.0])  # a velocity of 127, which may have been harder
    said = Played(torch.full((1, 32, 9), 1.2), torch.zeros(1, 32, 9))
    velocity, offset = losses.played_loss(said, cells, cells[:, :, HIT])
    assert velocity.item() == pytest.approx(0.7) and offset.item() == pytest.approx(0.2)


def test_a_perfect_mix_costs_nothing_and_a_thin_one_does():
    a, b = torch.zeros(1, 32, 9), torch.zeros(1, 32, 9)
    a[0, :8, 0] = 1.0
    b[0, 4:12, 0] = 1.0
    half = torch.tensor([0.5])
    perfect = a.clone()
    perfect[0, 2:4], perfect[0, 8:10] = b[0, 2:4], b[0, 8:10]
    logits = 40.0 * (perfect - 0.5)
    terms = losses.mix_terms(logits, a, b, half)
    assert [round(float(each), 4) for each in (terms.stay, terms.evenness, terms.hit_error)] == [0, 0, 0]
    thin = losses.mix_terms(40.0 * (a * b - 0.5), a, b, half)
    assert float(thin.hit_error) == pytest.approx(16.0, abs=0.01) and float(thin.stay) == pytest.approx(0.0, abs=1e-4)


def test_each_phase_learns_its_own_part(folder: Path):
    torch.manual_seed(0)
    config = GrooveVAEConfig(16, 16, 16, 1, 1, 16, 1, 16, 1, ("funk", "jazz", "x"))
    model, weights = GrooveVAE(config), GrooveObjectiveConfig()
    for objective, parts in (
        (GrooveObjective(model, weights), {"encoder", "decoder"}),
        (FeelObjective(model, weights), {"feel"}),
        (GroovePriorObjective(model), {"prior"}),
    ):
        model.zero_grad(set_to_none=True)
        objective(batch_of(folder), torch.Generator().manual_seed(1), 0.5)["loss"].backward()
        learned = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
        assert learned == parts


def test_the_script_trains_resumes_and_writes_a_model(folder: Path, tmp_path: Path):
    sizes = ["--latent-size", 16, "--width", 16]
    options = [folder, "--out", tmp_path / "run", "--batch", 4, "--threads", 1, "--feel-steps", 2, "--prior-steps", 2]
    said = finish(start("train_drums.py", *options, *sizes, "--steps", 2, "--save-every", 2))
    assert "left out:" in said and "model 2: f1" in said and "prior 2: sample nats" in said
    run_here("train_drums.py", *options, *sizes, "--steps", 3, "--save-every", 2)
    assert saved(tmp_path / "run") == {"model": 3, "feel": 2, "prior": 2}
    model = GrooveVAE.from_pretrained(tmp_path / "run" / "model")
    assert model.config.styles == ("funk", "jazz", "x") and len(model.sample(2, seed=0)) == 2
    more = ["--begin-with", tmp_path / "run" / "model", "--remember", folder, "--steps", 0]
    said = run_here("train_drums.py", *options, *more, "--out", tmp_path / "mine", "--dev", folder)
    assert "own, before: hits" in said and "known, after: hits" in said
    mine = GrooveVAE.from_pretrained(tmp_path / "mine" / "model")
    said = "--latent-size 16, --width 16: expected nothing of the kind beside --begin-with"
    check_refusals("train_drums.py", [([*options, *more, *sizes, "--out", tmp_path / "mine"], said)])
    same, changed = (
        torch.equal(*(getattr(each, part).state_dict()[name] for each in (model, mine)))
        for part, name in (("decoder", "places"), ("feel", "places"))
    )
    assert same and not changed
    kept = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert kept["format"] == "latentmix.midi_vae.groove" and np.isfinite(kept["config"]["latent_size"])
