"""The codec's objective, and scripts/train_vq.py as a process that is run, killed and resumed."""

from __future__ import annotations

import signal
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from random_numbers import seeded
from safetensors.torch import load_file
from small_codec import SMALL as CONFIG
from synthetic_speech import RATE, hiss, vowel
from training_runs import (
    check_refusals,
    events_of,
    finish,
    finish_group,
    finite_model,
    interrupt,
    run_here,
    saved,
    start,
    start_group,
    unbroken_run,
)

from audiovq.model.quantizers import KINDS
from audiovq.model.vqvae import VQVAE, VQVAEConfig
from audiovq.training.dataset import SpeechBatch
from audiovq.training.discriminators import Discriminators
from audiovq.training.objective import CodecObjective, CodecObjectiveConfig, DiscriminatorObjective

FRAMES = 12  # code frames of a piece


@pytest.fixture
def objective() -> CodecObjective:
    torch.manual_seed(0)
    return CodecObjective(VQVAE(CONFIG), Discriminators(width=8), CodecObjectiveConfig())


def some_speech(level: float = 1.0) -> SpeechBatch:
    samples = torch.stack([torch.from_numpy(vowel(p, FRAMES * CONFIG.hop / RATE)) for p in (100.0, 200.0, 150.0)])
    rows = 3, FRAMES * CONFIG.frames_per_code
    return SpeechBatch(
        level * samples, torch.full(rows, 40.0), torch.ones(rows), torch.full((*rows, CONFIG.bands), 0.7)
    )


def learned(module: torch.nn.Module) -> set[str]:
    """The parts of a module that got a gradient."""
    return {name.split(".")[0] for name, p in module.named_parameters() if p.grad is not None and p.grad.any()}


# The objective


@pytest.mark.parametrize("judged", [False, True])
@pytest.mark.parametrize("quantize", [False, True])
def test_the_loss_is_the_weighted_sum_of_its_parts(objective: CodecObjective, quantize: bool, judged: bool) -> None:
    parts = objective(some_speech(), seeded(), quantize, judged)
    names = {"spread", "mel", "fine", "level", "bins", "pitch", "periodicity"}
    names |= {"quantizer"} if quantize else set()
    names |= {"adversarial", "features", "timbre"} if judged else set()
    figures = {"usage", "perplexity"} if quantize else set()
    assert parts.keys() == names | figures | {"loss", "made", "real"}
    expected = sum(getattr(objective.config, name) * parts[name] for name in names)
    torch.testing.assert_close(parts["loss"], expected)
    assert {field.name for field in fields(CodecObjectiveConfig)} >= names


def test_what_the_judges_see_is_aligned(objective: CodecObjective) -> None:
    batch = some_speech()
    parts = objective(batch, seeded(), False, False)
    seen = round(3 * objective.config.judged)
    assert parts["made"].shape == parts["real"].shape == (seen, FRAMES * CONFIG.hop - objective.model.delay)
    assert torch.equal(parts["real"], batch.samples[:seen, : -objective.model.delay])


def test_encoder_and_decoder_learn_and_the_judges_are_not_trained_by_it(objective: CodecObjective) -> None:
    assert not any(name.startswith("judges") for name, _ in objective.named_parameters())
    objective(some_speech(), seeded(), True, True)["loss"].backward()
    assert learned(objective.model) == {"encoder", "decoder"}


@pytest.mark.parametrize("lookup_dim", [0, 2])
def test_once_the_codes_have_settled_only_the_decoder_learns(lookup_dim: int) -> None:
    torch.manual_seed(0)
    model = VQVAE(replace(CONFIG, lookup_dim=lookup_dim))
    objective = CodecObjective(model, Discriminators(width=8), CodecObjectiveConfig())
    objective(some_speech(), seeded(), True, False)  # starts the codebooks
    before = {name: tensor.clone() for name, tensor in model.quantizer.state_dict().items()}
    parts = objective(some_speech(), seeded(), True, False, settled=True)
    parts["loss"].backward()
    assert learned(model) == {"decoder"}
    assert "quantizer" not in parts
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.quantizer.state_dict().items())
    other = objective(some_speech(), seeded(1), True, False, settled=True)
    assert parts["loss"] != other["loss"]  # of other numbers of levels


