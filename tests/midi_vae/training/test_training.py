"""Training: the three objectives; scripts/train_melody.py as a process that is run, killed and resumed."""

from __future__ import annotations

import json
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from random_numbers import seeded
from safetensors.torch import load_file
from training_runs import (
    check_refusals,
    events_of,
    finish,
    finish_group,
    finite_model,
    interrupt,
    run_each,
    run_here,
    saved,
    start_group,
    unbroken_run,
)

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import OFF, ONSET, Melody
from midi_vae.training import losses
from midi_vae.training.objective import CriticObjective, MelodyObjective, ObjectiveConfig, PriorObjective
from midi_vae.vae import MelodyVAE

CONFIG = MelodyVAEConfig(16, 16, 16, decoder_blocks=1, prior_width=16, prior_rounds=1, critic_width=8)
BATCH = 6


@pytest.fixture
def model() -> MelodyVAE:
    torch.manual_seed(0)
    return MelodyVAE(CONFIG)


def some_tokens(count: int = BATCH) -> torch.Tensor:
    rng = np.random.default_rng(0)
    onset = rng.random((count, 32)) < 0.4
    onset[:, 0] = True
    tokens = np.where(onset, rng.integers(50, 80, (count, 32)) + ONSET, 0)
    tokens[:, 31] = OFF
    return torch.from_numpy(tokens)


def learned(module: torch.nn.Module) -> set[str]:
    """The parts of a module that got a gradient."""
    return {name.split(".")[0] for name, p in module.named_parameters() if p.grad is not None and p.grad.any()}


# The objectives


def test_the_bound_alone_comes_first(model: MelodyVAE) -> None:
    config = ObjectiveConfig(beta=0.3, mixing_from=0.2, mixing_full=0.6)
    tokens = some_tokens()
    parts = MelodyObjective(model, config)(tokens, seeded(), 0.2)
    assert parts.keys() == {"loss", "reconstruction", "kl"}
    fields = model.fields(tokens)
    posterior = model.posterior(fields)
    reconstruction = losses.reconstruction(model.logits(posterior.sample(seeded()), config.fusion), fields).mean()
    kl = losses.gaussian_kl(posterior, config.free_nats).mean()
    torch.testing.assert_close(parts["reconstruction"], reconstruction)
    torch.testing.assert_close(parts["kl"], kl)
    torch.testing.assert_close(parts["loss"], config.reconstruction * reconstruction + 0.3 * kl)


def test_beta_comes_in_slowly(model: MelodyVAE) -> None:
    parts = MelodyObjective(model, ObjectiveConfig())(some_tokens(), seeded(), 0.0)
    assert parts["kl"] > 0
    assert torch.equal(parts["loss"], ObjectiveConfig().reconstruction * parts["reconstruction"])


@pytest.mark.parametrize(("progress", "share"), [(0.3, 0.25), (0.4, 0.5), (0.6, 1.0), (1.0, 1.0)])
def test_mixes_come_in_by_and_by(model: MelodyVAE, progress: float, share: float) -> None:
    config = ObjectiveConfig(mixing_from=0.2, mixing_full=0.6)
    parts = MelodyObjective(model, config)(some_tokens(), seeded(), progress)
    bound = config.reconstruction * parts["reconstruction"] + losses.beta_at(progress, config.beta) * parts["kl"]
    between = parts.keys() - {"loss", "reconstruction", "kl"}
    assert between >= {"stay", "evenness", "indecision", "onset_error", "surprise"}
    mixing = sum(getattr(config, name) * parts[name] for name in between)
    torch.testing.assert_close(parts["loss"], bound + share * mixing)


