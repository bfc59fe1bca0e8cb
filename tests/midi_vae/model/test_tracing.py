"""Functions without their Python: the same results, after changes of the weights and in copies too."""

from __future__ import annotations

import copy
import threading
from typing import Any

import numpy as np
import pytest
import torch

from latentmix import tracing
from latentmix.errors import InputError
from latentmix.tracing import OFTEN, OftenCalled
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.vae import MelodyVAE


@pytest.fixture
def model() -> MelodyVAE:
    torch.manual_seed(0)
    return MelodyVAE(MelodyVAEConfig(width=16, latent_size=16, decoder_blocks=1, critic_width=8)).eval()


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that are traced, as they are."""
    seen: list[int] = []
    plain = tracing.trace
    monkeypatch.setattr(tracing, "trace", lambda f, m, x: seen.append(len(x[0])) or plain(f, m, x))
    return seen


def plainly(model: MelodyVAE, z: torch.Tensor) -> np.ndarray:
    with torch.inference_mode():
        return model.tokens(z).numpy()


def test_what_is_decoded_often_is_traced_and_stays_the_same(model: MelodyVAE, traces: list[int]) -> None:
    for _ in range(2 * OFTEN):
        for size in (1, 3):
            z = torch.randn(size, 16)
            assert np.array_equal(model.decode_windows(z), plainly(model, z))
    assert traces == [1, 3]


def test_what_is_decoded_seldom_is_not_traced(model: MelodyVAE, traces: list[int]) -> None:
    for size in range(1, 12):
        model.decode_windows(torch.randn(size, 16))
    assert traces == []


def test_other_weights_are_noticed(model: MelodyVAE, traces: list[int]) -> None:
    z = torch.randn(4, 16)
    for _ in range(OFTEN):
        before = model.decode_windows(z)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    after = model.decode_windows(z)
    assert np.array_equal(after, plainly(model, z)) and not np.array_equal(before, after)
    for _ in range(OFTEN):
        assert np.array_equal(model.decode_windows(z), after)
    assert traces == [4, 4]


def test_a_weight_that_is_another_tensor_is_noticed(model: MelodyVAE, traces: list[int]) -> None:
    z = torch.randn(4, 16)
    for _ in range(OFTEN):
        model.decode_windows(z)
    model.pitch_head.bias = torch.nn.Parameter(torch.randn_like(model.pitch_head.bias) * 10.0)
    for _ in range(OFTEN):
        assert np.array_equal(model.decode_windows(z), plainly(model, z))
    assert traces == [4, 4]


@pytest.mark.parametrize(("value", "refused"), [(3e38, False), (float("inf"), True), (float("nan"), True)])
def test_latents_are_refused_for_what_they_are_not_for_their_sum(model: MelodyVAE, value: float, refused: bool) -> None:
    z = torch.zeros(2, 16)
    z[0, :4] = value
    for latents in (z, z * torch.tensor([[1.0], [-1.0]]), -z):
        if refused:
            with pytest.raises(InputError, match="NaN or infinity"):
                model.latent_parts(latents)
        else:
            assert torch.equal(model.latent_parts(latents)[0], latents)


def test_a_model_in_training_is_not_traced(model: MelodyVAE, traces: list[int]) -> None:
    model.train()
    for _ in range(2 * OFTEN):
        model.decode_windows(torch.zeros(2, 16))
    assert traces == []


def test_copies_trace_for_themselves(model: MelodyVAE, traces: list[int]) -> None:
    z = torch.randn(2, 16)
    for _ in range(OFTEN):
        model.decode_windows(z)
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.pitch_head.bias.normal_(0.0, 10.0)
    for _ in range(OFTEN):
        assert np.array_equal(other.decode_windows(z), plainly(other, z))
    assert np.array_equal(model.decode_windows(z), plainly(model, z))
    assert traces == [2, 2]


@pytest.mark.skipif(torch.backends.quantized.engine not in ("x86", "fbgemm"), reason="needs FBGEMM (x86)")
def test_only_weights_that_lose_nothing_by_it_are_halved() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(32, 32), torch.nn.Linear(32, 32))
    with torch.no_grad():
        layers[0].weight.copy_(layers[0].weight.half())
        layers[1].weight.fill_(1 / 3)
    halved = tracing._halved(layers)
    assert type(halved[1]) is torch.nn.Linear and type(halved[0]) is not torch.nn.Linear
    assert type(layers[0]) is torch.nn.Linear
    x = torch.randn(5, 32)
    assert torch.allclose(halved(x), layers(x), rtol=1e-5, atol=1e-6)


def test_a_model_with_halved_weights_says_the_same(model: MelodyVAE, traces: list[int]) -> None:
    model.half().float()
    for _ in range(3 * OFTEN):
        z = torch.randn(5, 16)
        assert np.array_equal(model.decode_windows(z), plainly(model, z))
    assert traces == [5]


def test_threads_may_decode_with_one_model(model: MelodyVAE, traces: list[int]) -> None:
    failed: list[BaseException] = []

    def decode(size: int) -> None:
        try:
            for _ in range(2 * OFTEN):
                z = torch.randn(size, 16)
                assert np.array_equal(model.decode_windows(z), plainly(model, z))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=decode, args=(size,)) for size in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == [] and sorted(traces) == [1, 2, 3]


def test_weights_that_change_while_another_thread_traces_are_those_that_count(monkeypatch: pytest.MonkeyPatch) -> None:
    module = torch.nn.Linear(1, 1, bias=False).requires_grad_(False).eval()
    often = OftenCalled(lambda module, x: module.weight * x, module, often=1)
    trace, one = tracing.trace, torch.ones(1)

    def meanwhile() -> None:
        module.weight = torch.nn.Parameter(torch.full((1, 1), 2.0), requires_grad=False)
        assert often(one).item() == 2.0

    def trace_and_be_late(*arguments: Any) -> Any:
        monkeypatch.setattr(tracing, "trace", trace)
        traced = trace(*arguments)
        thread = threading.Thread(target=meanwhile)
        thread.start()
        thread.join()
        return traced

    monkeypatch.setattr(tracing, "trace", trace_and_be_late)
    torch.nn.init.ones_(module.weight)
    often(one)
    assert often(one).item() == 2.0


def test_few_sizes_are_kept() -> None:
    often = OftenCalled(lambda module, x: 2 * x, torch.nn.Linear(1, 1).eval())
    for size in range(1, 9):
        for _ in range(OFTEN):
            assert torch.equal(often(torch.ones(size)), torch.full((size,), 2.0))
    assert len(often._traced) == tracing.MAX_SIZES


def test_what_is_not_halved_is_shared_with_the_original() -> None:
    layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.LayerNorm(4))
    layers.register_buffer("table", torch.zeros(1000))
    halved = tracing._halved(layers)
    assert halved is not layers and halved.table is layers.table
    assert halved[1].weight is layers[1].weight and halved[0].weight is layers[0].weight


class Numbers(torch.nn.Module):
    """Numbers beside tensors of single and double precision, and of none."""

    def forward(self, x: torch.Tensor, y: torch.Tensor, z: torch.Tensor) -> tuple[torch.Tensor, ...]:
        third = 1.0 / 3.0
        return third * x - 0.1, (1.0 - third * y) / 0.7, z * third + 1, (x > third) * 2.0, x.sum() * third + x


def test_numbers_beside_tensors_keep_their_type_and_precision() -> None:
    numbers = Numbers().eval()
    given = (torch.randn(1, 5), torch.randn(1, 5, dtype=torch.float64), torch.tensor(2.0))
    traced = tracing.trace(lambda module, *of: module(*of), numbers, given)
    assert isinstance(traced, torch.jit.ScriptModule)
    for _ in range(4):
        given = (torch.randn(1, 5), torch.randn(1, 5, dtype=torch.float64), torch.tensor(3.0))
        for found, wanted in zip(traced(*given), numbers(*given), strict=True):
            assert found.dtype is wanted.dtype and found.shape == wanted.shape
            torch.testing.assert_close(found, wanted, rtol=1e-6 if wanted.dtype is torch.float32 else 1e-15, atol=1e-7)


def test_a_number_beside_a_tensor_is_not_converted_at_each_step() -> None:
    traced = tracing.trace(lambda module, *of: module(*of), Numbers().eval(), [torch.ones(2, 3)] * 3)
    graph = traced.graph  # type: ignore[attr-defined]
    numbers = [
        given.toIValue()
        for node in graph.nodes()
        if node.kind() in tracing.ARITHMETIC
        for given in list(node.inputs())[:2]
        if given.node().kind() == "prim::Constant"
    ]
    flat = [each for each in numbers if isinstance(each, torch.Tensor) and each.shape == (1,)]
    assert len(flat) == 8 and len(numbers) == 9  # beside the one of a tensor without dimensions