@pytest.mark.parametrize("lookup_dim", [0, 2])
@pytest.mark.parametrize("quantizer", KINDS)
def test_held_codebooks_stay_while_encoder_and_decoder_learn(quantizer: str, lookup_dim: int) -> None:
    torch.manual_seed(0)
    model = VQVAE(replace(CONFIG, quantizer=quantizer, lookup_dim=lookup_dim))
    objective = CodecObjective(model, Discriminators(width=8), CodecObjectiveConfig())
    objective(some_speech(), seeded(), True, False)  # starts the codebooks
    model.quantizer.hold()
    codes = torch.arange(CONFIG.codebooks)[None, :, None].expand(1, -1, 4) % CONFIG.codes
    before = model.quantizer.decode(codes).clone()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 1e-2)
    for step in range(3):
        optimizer.zero_grad()
        parts = objective(some_speech(), seeded(step), True, False)
        parts["loss"].backward()
        optimizer.step()
        assert {"encoder", "decoder"} <= learned(model)
        assert 0.0 < parts["usage"] <= 1.0
    assert torch.equal(model.quantizer.decode(codes), before)


@pytest.mark.parametrize("lookup_dim", [0, 2])
def test_pieces_are_decoded_from_the_numbers_of_codebooks_asked_for(lookup_dim: int) -> None:
    quantizer = VQVAE(replace(CONFIG, lookup_dim=lookup_dim)).quantizer
    assert set(quantizer.draw_levels(200, seeded()).tolist()) == set(range(1, CONFIG.codebooks + 1))
    quantizer.draw_only([2, 2, 1])
    kept = quantizer.draw_levels(2000, seeded())
    assert set(kept.tolist()) == {1, 2}
    assert 0.6 < (kept == 2).float().mean() < 0.73
    quantizer.draw_only([])
    assert set(quantizer.draw_levels(200, seeded()).tolist()) == set(range(1, CONFIG.codebooks + 1))


@pytest.mark.parametrize("settled", [False, True])
def test_decoded_speech_is_coded_again(settled: bool) -> None:
    """The term is there once there are codes, teaches decoder and encoder, and no longer the encoder in the end."""
    torch.manual_seed(0)
    model = VQVAE(CONFIG)
    objective = CodecObjective(model, Discriminators(width=8), CodecObjectiveConfig(again=1.0))
    assert "again" not in objective(some_speech(), seeded(), False, False)
    objective(some_speech(), seeded(), True, False)  # starts the codebooks
    parts = objective(some_speech(), seeded(), True, False, settled=settled)
    assert parts["again"] > 0.0
    parts["again"].backward()
    assert learned(model) == ({"decoder"} if settled else {"encoder", "decoder"})
    assert all(p.requires_grad for p in model.encoder.parameters())


@pytest.mark.parametrize("level", [0.0, 1e-6])
def test_silence_gives_finite_gradients_and_no_pitch(objective: CodecObjective, level: float) -> None:
    parts = objective(some_speech(level), seeded(), True, True)
    parts["loss"].backward()
    assert parts["pitch"] == 0.0
    assert parts["loss"].isfinite()
    assert all(p.grad.isfinite().all() for p in objective.model.parameters() if p.grad is not None)


def test_discriminators_learn_from_their_own_objective() -> None:
    torch.manual_seed(0)
    discriminators = Discriminators(width=8)
    made = torch.from_numpy(hiss(0.3))[None].requires_grad_()
    loss = DiscriminatorObjective(discriminators)(made, torch.from_numpy(vowel(100.0, 0.3))[None])["loss"]
    loss.backward()
    assert learned(discriminators) == {"stacks"}
    assert made.grad is None


def test_an_objective_draws_from_its_generator_only(objective: CodecObjective) -> None:
    objective.model.quantizer.dropout = 1.0
    state = {k: v.clone() for k, v in objective.state_dict().items()}
    losses = []
    for seed in (1, 1, 2):
        objective.load_state_dict(state)
        for level in objective.model.quantizer.levels:
            level._known_started = False
        losses.append(objective(some_speech(), seeded(seed), True, False)["loss"].item())
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


# The script, with everything as small as it can be

SIZES = "--encoder-width 8 --decoder-width 8 --latent-size 4".split()
BRIEF = (
    "--device cpu --threads 1 --batch 2 --frames 11 --steps 16 --quantize-from 0.25 --judge-from 0.5 --save-every 4"
).split()
SMALL = [*BRIEF, *SIZES]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vowels")
    for number, (pitch, kind) in enumerate([(110.0, "a"), (190.0, "i"), (140.0, "u")]):
        soundfile.write(folder / f"vowel{number}.wav", vowel(pitch, 0.6, kind), RATE)
    (folder / "broken.wav").write_bytes(b"RIFF")
    return folder


def step_of(out: Path) -> int:
    """The step of a run's last saved state, -1 before the first."""
    return saved(out).get("codec", -1)


