"""The integer entropy model: exact, shorter where codes can be foreseen, and safe with any bytes."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from audiovq.entropy.coder import EntropyModel
from audiovq.entropy.network import EntropyNetwork
from audiovq.entropy.weights import MAX_TOTAL, EntropyWeights
from latentmix.errors import InputError

Q, K = 3, 64
GOLDEN = "f2c94e4362da729f865b87178a43eb968b307595a8363297ca537cc2ae449ef6cf7f2b1fbf255204"
GOLDEN_FINGERPRINT = "212495f6404288b6"


def make_weights(seed: int = 0) -> EntropyWeights:
    """Random integers, the same on every machine: nothing here comes from floating point."""
    draw = np.random.Generator(np.random.PCG64(seed)).integers
    h1, h2, h = 24, 20, 16
    same = draw(-40, 41, (Q, K, Q, h)).astype(np.int8)
    for j in range(Q):
        same[j, :, : j + 1] = 0
    return EntropyWeights(
        past=draw(-40, 41, (2, Q, K, h1)).astype(np.int8),
        past_bias=draw(-30, 31, h1).astype(np.int16),
        mix=draw(-30, 31, (3, h1, h2)).astype(np.int8),
        mix_bias=draw(-3000, 3001, h2).astype(np.int32),
        spread=draw(-30, 31, (h2, Q, h)).astype(np.int8),
        spread_bias=draw(-3000, 3001, (Q, h)).astype(np.int32),
        same=same,
        out=draw(-400, 401, (Q, h, K)).astype(np.int16),
        out_bias=draw(-9000, 9001, (Q, K)).astype(np.int32),
        table=np.array([max(1, (MAX_TOTAL // K) >> (i // 128)) for i in range(17 * 128)], np.int32),
    )


def draw_codes(q: int, n: int, seed: int = 0) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(seed)).integers(0, K, (q, n)).astype(np.int16)


@pytest.fixture(scope="module")
def model() -> EntropyModel:
    return EntropyModel(make_weights())


@settings(max_examples=60, deadline=None)
@given(st.integers(1, Q), st.integers(0, 40), st.integers(0, 10**6))
def test_bytes_and_back(model: EntropyModel, q: int, n: int, seed: int):
    codes = draw_codes(q, n, seed)
    data = model.encode(codes)
    found = model.decode(data, q, n)
    assert found.dtype == np.int16 and np.array_equal(found, codes)


@pytest.mark.parametrize("n", [1, 5, 60, 200])
def test_no_more_bytes_than_the_information(model: EntropyModel, n: int):
    codes = draw_codes(Q, n, 3)
    assert model.bits(codes) / 8 - 1 <= len(model.encode(codes)) <= model.bits(codes) / 8 + 1.1


def test_the_same_bytes_on_every_machine(model: EntropyModel):
    assert model.encode(draw_codes(3, 12, 7)).hex() == GOLDEN
    assert model.fingerprint.hex() == GOLDEN_FINGERPRINT


def test_frequencies_are_whole_and_sum_exactly(model: EntropyModel):
    blocks = list(model.frequencies(draw_codes(Q, 150)))
    found = np.concatenate(blocks)
    assert len(blocks) == 3 and found.shape == (150, Q, K) and found.dtype == np.float32
    assert (found == np.floor(found)).all() and found.min() >= 1 and found.astype(np.float64).sum(2).max() < 1 << 24


def test_formula_by_hand():
    """The docstring's formula, one code at a time, in Python integers."""
    model, codes = EntropyModel(make_weights(5)), draw_codes(Q, 9, 5)
    w = {name: value.astype(object) for name, value in vars(model.weights).items()}

    def clip(x: np.ndarray) -> np.ndarray:
        return np.array([min(max(int(v), 0), 255) for v in x], object)

    a = []
    for t in range(9):
        sums = w["past_bias"].copy()
        for d in (1, 2):
            for j in range(Q):
                sums = sums + (w["past"][d - 1, j, codes[j, t - d]] if t >= d else 0)
        a.append(clip(sums))
    found = np.concatenate(list(model.frequencies(codes)))
    for t in range(9):
        mixed = w["mix_bias"] + sum(a[t - 2 * k] @ w["mix"][k] for k in range(3) if t >= 2 * k)
        h = clip([(int(x) + 32) >> 6 for x in mixed])
        for q in range(Q):
            v = h @ w["spread"][:, q] + w["spread_bias"][q]
            v = v + sum(64 * w["same"][j, codes[j, t], q] for j in range(q))
            v = clip([(int(x) + 32) >> 6 for x in v])
            logits = [int(x) for x in v @ w["out"][q] + w["out_bias"][q]]
            wanted = [w["table"][min((max(logits) - x) >> 7, len(w["table"]) - 1)] for x in logits]
            assert found[t, q].astype(int).tolist() == wanted


