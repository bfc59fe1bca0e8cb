"""The prior over codes: causal, the same in steps as at once, and able to learn what there is to learn."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from audiovq.errors import InputError
from audiovq.prior import CodePrior, CodePriorConfig, draw

CONFIG = CodePriorConfig(codebooks=2, codes=16, width=32, dilations=(1, 2), rank=8)


def patterned(batch: int, n: int, seed: int) -> Tensor:
    """Codebook 0 counts up; codebook 1 is 0 or 1 more than it."""
    generator = torch.Generator().manual_seed(seed)
    first = (torch.randint(16, (batch, 1), generator=generator) + torch.arange(n)) % 16
    return torch.stack([first, (first + torch.randint(2, (batch, n), generator=generator)) % 16], 1)


@pytest.fixture(scope="module")
def prior() -> CodePrior:
    torch.manual_seed(0)
    prior = CodePrior(CONFIG).train()
    optimizer = torch.optim.AdamW(prior.parameters(), 1e-2)
    for step in range(150):
        loss = prior.loss(patterned(16, 20, step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return prior.eval()


def test_an_untrained_prior_knows_nothing():
    torch.manual_seed(1)
    assert float(CodePrior(CONFIG).bits(patterned(1, 50, 0)[0]).mean()) == pytest.approx(4.0, abs=0.3)


def test_it_learns_the_entropy_of_its_source(prior: CodePrior):
    bits = prior.bits(patterned(1, 200, 77)[0])
    assert bits.shape == (2, 200)
    assert bits[0, 1:].mean() < 0.1 and bits[1, 1:].mean() == pytest.approx(1.0, abs=0.15)
    assert prior.loss(patterned(1, 200, 77)).item() == pytest.approx(float(bits.mean()), rel=1e-4)


def test_it_looks_neither_ahead_nor_up(prior: CodePrior):
    codes = patterned(1, 12, 3)[0]
    for q, t in ((0, 5), (1, 5)):
        other = codes.clone()
        other[q, t] = (other[q, t] + 3) % 16
        changed = ~torch.isclose(prior.bits(codes), prior.bits(other), atol=1e-5)
        assert changed[q, t]
        assert not changed[:, :t].any() and not changed[:q, t].any()
        assert changed[:, t + 1 :].any()


@torch.inference_mode()
def test_steps_see_what_the_whole_sees(prior: CodePrior):
    codes = patterned(1, 20, 4)
    state = prior.start()
    for a, b in ((0, 1), (1, 4), (4, 13)):
        state = prior.listen(codes[:, :, a:b], state)
    context, _ = prior.time(state[0], state[1:])
    whole = prior.listen(codes[:, :, :13], prior.start())
    torch.testing.assert_close(context, prior.time(whole[0], whole[1:])[0])


def test_likelihood_and_step_agree(prior: CodePrior):
    """The share of draws of each code in one step is what the bits say."""
    codes = patterned(1, 8, 5)[0]
    state = [s.expand(2000, *s.shape[1:]) for s in prior.listen(codes[None], prior.start())]
    drawn, _ = prior.step(state, 1.0, torch.Generator().manual_seed(0))
    first = (codes[0, -1] + 1) % 16
    chosen = drawn[drawn[:, 0] == first]
    assert len(chosen) > 1800
    for code in (first, (first + 1) % 16):
        bits = prior.bits(torch.cat([codes, torch.stack([first, code])[:, None]], 1))[1, -1]
        assert (chosen[:, 1] == code).float().mean().item() == pytest.approx(2.0 ** -bits.item(), abs=0.05)


def test_samples_follow_the_pattern_and_the_seed(prior: CodePrior):
    codes = prior.sample(40, temperature=0.5, seed=3)
    assert codes.shape == (2, 40) and codes.dtype == torch.int16
    assert torch.equal(codes, prior.sample(40, temperature=0.5, seed=3))
    assert not torch.equal(codes, prior.sample(40, temperature=0.5, seed=4))
    assert ((codes[0, 1:] - codes[0, :-1]) % 16 == 1).float().mean() > 0.9


def test_a_recording_is_continued(prior: CodePrior):
    codes = patterned(1, 20, 6)[0].to(torch.int16)
    more = prior.continue_(codes, 5, temperature=0.0)
    assert more[0].tolist() == [(int(codes[0, -1]) + k) % 16 for k in range(1, 6)]
    assert prior.continue_(codes[:, :0], 3, seed=1).tolist() == prior.sample(3, seed=1).tolist()
    assert prior.sample(0).shape == (2, 0)


def test_fewer_codebooks_count_alone():
    prior, codes = CodePrior(CONFIG).eval(), patterned(2, 10, 1)
    bits = prior(codes, torch.tensor([1, 2]))
    assert not bits[0, 1].any() and bits[1].all()
    other = codes.clone()
    other[0, 1] = 0
    torch.testing.assert_close(prior(other, torch.tensor([1, 2])), bits)


def test_temperature_of_a_draw():
    logits = torch.tensor([[0.0, math.log(3.0)]]).expand(8000, 2)
    generator = torch.Generator().manual_seed(0)
    assert draw(logits, 1.0, generator).float().mean().item() == pytest.approx(0.75, abs=0.02)
    assert draw(logits, 0.5, generator).float().mean().item() == pytest.approx(0.9, abs=0.02)
    assert draw(logits, 0.0).float().mean().item() == 1.0


def test_saved_and_loaded(prior: CodePrior, tmp_path: Path):
    prior.save_pretrained(tmp_path)
    loaded, codes = CodePrior.from_pretrained(tmp_path), patterned(1, 30, 8)[0]
    assert loaded.config == CONFIG
    torch.testing.assert_close(loaded.bits(codes), prior.bits(codes), atol=0.05, rtol=0.02)  # kept as float16


def test_damaged_files_are_refused(prior: CodePrior, tmp_path: Path):
    with pytest.raises(InputError, match=r"prior\.json: cannot read"):
        CodePrior.from_pretrained(tmp_path)
    prior.save_pretrained(tmp_path)
    text = (tmp_path / "prior.json").read_text()
    raw = json.loads(text)
    for entries in ({"width": 10**9}, {"dilations": []}, {"width": 33}, {"surplus": 1}):
        (tmp_path / "prior.json").write_text(json.dumps({**raw, "config": {**raw["config"], **entries}}))
        with pytest.raises(InputError, match="prior"):
            CodePrior.from_pretrained(tmp_path)
    (tmp_path / "prior.json").write_text(text)
    (tmp_path / "prior.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match=r"prior\.safetensors: expected"):
        CodePrior.from_pretrained(tmp_path)


@pytest.mark.parametrize("codes", [torch.zeros(3, 4, dtype=torch.int16), torch.zeros(2, 4), torch.full((2, 4), 16)])
def test_codes_of_another_kind_are_refused(prior: CodePrior, codes: Tensor):
    with pytest.raises(InputError, match="codes: expected"):
        prior.continue_(codes, 3)


def test_it_can_begin_with_what_is_known_of_the_codes():
    shares = torch.full((2, 16), 0.5 / 15)
    shares[:, 3] = 0.5
    torch.manual_seed(0)
    prior = CodePrior(CONFIG).eval()
    prior.start_from(shares, torch.randn(2, 16, 4))
    bits = prior.bits(torch.tensor([[3, 4], [3, 4]]))
    assert bits[:, 0].mean() < 2.0 and bits[:, 1].mean() > 3.5