@pytest.fixture(scope="module")
def unbroken(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return unbroken_run("train_vq.py", tmp_path_factory, folder, *SMALL)


def test_a_folder_of_audio_becomes_a_model(unbroken: tuple[Path, str], folder: Path) -> None:
    out, said = unbroken
    model = finite_model(VQVAE, out)
    assert (model.config.encoder_width, model.config.latent_size) == (8, 4)
    assert all(level.started for level in model.quantizer.levels)
    assert "hours from 3 files" in said
    assert f"left out: {folder / 'broken.wav'}" in said
    assert "Traceback" not in said
    assert [line.split(":")[0] for line in said.splitlines() if line.startswith("codec ") and ":" in line] == [
        "codec 4",
        "codec 8",
        "codec 12",
        "codec 16",
    ]
    assert step_of(out) == 16
    assert not list(out.rglob("*.tmp*"))
    state = load_file(out / "state.safetensors")
    for name, tensor in model.state_dict().items():
        kept = state[f"model.{name}"]
        assert torch.equal(tensor, kept.half().float() if kept.is_floating_point() else kept), name


def test_tensorboard_has_curves_sound_and_pictures(unbroken: tuple[Path, str]) -> None:
    events = events_of(unbroken[0])
    tags = events.Tags()
    assert set(tags["scalars"]) >= {"codec/loss", "codec/discriminators", "dev/mel", "dev/usage", "dev/perplexity"}
    assert [event.step for event in events.Scalars("dev/loss")] == [4, 8, 12, 16]
    assert all(np.isfinite(event.value) for name in tags["scalars"] for event in events.Scalars(name))
    assert set(tags["audio"]) >= {"real/0", "made/0"}
    assert set(tags["images"]) == {"real/spectrograms", "made/spectrograms"}


def test_a_killed_run_resumes_and_ends_at_the_same_weights(
    unbroken: tuple[Path, str], folder: Path, tmp_path: Path
) -> None:
    """Killed without warning after a state was saved; then asked to stop."""
    out = tmp_path / "run"
    interrupt(start("train_vq.py", folder, "--out", out, *SMALL), signal.SIGKILL, lambda: step_of(out) >= 4)
    killed = step_of(out)
    assert 4 <= killed < 16

    process = start("train_vq.py", folder, "--out", out, *SMALL, "--save-every", "1")
    said = interrupt(process, signal.SIGTERM, lambda: step_of(out) > killed)
    assert process.returncode == 130, said
    assert f"stopped; the same command goes on from {out / 'state.safetensors'}" in said
    assert "Traceback" not in said
    assert killed < step_of(out) < 16

    finish(start("train_vq.py", folder, "--out", out, *SMALL))
    whole, resumed = (load_file(place / "state.safetensors") for place in (unbroken[0], out))
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name
    for name in ("model.safetensors", "config.json"):
        assert (out / "model" / name).read_bytes() == (unbroken[0] / "model" / name).read_bytes()


def test_a_run_begins_with_a_models_weights_and_keeps_an_average(
    unbroken: tuple[Path, str], folder: Path, tmp_path: Path
) -> None:
    """In bfloat16, with voices made higher, vowels and noise."""
    shares = "--pitched 0.5 --vowels 0.3 --noisy 0.3 --average 0.9 --precision bf16-mixed --steps 2 --save-every 2"
    out, start_from = tmp_path / "run", unbroken[0] / "model"
    given = [*BRIEF, "--quantize-from", "0", "--start-from", start_from]
    given += shares.split()
    run_here("train_vq.py", folder, "--out", out, *given)
    state, before = load_file(out / "state.safetensors"), load_file(start_from / "model.safetensors")
    model = VQVAE.from_pretrained(out / "model")
    assert (model.config.pitch_bins, model.config.latent_size) == (175, 4)
    for name, tensor in model.state_dict().items():
        average, newest = state[f"average.{name}"], state[f"model.{name}"]
        assert torch.equal(tensor, average.half().float() if average.is_floating_point() else average), name
        if name.startswith(("encoder", "decoder")):  # codes in little use go anywhere
            assert newest.isfinite().all()
            near = before[name].float()
            assert near.shape != newest.shape or (newest - near).abs().max() < 0.5 * near.abs().max() + 0.1, name


def test_a_run_that_holds_codebooks_reads_files_of_before(
    unbroken: tuple[Path, str], folder: Path, tmp_path: Path
) -> None:
    start_from = unbroken[0] / "model"
    bins = str(VQVAE.from_pretrained(start_from).config.pitch_bins)
    given = ["--quantize-from", "0", "--start-from", start_from, "--pitch-bins", bins, "--hold-codebooks"]
    given += ["--decoded-from", "1", "--decoded-from", "2", "--steps", "3", "--save-every", "3"]
    run_here("train_vq.py", folder, "--out", tmp_path / "run", *BRIEF, *given)
    before, after = (VQVAE.from_pretrained(place) for place in (start_from, tmp_path / "run" / "model"))
    assert after.fingerprint == before.fingerprint
    assert torch.equal(after.quantizer.codebooks(), before.quantizer.codebooks())
    assert not torch.equal(after.encoder.enter.weight, before.encoder.enter.weight)
    assert not torch.equal(after.decoder.enter.weight, before.decoder.enter.weight)


def test_files_that_would_not_stay_readable_are_told_of_in_time(folder: Path, tmp_path: Path) -> None:
    given = [*BRIEF, folder, "--out", tmp_path / "run", "--hold-codebooks", "--start-from", "speech_16k"]
    expected = "--pitch-bins 175: expected as many as speech_16k has"
    check_refusals("train_vq.py", [(given, expected)])
    assert not list((tmp_path / "run").rglob("*.npy"))


def test_two_processes_train_one_model(folder: Path, tmp_path: Path) -> None:
    arguments = (folder, "--out", tmp_path / "run", *SMALL, "--devices", 2, "--save-every", 16)
    said = finish_group(start_group("train_vq.py", 1, 2, *arguments))
    assert "".join(said).count("hours from 3 files") == 1
    assert step_of(tmp_path / "run") == 16
    model = VQVAE.from_pretrained(tmp_path / "run" / "model")
    assert all(tensor.isfinite().all() for tensor in model.state_dict().values())


def test_what_cannot_be_trained_is_refused_in_one_line(
    unbroken: tuple[Path, str], folder: Path, tmp_path: Path
) -> None:
    empty, blocked, out, damaged = (tmp_path / name for name in ("empty", "file", "run", "damaged"))
    empty.mkdir()
    blocked.touch()
    damaged.mkdir()
    (damaged / "data").symlink_to(unbroken[0] / "data")
    (damaged / "state.safetensors").write_bytes(b"not a state")
    state = unbroken[0] / "state.safetensors"
    before = state.read_bytes()
    cases = [
        ([str(empty), "--out", str(out)], f"{empty}: expected at least a second of audio to train on"),
        ([str(folder), "--out", str(blocked / "run")], str(blocked / "run")),
        ([str(folder), "--out", str(out), "--latent-size", "0"], "latent_size 0"),
        ([str(folder), "--out", str(out), "--quantizer", "best"], "'best'"),
        ([str(folder), "--out", str(out), "--start-from", "speech_16k"], "nothing of the kind beside --start-from"),
        ([str(folder), "--out", str(out), "--frames", "4"], "--frames 4: expected at least 11"),
        ([str(folder), "--out", str(out), "--steps", "0"], "--steps 0"),
        ([str(folder), "--out", str(out), "--settle-from", "0.1"], "--settle-from: expected a share not below"),
        ([str(folder), "--out", str(out), "--hold-codebooks"], "--hold-codebooks: expected --start-from"),
        (
            [str(folder), "--out", str(out), "--decoded-from", "9"],
            "decoded from (9,) codebooks: expected numbers from 1",
        ),
        ([str(folder), "--out", str(unbroken[0]), "--decoder-width", "24"], f"{state}: expected the state of a run"),
        ([str(folder), "--out", str(damaged)], f"{damaged / 'state.safetensors'}: expected the state of a run"),
    ]
    check_refusals("train_vq.py", [([*SMALL, *command], text) for command, text in cases])
    assert not list(out.rglob("*.npy"))
    assert state.read_bytes() == before


# What it learns


def test_louder_in_louder_out() -> None:
    """A few hundred steps on vowels at many levels, as one finds them in training."""
    torch.manual_seed(0)
    config = VQVAEConfig(
        encoder_width=32, decoder_width=64, encoder_dilations=(1,), decoder_dilations=(1,), latent_size=8
    )
    model = VQVAE(config)
    objective = CodecObjective(model, Discriminators(width=8), CodecObjectiveConfig(spread=0.0))
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    batch = some_speech()
    for step in range(120):
        gain = 10.0 ** (torch.rand(3, 1, generator=seeded(step)) * 1.5 - 1.2)
        parts = objective(
            SpeechBatch(gain * batch.samples, batch.bins, batch.voiced, batch.periodicity), seeded(step), False, False
        )
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
    levels = []
    with torch.no_grad():
        for gain in (0.1, 0.3, 1.0):
            made = objective(some_speech(gain), seeded(), False, False)["made"]
            levels.append(made[:, 1000:].square().mean().sqrt().item())
    steps = np.diff(20 * np.log10(levels))
    assert (steps > 5.0).all()  # of 10 dB
    assert (steps < 15.0).all()
