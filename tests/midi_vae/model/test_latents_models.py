"""Every kind of latent variable in a melody model: trained, saved, loaded, mixed, sampled; the Gaussian as it was."""

from __future__ import annotations

import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest
import torch
from random_numbers import seeded
from torch import Tensor
from training_runs import ROOT, run_here
from typer.testing import CliRunner

from latentmix import checkpoint
from latentmix.errors import InputError
from midi_vae import interpolation
from midi_vae.cli import app as cli
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.latents.denoising import Denoising
from midi_vae.model.latents.family import LATENTS, make_latent
from midi_vae.model.latents.gaussian import gaussian_kl
from midi_vae.model.latents.latent import LatentSizes
from midi_vae.model.latents.likelihoods import gaussian_log_likelihood
from midi_vae.model.layers import BEATS
from midi_vae.music.melody import HOLD, OFF, ONSET, Melody
from midi_vae.music.windows import window_of
from midi_vae.training import losses
from midi_vae.training.objective import MelodyObjective, ObjectiveConfig, PriorObjective
from midi_vae.vae import CHECKPOINT, MelodyVAE

SMALL = MelodyVAEConfig(
    32, 16, 16, decoder_blocks=1, prior_width=16, prior_rounds=1, codes=12, flow_width=16, flow_steps=2
)
A = Melody.from_notes([(0, 4, 60), (4, 6, 64), (8, 16, 67), (20, 32, 72)], bars=2)
B = Melody.from_notes([(2, 4, 55), (16, 24, 62)], bars=2)


def make(name: str) -> MelodyVAE:
    torch.manual_seed(0)
    return MelodyVAE(dataclasses.replace(SMALL, latent=name))


def some_tokens(count: int = 24) -> Tensor:
    draw = seeded()
    tokens = torch.where(torch.rand(count, 32, generator=draw) < 0.4, 0, HOLD)
    onset = torch.rand(count, 32, generator=draw) < 0.4
    tokens = torch.where(onset, ONSET + torch.randint(50, 80, (count, 32), generator=draw), tokens)
    tokens[:, 0], tokens[:, 31] = ONSET + 60, OFF
    return tokens


def objective_of(model: MelodyVAE, **options: float) -> MelodyObjective:
    return MelodyObjective(model, ObjectiveConfig(**options))


# The Gaussian, bit for bit what it was before there were others


def test_the_shipped_model_encodes_as_ever() -> None:
    """Spelled out from its layers, without the family."""
    model = MelodyVAE.from_pretrained()
    assert model.config.latent == "gaussian"
    assert "latent" not in {name.split(".")[0] for name in model.state_dict()}
    tokens = torch.from_numpy(window_of([A, B])).long()
    fields = model.fields(tokens)
    with torch.inference_mode():
        steps = model.rhythm_embedding(fields.rhythm) + model.pitch_embedding(fields.pitch)
        mean, log_variance = model.encoder(steps.unflatten(1, (BEATS, -1)).flatten(2)).chunk(2, dim=2)
        mean, log_variance = mean.flatten(1), log_variance.flatten(1).clamp(-8.0, 4.0)
        posterior = model.posterior(fields)
        drawn = mean + torch.randn(mean.shape, generator=seeded()) * torch.exp(0.5 * log_variance)
        assert torch.equal(posterior.mean, mean)
        assert torch.equal(posterior.log_variance, log_variance)
        assert torch.equal(posterior.sample(seeded()), drawn)
        assert torch.equal(model.encode([A, B]), mean)


def test_a_checkpoint_from_before_is_gaussian(tmp_path: Path) -> None:
    model = make("gaussian")
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for name in ("latent", "codes", "flow_width", "flow_steps"):
        del config["config"][name]
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert torch.equal(MelodyVAE.from_pretrained(tmp_path).encode([A]), model.encode([A]))


# What all kinds share


@pytest.mark.parametrize("name", LATENTS)
def test_it_learns(name: str) -> None:
    model, tokens = make(name), some_tokens()
    objective = objective_of(model, beta=LATENTS[name].weight, free_nats=0.0, mixing_from=1.0, mixing_full=2.0)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], 5e-3)
    losses_seen, draw = [], seeded()
    for _ in range(60):
        parts = objective(tokens, draw, 0.5)
        assert parts.keys() == {"loss", "reconstruction", LATENTS[name].term}
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        losses_seen.append(parts["reconstruction"].item())
    assert all(map(math.isfinite, losses_seen))
    assert losses_seen[-1] < 0.8 * losses_seen[0]
    for part in ("encoder", "decoder", "latent"):
        learned = [p for key, p in model.named_parameters() if key.startswith(part)]
        assert all(p.grad is not None and p.grad.isfinite().all() for p in learned), part