@pytest.mark.parametrize("rounds", [1, 3])
@pytest.mark.parametrize("progress", [0.0, 1.0])
def test_r_latents_are_drawn_for_each_melody(
    model: MelodyVAE, rounds: int, progress: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[torch.Tensor] = []
    plain = model.logits
    monkeypatch.setattr(model, "logits", lambda z, fusion: decoded.append(z) or plain(z, fusion))
    tokens = some_tokens()
    parts = MelodyObjective(model, ObjectiveConfig(monte_carlo=rounds))(tokens, seeded(), progress)
    z = torch.cat(decoded)
    assert len(z) == BATCH * rounds + (BATCH if progress else 0)
    fields = model.fields(tokens)
    posterior, generator = model.posterior(fields), seeded()
    drawn = [posterior.sample(generator) for _ in range(rounds)]
    torch.testing.assert_close(z[: BATCH * rounds], torch.cat(drawn))
    expected = torch.stack(
        [losses.reconstruction(plain(each, ObjectiveConfig().fusion), fields) for each in drawn]
    ).mean()
    torch.testing.assert_close(parts["reconstruction"], expected)


def test_mixes_lie_between_the_means_of_two_melodies(model: MelodyVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    plain, terms = model.logits, losses.mix_terms
    monkeypatch.setattr(model, "logits", lambda z, fusion: seen.append(z) or plain(z, fusion))
    calls: list[tuple] = []
    monkeypatch.setattr(losses, "mix_terms", lambda *args: calls.append(args) or terms(*args))
    tokens = some_tokens()
    MelodyObjective(model, ObjectiveConfig())(tokens, seeded(), 1.0)
    mixed, mean = seen[0][BATCH:], model.posterior(model.fields(tokens)).mean
    ((_, a, b, position),) = calls
    ends = [model.posterior(each).mean for each in (a, b)]
    torch.testing.assert_close(ends[0], mean)
    torch.testing.assert_close(mixed, torch.lerp(*ends, position[:, None]))
    assert not torch.allclose(ends[0], ends[1])
    assert position.min() >= 0
    assert position.max() <= 1


def test_the_autoencoder_learns_and_neither_critic_nor_prior_do(model: MelodyVAE) -> None:
    MelodyObjective(model, ObjectiveConfig())(some_tokens(), seeded(), 1.0)["loss"].backward()
    names = {
        "rhythm_embedding",
        "pitch_embedding",
        "encoder",
        "decoder",
        "step_norm",
        "rhythm_head",
        "pitch_head",
    }
    assert learned(model) == names


def test_the_critic_learns_real_symbols_from_partly_wrong_ones(model: MelodyVAE) -> None:
    tokens = some_tokens(64)
    symbols = torch.where(tokens >= ONSET, tokens - CONFIG.lowest_pitch, tokens)
    shown: list[torch.Tensor] = []
    model.critic.register_forward_pre_hook(lambda module, args: shown.append(args[0]))
    loss = CriticObjective(model.critic, CONFIG.lowest_pitch)(tokens, seeded(), 0.5)["loss"]
    assert not torch.equal(shown[0], symbols)
    assert (shown[0] == symbols).float().mean() > 0.8
    log_p = model.critic(shown[0]).gather(2, symbols[..., None])
    torch.testing.assert_close(loss, -log_p.mean())
    loss.backward()
    assert learned(model.critic) == {"towers", "head"}
    assert learned(model) == {"critic"}


def test_the_prior_learns_melodies_and_the_rest_stays(model: MelodyVAE) -> None:
    tokens = some_tokens()
    symbols = torch.where(tokens >= 2, tokens - CONFIG.lowest_pitch, tokens)
    loss = PriorObjective(model)(tokens, seeded(), 0.5)["loss"]
    torch.testing.assert_close(loss, model.prior.loss(symbols))
    loss.backward()
    assert learned(model) == {"prior"}


def test_objectives_draw_from_their_generator_only(model: MelodyVAE) -> None:
    tokens = some_tokens()
    phases = (
        CriticObjective(model.critic, CONFIG.lowest_pitch),
        MelodyObjective(model, ObjectiveConfig()),
        PriorObjective(model),
    )
    for objective in phases:
        first, again, other = (objective(tokens, seeded(s), 1.0)["loss"].item() for s in (1, 1, 2))
        assert first == again
        assert (first != other) == (not isinstance(objective, PriorObjective))  # which draws nothing


# The script, with everything as small as it can be

SHORT = "--device cpu --threads 1 --batch 8 --critic-steps 60 --steps 75 --prior-steps 20 --save-every 50".split()
SMALL = [*SHORT, *"--width 16 --latent-size 16".split()]


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tunes")
    rng = np.random.default_rng(0)
    for number in range(8):
        starts = [0, *(np.flatnonzero(rng.random(95) < 0.4) + 1).tolist()]
        notes = [(step, step + 2, int(rng.integers(50, 74))) for step in starts]
        Melody.from_notes(notes, bars=6).to_midi(folder / f"tune{number}.mid")
    (folder / "broken.mid").write_bytes(b"MThd")
    return folder


@pytest.fixture(scope="module")
def unbroken(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return unbroken_run("train_melody.py", tmp_path_factory, tunes, *SMALL)


def test_a_folder_of_midi_files_becomes_a_model(unbroken: tuple[Path, str], tunes: Path) -> None:
    out, said = unbroken
    model = finite_model(MelodyVAE, out)
    assert (model.config.latent_size, model.config.width) == (16, 16)
    assert model.attribute_directions.norm(dim=1).min() > 0
    assert len(model.sample(2, seed=0)) == 2
    assert "40 windows from 8 files" in said
    assert f"left out: {tunes / 'broken.mid'}" in said
    assert "Traceback" not in said
    assert saved(out) == {"critic": 60, "model": 75, "prior": 20}
    assert not list(out.rglob("*.tmp*"))
    assert json.loads((out / "model" / "config.json").read_text())["format"] == "latentmix.midi_vae"


def test_the_shipped_weights_are_those_of_the_last_state(unbroken: tuple[Path, str]) -> None:
    out, _ = unbroken
    state = load_file(out / "state.safetensors")
    model = MelodyVAE.from_pretrained(out / "model")
    for name, tensor in model.state_dict().items():
        if name != "attribute_directions":
            assert torch.equal(tensor, state[f"model.{name}"].half().float()), name


def test_tensorboard_has_the_curves(unbroken: tuple[Path, str]) -> None:
    events = events_of(unbroken[0])
    scalars = set(events.Tags()["scalars"])
    assert scalars >= {
        "critic/loss",
        "model/loss",
        "model/reconstruction",
        "model/kl",
        "model/evenness",
        "prior/loss",
    }
    assert {name for name in scalars if name.startswith("dev/")} >= {"dev/exact", "dev/path", "dev/onset gap"}
    assert [event.step for event in events.Scalars("model/loss")] == [1, 51, 75]
    assert events.Scalars("prior/loss")[-1].step == 20
    assert [events.Scalars(f"dev/{name}")[-1].step for name in ("exact", "draw nats", "sample nats")] == [75, 75, 20]
    assert all(np.isfinite(event.value) for name in scalars for event in events.Scalars(name))


def test_two_processes_train_one_model_and_stop_together(tunes: Path, tmp_path: Path) -> None:
    """A signal to the first alone; then the same command goes on to the end."""
    out = tmp_path / "run"
    short = "--devices 2 --critic-steps 40 --steps 6 --prior-steps 4 --save-every 5".split()
    command = ("train_melody.py", 1, 2, tunes, "--out", out, *SMALL, *short)
    first, second = start_group(*command)
    said = interrupt(first, signal.SIGTERM, lambda: saved(out).get("critic", 0) >= 5) + finish(second)
    assert first.returncode == 130, said
    assert said.count("40 windows from 8 files") == 1
    assert said.count(f"stopped; the same command goes on from {out / 'state.safetensors'}") == 1
    assert "Traceback" not in said
    assert not (out / "model").exists()
    finish_group(start_group(*command))
    assert saved(out) == {"critic": 40, "model": 6, "prior": 4}
    model = MelodyVAE.from_pretrained(out / "model")
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())
    assert len(model.sample(2, seed=0)) == 2


def test_what_cannot_be_trained_is_refused_in_one_line(unbroken: tuple[Path, str], tunes: Path, tmp_path: Path) -> None:
    empty, blocked, out = tmp_path / "empty", tmp_path / "file", tmp_path / "run"
    empty.mkdir()
    blocked.touch()
    state = unbroken[0] / "state.safetensors"
    before = state.read_bytes()
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "train.npy").symlink_to(unbroken[0] / "train.npy")
    (damaged / "state.safetensors").write_bytes(before[:-9])
    base, codes = str(unbroken[0] / "model"), ("--latent", "nsvq", "--latent-size", "32")
    cases = [
        ([str(empty), "--out", str(out)], f"{empty}: expected a folder with MIDI files"),
        ([str(tunes), "--out", str(blocked / "run")], str(blocked / "run")),
        ([str(tunes), "--out", str(out), "--latent-size", "12"], "latent_size 12"),
        ([str(tunes), "--out", str(out), "--latent", "fuzzy"], "latent fuzzy; it is one of undercomplete"),
        ([str(tunes), "--out", str(out), "--latent", "vq", "--latent-size", "40"], "latent_size 40; with codes"),
        ([str(tunes), "--out", str(out), *codes, "--accumulate", "2"], "nsvq: expected one process, found 2 shares"),
        ([str(tunes), "--out", str(unbroken[0]), "--width", "24"], f"{state}: expected the state of a run with these"),
        ([str(tunes), "--out", str(damaged)], f"{damaged / 'state.safetensors'}: expected the state of a run, found"),
        ([str(tunes), "--out", str(out), "--begin-with", base], f"beside --begin-with {base}, whose sizes stay"),
    ]
    cases = [([*SMALL, *command], text) for command, text in cases]
    other = [str(tunes), "--out", str(unbroken[0]), "--begin-with", base]
    cases.append((other, f"{state}: expected what the run began with, nothing, found weights "))
    check_refusals("train_melody.py", cases)
    assert not (out / "train.npy").exists()
    assert state.read_bytes() == before


def test_a_finished_run_goes_on_when_asked_for_more_steps(
    unbroken: tuple[Path, str], tunes: Path, tmp_path: Path
) -> None:
    """The prior, which is learned on what the model says, is learned anew after it."""
    out = tmp_path / "run"
    shutil.copytree(unbroken[0], out)
    again = [*SMALL, str(tunes), "--out", str(out)]
    ((idle, _), (status, said)) = run_each("train_melody.py", [again, [*again, "--steps", "77"]])
    assert idle == status == 0
    assert "model 77:" in said and "prior 20:" in said and "critic" not in said
    assert saved(out) == {"critic": 60, "model": 77, "prior": 20}
    (before, after) = (load_file(folder / "model" / "model.safetensors") for folder in (unbroken[0], out))
    changed = {name.split(".")[0] for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert {"encoder", "decoder", "prior"} <= changed and "critic" not in changed


def test_a_folder_of_waltzes_can_be_trained_on(tmp_path: Path) -> None:
    for number in range(3):
        notes = [(4 * i, 4 * i + 4, 60 + (number + i) % 9) for i in range(1, 12)]
        Melody.from_notes(notes, bars=4, metre=(3, 4)).to_midi(tmp_path / f"waltz{number}.mid")
    short = "--critic-steps 2 --steps 2 --prior-steps 2".split()
    run_here("train_melody.py", *SMALL, tmp_path, "--out", tmp_path / "run", *short)
    directions = MelodyVAE.from_pretrained(tmp_path / "run" / "model").attribute_directions
    assert directions.isfinite().all()  # though all notes last a quarter, on the beat


def test_a_shipped_model_learns_a_small_folder_and_tells_what_it_forgot(
    unbroken: tuple[Path, str], tunes: Path, tmp_path: Path
) -> None:
    base = unbroken[0] / "model"
    mine = [tunes, "--out", tmp_path / "mine", "--dev", tunes, "--begin-with", base, "--remember", tunes]
    said = run_here("train_melody.py", *mine, *SHORT, "--critic-steps", 0, "--steps", 0, "--prior-steps", 20)
    found = [
        re.search(rf"{name}, {when}: (\S+) nats", said) for name in ("own", "known") for when in ("before", "after")
    ]
    before, after, known_before, known_after = (float(each[1]) for each in found if each)
    assert after < before and (known_before, known_after) == (before, after)  # the same folder
    old, new = (MelodyVAE.from_pretrained(each).state_dict() for each in (base, tmp_path / "mine" / "model"))
    changed = {name.split(".")[0] for name in old if not torch.equal(old[name], new[name])}
    assert changed == {"prior"}