def test_each_call_stands_by_itself(model: EntropyModel):
    codes = draw_codes(Q, 30, 1)
    alone = model.encode(codes[:, 20:])
    model.encode(codes[:, :20])
    assert model.encode(codes[:, 20:]) == alone


def test_fewer_codebooks_do_not_depend_on_those_left_out(model: EntropyModel):
    codes = draw_codes(Q, 20, 2)
    other = codes.copy()
    other[2] = (other[2] + 1) % K
    assert model.encode(codes[:2]) == model.encode(other[:2])


def test_any_damage_is_noticed_or_gives_codes(model: EntropyModel):
    codes = draw_codes(Q, 20, 4)
    data = model.encode(codes)
    draw = np.random.default_rng(0)
    refused = 0
    for trial in range(150):
        damaged = bytearray(data)
        damaged[draw.integers(len(data))] ^= int(draw.integers(1, 256))
        damaged = bytes(damaged[: draw.integers(1, len(data))] if trial % 3 == 0 else damaged)
        try:
            found = model.decode(damaged, Q, 20)
            assert found.shape == (Q, 20) and 0 <= found.min() <= found.max() < K
            assert not np.array_equal(found, codes)
        except InputError as error:
            assert "entropy coded: expected" in str(error)
            refused += 1
    assert refused >= 50  # all that are too short at the least


def test_several_at_once_are_as_one_by_one(model: EntropyModel):
    """What is wrong with one payload does not reach the others."""
    known = [draw_codes(Q, 20, seed) for seed in range(4)]
    payloads = [model.encode(codes) for codes in known]
    payloads[1:1] = [b"", payloads[0][:-2], bytes(10**6), b"\xff" * 30]
    found = model.decode_all(payloads, Q, 20)
    for codes, at in zip(known, (0, 5, 6, 7), strict=True):
        assert np.array_equal(found[at], codes) and found[at].dtype == np.int16
    assert all(isinstance(each, InputError) for each in found[1:5])
    assert model.decode_all([], Q, 20) == []


@pytest.mark.parametrize("data", [b"", b"\xff" * 20, bytes(100), b"\0", b"\xff" * 10**6])
def test_bytes_of_nothing_are_refused(model: EntropyModel, data: bytes):
    with pytest.raises(InputError, match="entropy coded: expected"):
        model.decode(data, Q, 20)


@pytest.mark.parametrize("q, n", [(0, 3), (Q + 1, 3), (1, -1)])
def test_impossible_numbers_are_refused(model: EntropyModel, q: int, n: int):
    with pytest.raises(InputError, match="codebooks"):
        model.decode(b"", q, n)


@pytest.mark.parametrize(
    "codes", [np.full((1, 2), K), np.full((1, 2), -1), np.zeros((Q + 1, 2), int), np.zeros((1, 2)), np.zeros(3, int)]
)
def test_codes_that_there_are_not_are_refused(model: EntropyModel, codes: np.ndarray):
    with pytest.raises(InputError, match="codes: expected"):
        model.encode(codes)


def test_saved_and_loaded(model: EntropyModel, tmp_path: Path):
    model.save(tmp_path, note="for people")
    loaded = EntropyModel.load(tmp_path)
    codes = draw_codes(Q, 10)
    assert loaded.fingerprint == model.fingerprint and loaded.encode(codes) == model.encode(codes)
    assert (loaded.codebooks, loaded.codes) == (Q, K)


def test_fingerprint_tells_any_weight(model: EntropyModel):
    for name, value in vars(model.weights).items():
        other = value.copy()
        other.flat[-1] += 1 if name != "same" else 0
        if name == "same":
            other[0, 0, 1, 0] += 1
        changed = EntropyModel(dataclasses.replace(model.weights, **{name: other}))
        assert changed.fingerprint != model.fingerprint, name