@pytest.mark.parametrize("name", LATENTS)
def test_it_is_saved_loaded_and_decoded(name: str, tmp_path: Path) -> None:
    model = make(name).eval()
    model.save_pretrained(tmp_path)
    loaded = MelodyVAE.from_pretrained(tmp_path)
    assert loaded.config == model.config
    z = loaded.encode([A, B])
    assert z.shape == (2, 32)
    assert torch.equal(z, model.encode([A, B]))
    assert not z.requires_grad
    assert [melody.bars for melody in loaded.decode(z)] == [2, 2]
    assert len(interpolation.reconstruct(loaded, A).tokens) == 32
    assert len(loaded.sample(3, seed=1)) == 3


@pytest.mark.parametrize("name", LATENTS)
def test_draws_repeat_with_their_generator(name: str) -> None:
    tokens, models = some_tokens(), [make(name) for _ in range(2)]  # a codebook changes with every draw
    one, same = (each.latent.draw(each.posterior(each.fields(tokens)), seeded(3)) for each in models)
    assert torch.equal(one.z, same.z)
    assert torch.equal(one.cost, same.cost)
    assert one.z.shape == (24, 32)
    assert one.cost.shape == (24,)


@pytest.mark.parametrize("name", [name for name, kind in LATENTS.items() if kind.interpolates])
def test_it_mixes(name: str) -> None:
    model = make(name).eval()
    assert len(interpolation.line(model, A, B, 5)) == 5
    parts = objective_of(model)(some_tokens(), seeded(), 1.0)
    assert {"stay", "evenness", "surprise"} < parts.keys()


def test_codes_do_not_mix() -> None:
    model = make("vq").eval()
    attempts = (
        lambda: interpolation.line(model, A, B, 5),
        lambda: interpolation.journey(model, [A, B]),
        lambda: interpolation.grid(model, [A, B, A, B]),
        lambda: interpolation.blend(model, [A, B], [1.0, 1.0]),
        lambda: interpolation.vary(model, A, 0.5),
        lambda: interpolation.attribute_shift(model, {"density": 1.0}),
        lambda: model.interpolate(A, B),
    )
    for attempt in attempts:
        with pytest.raises(InputError, match="latent vq has nothing between two codes") as caught:
            attempt()
        assert "\n" not in str(caught.value)
        assert "nsvq" in str(caught.value)
    parts = objective_of(model)(some_tokens(), seeded(), 1.0)
    assert parts.keys() == {"loss", "reconstruction", "codebook"}


def test_the_command_says_what_to_use(tmp_path: Path) -> None:
    make("vq").save_pretrained(tmp_path / "model")
    tunes = [str(ROOT / "examples" / f"{name}.mid") for name in ("lively", "lyrical")]
    out = tmp_path / "mix.mid"
    common = ["--model", str(tmp_path / "model"), "--output", str(out)]
    refused = CliRunner().invoke(cli.app, ["mix", *tunes, *common])
    assert refused.exit_code == 1
    assert refused.stderr.count("\n") == 1
    assert "take a model with latent gaussian or nsvq" in refused.stderr
    assert not out.exists()
    assert CliRunner().invoke(cli.app, ["reconstruct", tunes[0], *common]).exit_code == 0


def test_a_kind_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="latent fuzzy; it is one of undercomplete, sparse"):
        MelodyVAEConfig(latent="fuzzy")
    with pytest.raises(ValueError, match="latent fuzzy"):
        make_latent("fuzzy", LatentSizes(32, 12, 16, 2))
    with pytest.raises(ValueError, match="latent_size 16; with codes it is a multiple of 32"):
        MelodyVAEConfig(latent_size=16, latent="nsvq")
    make("vq").save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["config"]["latent"] = "fuzzy"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"config\.json: .* latent fuzzy; it is one of"):
        checkpoint.load(CHECKPOINT, tmp_path, MelodyVAEConfig)


# What is particular to one


