"""Quantizers: gradients, losses and codebook updates of known value; codebooks that start and stay in use."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from random_numbers import seeded
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from audiovq.model.quantizers import (
    KINDS,
    NSVQ,
    EMACodebook,
    Projected,
    QuantizerConfig,
    ResidualQuantizer,
    StraightThrough,
    codebook_figures,
    kmeans,
    make_quantizer,
    nearest,
    perplexity,
    principal_axes,
)
from audiovq.model.quantizers.base import DEAD_BELOW
from audiovq.model.quantizers.ema import SMOOTHING
from audiovq.model.quantizers.lookup import smallest


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


def with_codes(quantizer: nn.Module, rows: list[list[float]]) -> nn.Module:
    """The quantizer, started with these code vectors."""
    vectors = torch.tensor(rows)
    quantizer._place(vectors.detach(), torch.ones(len(vectors), dtype=torch.bool))
    quantizer.started.fill_(True)
    return quantizer


def two_codes(kind: str) -> nn.Module:
    with torch.no_grad():
        return with_codes(KINDS[kind](2, 2), [[1.0, 0.0], [0.0, 1.0]])


Z = torch.tensor([[[0.5, 0.2], [0.0, 1.2]]])  # (1, 2, 2): the vectors (0.5, 0) and (0.2, 1.2)


# look-up and figures


def test_nearest_is_by_distance_not_by_product():
    assert nearest(torch.tensor([[1.0, 0.0]]), torch.tensor([[5.0, 0.0], [0.6, 0.1]])).item() == 1


def test_figures_of_codes():
    figures = codebook_figures(torch.tensor([[0, 0, 0, 0], [0, 1, 2, 3]]), 8)
    assert [(f.usage, f.perplexity) for f in figures] == [(0.125, 1.0), (0.5, 4.0)]
    assert perplexity(torch.tensor([3.0, 3.0, 0.0])).item() == pytest.approx(2.0)


def test_kmeans_finds_separated_clusters():
    middles = torch.stack(torch.meshgrid(torch.arange(4.0), torch.arange(4.0), indexing="ij"), -1).reshape(16, 2) * 10
    vectors = middles.repeat_interleave(15, 0) + 0.1 * noise(240, 2)
    found = kmeans(vectors, 16, seeded(1))
    which = nearest(middles, found)
    assert which.unique().numel() == 16
    torch.testing.assert_close(found[which], vectors.reshape(16, 15, 2).mean(1))


def test_kmeans_with_fewer_vectors_than_centres():
    found = kmeans(torch.tensor([[1.0], [2.0]]), 5, seeded())
    assert found.shape == (5, 1) and set(found.flatten().tolist()) == {1.0, 2.0}


# one codebook


def test_straight_through_loss_and_gradients():
    quantizer, z = two_codes("straight_through").train(), Z.clone().requires_grad_()
    out = quantizer(z)
    assert out.codes.tolist() == [[[0, 1]]]
    torch.testing.assert_close(out.z_q, torch.tensor([[[1.0, 0.0], [0.0, 1.0]]]))
    assert out.loss.item() == pytest.approx(1.25 * (0.25 + 0.04 + 0.04) / 4)

    weight = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    (out.z_q * weight).sum().backward(retain_graph=True)
    torch.testing.assert_close(z.grad, weight)  # straight through
    assert quantizer.codebook.grad is None or not quantizer.codebook.grad.any()

    z.grad = None
    out.loss.backward()
    errors = torch.tensor([[-0.5, 0.0], [0.2, 0.2]])  # z - e
    torch.testing.assert_close(z.grad[0].t(), 0.25 * 2 * errors / 4)  # only the commitment
    torch.testing.assert_close(quantizer.codebook.grad, -2 * errors / 4)  # only the codebook loss


def test_ema_loss_moves_only_the_encoder():
    quantizer, z = two_codes("ema").train(), Z.clone().requires_grad_()
    out = quantizer(z)
    out.loss.backward()
    torch.testing.assert_close(z.grad[0].t(), 0.25 * 2 * torch.tensor([[-0.5, 0.0], [0.2, 0.2]]) / 4)
    assert not list(quantizer.parameters())


def test_ema_update_by_hand():
    quantizer = two_codes("ema").train()
    quantizer.sizes.fill_(1.0)
    quantizer.sums.copy_(torch.eye(2))
    quantizer(torch.tensor([[[0.6, 0.8, 0.7, 0.0], [0.0, 0.0, 0.0, 0.6]]]))
    # mean usage is 1: code 0 was chosen by 3 of 4, code 1 by 1 of 4
    sizes = torch.tensor([0.99 + 0.01 * 1.5, 0.99 + 0.01 * 0.5])
    sums = torch.tensor([[0.99 + 0.01 * 2.1 / 2, 0.0], [0.0, 0.99 + 0.01 * 0.6 / 2]])
    smoothed = (sizes + SMOOTHING) / (2 + 2 * SMOOTHING) * 2
    torch.testing.assert_close(quantizer.codebook, sums / smoothed[:, None])
    torch.testing.assert_close(quantizer.sizes, sizes)


def test_ema_tends_to_the_means_of_its_cells():
    quantizer = two_codes("ema").train()
    z = torch.tensor([[[0.6, 0.8, 0.1], [0.0, 0.1, 0.7]]])
    for _ in range(1500):
        quantizer(z)
    torch.testing.assert_close(quantizer.codebook, torch.tensor([[0.7, 0.05], [0.1, 0.7]]), atol=2e-3, rtol=0)


def test_nsvq_error_has_the_length_of_the_quantization_error_and_teaches_the_codebook():
    with torch.no_grad():
        quantizer = with_codes(NSVQ(8, 4), noise(4, 8, seed=1).tolist()).train()
    z = noise(2, 8, 50, seed=2).requires_grad_()
    out = quantizer(z, seeded(3))
    hard = quantizer.decode(out.codes)
    torch.testing.assert_close((out.z_q - z).norm(dim=1), (hard - z).norm(dim=1))
    assert (out.z_q - hard).abs().max() > 0.1 and out.loss.item() == 0.0
    (out.z_q - z).square().sum().backward()
    # the sum of squared errors pulls every code towards the vectors that chose it
    wanted = torch.zeros(4, 8).index_add_(0, out.codes.flatten(), 2 * (hard - z).transpose(1, 2).flatten(0, 1).detach())
    torch.testing.assert_close(quantizer.codebook.grad, wanted, atol=1e-4, rtol=1e-4)


def test_nsvq_at_a_code_itself_keeps_gradients_finite():
    quantizer = two_codes("nsvq").train()
    z = torch.tensor([[[1.0], [0.0]]]).requires_grad_()
    quantizer(z, seeded()).z_q.sum().backward()
    assert z.grad.isfinite().all() and quantizer.codebook.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_first_batch_starts_the_codebook(kind: str):
    quantizer = KINDS[kind](4, 32).train()
    z = noise(4, 4, 100)
    out = quantizer(z, seeded())
    assert bool(quantizer.started)
    assert (quantizer.decode(out.codes) - z).square().mean() < 0.35 * z.square().mean()


@pytest.mark.parametrize("kind", KINDS)
def test_dead_codes_are_revived(kind: str):
    rows = [[float(k), 0.0] for k in range(4)] + [[100.0 + k, 100.0] for k in range(12)]
    with torch.no_grad():
        quantizer = with_codes(KINDS[kind](2, 16), rows).train()
    generator = seeded()
    for step in range(400):
        quantizer(noise(4, 2, 64, seed=step), generator)
    assert quantizer(noise(4, 2, 64, seed=999), generator).usage.item() == 1.0
    quantizer.eval()
    out = quantizer(noise(8, 2, 512, seed=5))
    assert out.usage.item() >= 0.95 and out.perplexity.item() > 8


def test_a_code_is_dead_only_after_many_vectors():
    rows = [[0.0, 0.0], [50.0, 50.0]]
    with torch.no_grad():
        quantizer = with_codes(StraightThrough(2, 2), rows).train()
    # 4 of the 100 vectors that usage looks back on: it falls to 0.2 in ln 0.2 / ln 0.96 = 39.4 batches
    for step in range(40):
        quantizer(noise(1, 2, 4, seed=step), seeded(step))
    assert quantizer.codebook[1].tolist() == [50.0, 50.0] and quantizer.usage[1] < DEAD_BELOW
    quantizer(noise(1, 2, 4, seed=100), seeded())
    assert quantizer.codebook[1].abs().max() < 10.0


def test_frequent_codes_are_left_alone():
    quantizer = two_codes("ema").train()
    for step in range(300):
        quantizer(torch.tensor([[[0.9, 0.1], [0.1, 0.9]]]), seeded(step))
    torch.testing.assert_close(quantizer.codebook, torch.tensor([[0.9, 0.1], [0.1, 0.9]]), atol=0.02, rtol=0)


# the stack


def test_residual_error_falls_with_each_level():
    stack = make_quantizer(QuantizerConfig("ema", dim=6, codebooks=4, codes=32)).train()
    z = noise(4, 6, 400)
    stack.initialise(z, seeded())
    stack.eval()
    codes = stack.encode(z)
    assert codes.shape == (4, 4, 400) and codes.dtype == torch.int64
    errors = [(stack.decode(codes[:, :q]) - z).square().mean().item() for q in range(1, 5)]
    assert all(b < 0.75 * a for a, b in itertools.pairwise(errors))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lookup", [0, 4])
def test_eval_is_deterministic_and_decode_gives_z_q(kind: str, lookup: int):
    quantizer = make_quantizer(QuantizerConfig(kind, dim=6, codebooks=3, codes=16, lookup_dim=lookup))
    quantizer(noise(2, 6, 100), seeded())
    quantizer.eval()
    before = {name: t.clone() for name, t in quantizer.state_dict().items()}
    z = noise(2, 6, 30, seed=7)
    a, b = quantizer(z), quantizer(z)
    assert torch.equal(a.z_q, b.z_q) and torch.equal(a.codes, b.codes)
    (quantizer.inner if lookup else quantizer).paths = 1  # training does not search
    assert torch.equal(a.codes, quantizer.encode(z))
    assert torch.equal(a.z_q, quantizer.decode(a.codes))
    assert all(torch.equal(t, before[name]) for name, t in quantizer.state_dict().items())


@pytest.mark.parametrize("kind", KINDS)
def test_gradient_to_the_encoder_is_the_identity_whatever_the_number_of_levels(kind: str):
    stack = make_quantizer(QuantizerConfig(kind, dim=3, codebooks=3, codes=8)).train()
    stack.initialise(noise(2, 3, 200))
    z = noise(3, 3, 5, seed=1).requires_grad_()
    out = stack(z, seeded(), torch.tensor([1, 2, 3]))
    weight = noise(3, 3, 5, seed=2)
    (out.z_q * weight).sum().backward()
    if kind == "nsvq":  # it adds the slope of the error's length
        assert (z.grad - weight).norm() < 2 * weight.norm()
    else:
        torch.testing.assert_close(z.grad, weight)


def test_losses_of_deeper_levels_reach_the_encoder_but_not_shallower_codebooks():
    stack = ResidualQuantizer([StraightThrough(2, 4) for _ in range(2)], dropout=0.0).train()
    stack.initialise(noise(1, 2, 60))
    z = noise(1, 2, 20, seed=3).requires_grad_()
    out = stack(z, seeded())
    residual = z.detach() - stack.levels[0].decode(out.codes[:, :1]).detach()
    left = residual - stack.levels[1].decode(out.codes[:, 1:]).detach()
    out.loss.backward()
    torch.testing.assert_close(z.grad, 0.25 * 2 * (residual + left) / z.numel())
    wanted = torch.zeros(4, 2).index_add_(0, out.codes[0, 0], -2 * residual[0].t() / z.numel())
    torch.testing.assert_close(stack.levels[0].codebook.grad, wanted)


def test_nsvq_stack_has_the_error_of_the_level_that_is_last():
    stack = make_quantizer(QuantizerConfig("nsvq", dim=4, codebooks=3, codes=16)).train()
    stack.initialise(noise(2, 4, 200))
    z = noise(3, 4, 50, seed=1)
    out = stack(z, seeded(), torch.tensor([1, 2, 3]))
    for example, kept in enumerate([1, 2, 3]):
        hard = stack.decode(out.codes[:, :kept])[example]
        torch.testing.assert_close((out.z_q[example] - z[example]).norm(dim=0), (hard - z[example]).norm(dim=0))
    out.z_q.square().sum().backward()
    assert all(level.codebook.grad.any() for level in stack.levels)


def test_dropout_draws_every_number_of_levels():
    stack = ResidualQuantizer([EMACodebook(1, 2) for _ in range(4)], dropout=0.5)
    kept = stack.draw_levels(8000, seeded())
    share = torch.bincount(kept, minlength=5)[1:] / 8000
    torch.testing.assert_close(share, torch.tensor([0.125, 0.125, 0.125, 0.625]), atol=0.02, rtol=0)
    assert torch.equal(kept, stack.draw_levels(8000, seeded()))


def test_projected_look_up_is_on_the_sphere_and_trains_its_projections():
    quantizer = Projected(ResidualQuantizer([EMACodebook(4, 16)]), dim=32, inner_dim=4).train()
    with torch.no_grad():
        quantizer.down.bias.zero_()
    z = noise(2, 32, 100)
    torch.testing.assert_close(quantizer.project(z).norm(dim=1), torch.ones(2, 100))
    torch.testing.assert_close(quantizer.project(3.0 * z), quantizer.project(z))  # loudness does not count
    out = quantizer.train()(z, seeded())
    (out.z_q.square().mean() + out.loss).backward()
    assert quantizer.down.weight.grad.any() and quantizer.up.weight.grad.any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lookup", [0, 3])
def test_training_goes_on_bit_for_bit_from_the_state(kind: str, lookup: int):
    config = QuantizerConfig(kind, dim=4, codebooks=2, codes=16, lookup_dim=lookup)

    def run(quantizer: nn.Module, steps: range) -> nn.Module:
        for step in steps:
            out = quantizer(noise(2, 4, 60, seed=step).requires_grad_(), seeded(100 + step))
            (out.z_q.square().mean() + out.loss).backward()
            with torch.no_grad():
                for parameter in quantizer.parameters():
                    parameter -= 0.01 * parameter.grad
            quantizer.zero_grad()
        return quantizer

    torch.manual_seed(0)
    whole = make_quantizer(config).train()
    start = {name: t.clone() for name, t in whole.state_dict().items()}
    run(whole, range(6))
    first, second = make_quantizer(config).train(), make_quantizer(config).train()
    first.load_state_dict(start)
    second.load_state_dict(run(first, range(3)).state_dict())
    run(second, range(3, 6))
    assert all(torch.equal(t, second.state_dict()[name]) for name, t in whole.state_dict().items())


def test_look_up_is_exact_under_autocast():
    quantizer = make_quantizer(QuantizerConfig("ema", dim=8, codebooks=3, codes=64)).train()
    z = noise(2, 8, 200)
    quantizer.initialise(z, seeded())
    quantizer.eval()
    plain = quantizer(z)
    with torch.autocast("cpu", torch.bfloat16):
        inside = quantizer(z)
    assert torch.equal(plain.codes, inside.codes) and inside.z_q.dtype == torch.float32


class RoundTrip(nn.Module):
    def __init__(self, quantizer: nn.Module) -> None:
        super().__init__()
        self.quantizer = quantizer

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        codes = self.quantizer.encode(z)
        return codes, self.quantizer.decode(codes)


@pytest.mark.parametrize("lookup", [0, 4])
def test_levels_are_left_out_frame_by_frame(lookup: int):
    quantizer = make_quantizer(QuantizerConfig("ema", dim=8, codebooks=3, codes=16, lookup_dim=lookup))
    quantizer(noise(2, 8, 100), seeded())
    codes = quantizer.eval().encode(noise(1, 8, 4, seed=2))
    some = codes.clone()
    some[:, 1:, 1], some[:, 2:, 2] = -1, -1
    made = quantizer.decode(some)
    for frame, levels in enumerate((3, 1, 2, 3)):
        assert torch.equal(made[..., frame], quantizer.decode(codes[:, :levels])[..., frame])


def test_the_search_finds_nearer_sums_than_the_nearest_code_of_each_level():
    quantizer = make_quantizer(QuantizerConfig("ema", dim=8, codebooks=3, codes=16))
    quantizer(noise(2, 8, 400), seeded())
    z, books = noise(1, 8, 50, seed=2), quantizer.eval().codebooks()
    sums = (books[0][:, None, None] + books[1][None, :, None] + books[2]).flatten(0, 2)  # all 16³ of them
    best = torch.cdist(z[0].t(), sums).amin(1).square()
    errors = {}
    for paths in (1, 4, 256):
        quantizer.paths = paths
        errors[paths] = (quantizer.decode(quantizer.encode(z)) - z)[0].square().sum(0)
    torch.testing.assert_close(errors[256], best, rtol=1e-3, atol=1e-4)  # nothing is dropped
    assert best.mean() <= errors[4].mean() < 0.95 * errors[1].mean()


def test_fewer_codebooks_are_searched_for_themselves():
    quantizer = make_quantizer(QuantizerConfig("ema", dim=8, codebooks=3, codes=16))
    quantizer(noise(2, 8, 400), seeded())
    z = noise(2, 8, 50, seed=2)
    two = quantizer.eval().encode(z, 2)
    assert two.shape == (2, 2, 50)
    error = [(quantizer.decode(codes) - z).square().mean() for codes in (two, quantizer.encode(z)[:, :2])]
    assert error[0] < error[1]


@pytest.mark.parametrize("count", [1, 4, 64])
@pytest.mark.parametrize("columns", [64, 96, 1024])
def test_the_smallest_values_are_found_in_order(count: int, columns: int):
    values = noise(7, columns, seed=3)
    assert torch.equal(smallest(values, count), values.argsort(1)[:, :count])


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
@pytest.mark.parametrize("lookup", [0, 4])
@pytest.mark.parametrize("way", ["export", "script"])
def test_encode_and_decode_leave_python(way: str, lookup: int):
    quantizer = make_quantizer(QuantizerConfig("ema", dim=8, codebooks=3, codes=16, lookup_dim=lookup))
    quantizer(noise(2, 8, 100), seeded())
    module, z = RoundTrip(quantizer).eval(), noise(1, 8, 20, seed=2)
    made = torch.export.export(module, (z,)).module() if way == "export" else torch.jit.script(module)
    for wanted, found in zip(module(z), made(z), strict=True):
        assert torch.equal(wanted, found)


@pytest.mark.parametrize("fault", [{"kind": "vq"}, {"codebooks": 0}, {"dropout": 1.5}, {"lookup_dim": -1}])
def test_a_config_that_cannot_be_is_refused(fault: dict):
    with pytest.raises(ValueError, match=f"{next(iter(fault))}"):
        QuantizerConfig(**fault)


def train_in_process(rank: int, folder: str) -> None:
    """Four steps on batches of this process's own; the state goes to a file."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    quantizer = make_quantizer(QuantizerConfig("ema", dim=3, codebooks=2, codes=8)).train()
    for step in range(4):
        if step == 2:
            quantizer.levels[1].usage[3:] = 0.0  # dies in both, and gets another life in both
        quantizer(noise(2, 3, 40, seed=10 * step + rank), seeded(rank))
    save_file(quantizer.state_dict(), f"{folder}/{rank}.safetensors")
    torch.distributed.destroy_process_group()


def test_several_processes_keep_one_codebook(tmp_path: Path):
    torch.multiprocessing.spawn(train_in_process, (str(tmp_path),), nprocs=2)
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(t, second[name]) for name, t in first.items())
    assert first["levels.1.codebook"].any() and bool(first["levels.0.started"])


def test_principal_axes_keep_distances():
    vectors = noise(20, 5)
    axes = principal_axes(vectors, 8)
    assert axes.shape == (20, 8) and axes.square().sum().item() == pytest.approx(100.0)
    assert not axes[:, 5:].any()
    ratio = torch.cdist(axes, axes)[0, 1:] / torch.cdist(vectors, vectors)[0, 1:]
    torch.testing.assert_close(ratio, ratio[:1].expand(19))


def test_codebooks_of_a_stack():
    quantizer = make_quantizer(QuantizerConfig("nsvq", dim=4, codebooks=3, codes=8, lookup_dim=2))
    assert quantizer.codebooks().shape == (3, 8, 2) and not quantizer.codebooks().requires_grad