def test_damaged_files_are_refused(model: EntropyModel, tmp_path: Path):
    with pytest.raises(InputError, match=r"entropy\.json"):
        EntropyModel.load(tmp_path)
    model.save(tmp_path)
    config = (tmp_path / "entropy.json").read_text()
    for text, message in [("{", "expected JSON"), ("[]", "found None"), (config.replace("1,", "2,", 1), "version 2")]:
        (tmp_path / "entropy.json").write_text(text)
        with pytest.raises(InputError, match=message):
            EntropyModel.load(tmp_path)
    (tmp_path / "entropy.json").write_text(config)
    whole = (tmp_path / "entropy.safetensors").read_bytes()
    for content in (b"", whole[:100], whole[:-1], whole.replace(b"past_bias", b"fast_bias")):
        (tmp_path / "entropy.safetensors").write_bytes(content)
        with pytest.raises(InputError, match=r"entropy\.safetensors: expected"):
            EntropyModel.load(tmp_path)


def test_weights_that_could_overflow_are_refused():
    weights = make_weights()
    for change in (
        {"out_bias": np.full((Q, K), 2**31 - 1, np.int32)},
        {"table": np.array([MAX_TOTAL], np.int32)},
        {"table": np.array([-1], np.int32)},
        {"mix": weights.mix[:2]},
        {"past": weights.past.astype(np.int16)},
    ):
        with pytest.raises(InputError, match="expected"):
            EntropyModel(dataclasses.replace(weights, **change))


# the network that is trained


def patterned(batch: int, n: int, seed: int) -> torch.Tensor:
    """Codes that can be foreseen: codebook 0 counts up by steps of 1 or 2, codebook 1 follows codebook 0."""
    generator = torch.Generator().manual_seed(seed)
    steps = torch.randint(1, 3, (batch, n), generator=generator)
    first = (torch.randint(K, (batch, 1), generator=generator) + steps.cumsum(1)) % K
    return torch.stack([first, (3 * first + 1) % K, torch.randint(K, (batch, n), generator=generator)], 1)


@pytest.fixture(scope="module")
def trained() -> EntropyNetwork:
    torch.manual_seed(0)
    network = EntropyNetwork(Q, K, features=48, hidden=32, rank=16).train()
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    for step in range(250):
        loss = network(patterned(16, 24, step)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network.limit()
    return network.eval()


def test_what_can_be_foreseen_costs_little(trained: EntropyNetwork):
    codes = patterned(4, 40, 999)
    bits = trained(codes)[:, :, 1:].mean((0, 2))
    assert bits[0] < 2.0 and bits[1] < 0.7 and bits[2] < 7.0  # 1, 0 and 6 at best
    model = trained.freeze()
    size = sum(len(model.encode(row.numpy())) for row in codes)
    assert size < 0.6 * 4 * 40 * Q * math.log2(K) / 8


def test_freezing_loses_little(trained: EntropyNetwork):
    codes = patterned(4, 40, 1000)
    model = trained.freeze()
    for q in (1, 2, 3):
        exact = trained(codes, torch.full((4,), q)).sum().item()
        assert sum(model.bits(row[:q].numpy()) for row in codes) == pytest.approx(exact, rel=0.03)


def test_frozen_model_travels_in_files(trained: EntropyNetwork, tmp_path: Path):
    model, codes = trained.freeze(), patterned(1, 30, 5)[0].numpy().astype(np.int16)
    model.save(tmp_path)
    assert np.array_equal(EntropyModel.load(tmp_path).decode(model.encode(codes), Q, 30), codes)


def test_a_frozen_model_is_thawed_to_learn_on():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = EntropyNetwork(Q, K, features=24, hidden=16, rank=8)
        network.start_from(torch.full((Q, K), 1.0 / K), torch.randn(Q, K, 8))
        frozen, codes = network.freeze(), draw_codes(Q, 200, 6)
        thawed = EntropyNetwork.thawed(frozen, rank=8)
    assert thawed.freeze().bits(codes) == pytest.approx(frozen.bits(codes), rel=2e-3)
    thawed(torch.from_numpy(codes[None].astype(np.int64))).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in thawed.parameters())