def test_sparse_and_contractive_costs() -> None:
    model, tokens = make("sparse"), some_tokens()
    inputs = model.inputs(model.fields(tokens))
    posterior = model.latent.posterior(model.encoder(inputs))
    torch.testing.assert_close(model.latent.draw(posterior).cost, posterior.mean.abs().sum(1))
    model = make("contractive")
    inputs = model.inputs(model.fields(tokens[:2]))
    jacobian = torch.func.vmap(torch.func.jacrev(lambda one: model.encoder(one[None])[0]))(inputs)
    exact = jacobian.flatten(1).square().sum(1)
    draws = torch.stack([model.latent.slope_cost(model.encoder, inputs, seeded(n)).detach() for n in range(300)])
    assert ((draws.mean(0) - exact).abs() < 4.0 * draws.std(0) / math.sqrt(300)).all()


def test_denoising_is_measured_on_the_clean_melody(monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokens = make("denoising"), some_tokens()
    shown = model.latent.corrupt(tokens, seeded())
    changed = (shown != tokens).float().mean()
    assert 0.05 < changed < 0.2
    seen: list[Tensor] = []
    plain = losses.reconstruction
    monkeypatch.setattr(losses, "reconstruction", lambda logits, fields: seen.append(fields) or plain(logits, fields))
    objective_of(model, mixing_from=1.0, mixing_full=2.0)(tokens, seeded(), 0.5)
    assert torch.equal(seen[0].rhythm, model.fields(tokens).rhythm)
    assert model.latent.interpolates
    assert isinstance(model.latent, Denoising)


def test_the_flow_costs_what_its_density_says() -> None:
    model, tokens = make("iaf"), some_tokens(4)
    posterior = model.posterior(model.fields(tokens))
    draw = model.latent.draw(posterior, seeded())
    noise = torch.randn(4, 32, generator=seeded())
    start = posterior.start + noise * torch.exp(0.5 * posterior.log_variance)
    moved = model.latent.flow(start, posterior.context)
    log_q = gaussian_log_likelihood(start, posterior.start, posterior.log_variance) - moved.log_det
    log_p = torch.distributions.Normal(0.0, 1.0).log_prob(moved.z).sum(1)
    torch.testing.assert_close(draw.z, moved.z)
    torch.testing.assert_close(draw.cost, log_q - log_p)


def test_the_gaussian_costs_its_kl() -> None:
    model, tokens = make("gaussian"), some_tokens()
    posterior = model.posterior(model.fields(tokens))
    draw = model.latent.draw(posterior, seeded())
    torch.testing.assert_close(draw.cost, gaussian_kl(posterior.mean, posterior.log_variance))
    free = model.latent.draw(posterior, seeded(), free_nats=5.0).cost
    torch.testing.assert_close(free, losses.gaussian_kl(posterior, 5.0))


@pytest.mark.parametrize("name", ["vq", "nsvq"])
def test_codes_come_from_the_codebook_and_have_a_prior_of_their_own(name: str) -> None:
    model, tokens = make(name), some_tokens()
    for _ in range(3):  # the first fills the codebook
        posterior = model.posterior(model.fields(tokens))
        model.latent.draw(posterior, seeded())
    posterior = model.posterior(model.fields(tokens))
    symbols = model.prior_symbols(tokens)
    assert symbols.shape == (24, 32)
    assert symbols.max() < 12
    torch.testing.assert_close(posterior.mean, model.latent.vectors(symbols))
    torch.testing.assert_close(model.encode_windows(tokens.numpy()), model.latent.vectors(symbols))
    objective = PriorObjective(model)
    first = objective(tokens, seeded(), 0.0)["loss"]
    assert 0.5 * math.log(12) < first.item() < 1.5 * math.log(12)
    first.backward()
    assert {key.split(".")[0] for key, p in model.named_parameters() if p.grad is not None} == {"prior"}
    drawn = model.sample_latents(5, seed=0).unflatten(1, (32, -1))
    assert (torch.cdist(drawn, model.latent.codebook.vectors[None].detach()).amin(-1) < 1e-3).all()


# The script


def test_the_script_trains_the_latent_asked_for(tmp_path: Path) -> None:
    tunes = tmp_path / "tunes"
    shutil.copytree(ROOT / "examples", tunes, ignore=lambda _, names: [n for n in names if not n.endswith(".mid")])
    sizes = "--device cpu --threads 1 --batch 8 --width 16 --latent-size 32 --critic-steps 2 --steps 6 --prior-steps 2"
    run_here("train_melody.py", tunes, "--out", tmp_path / "run", *sizes.split(), "--latent", "nsvq")
    model = MelodyVAE.from_pretrained(tmp_path / "run" / "model")
    assert model.config.latent == "nsvq"
    assert len(interpolation.line(model, A, B, 3)) == 3
