"""The causal stack: in pieces as in one, nothing of the future, and no more of the past than it says."""

from __future__ import annotations

import pytest
import torch

from audiovq.model.layers import CausalBlock, CausalStack

DILATIONS = (1, 2, 4, 3)


@pytest.fixture(scope="module")
def stack() -> CausalStack:
    torch.manual_seed(0)
    return CausalStack(5, 7, 16, DILATIONS).eval()


def frames(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("sizes", [[1] * 25, [3, 1, 21], [24, 1], [2, 9, 14]])
def test_in_pieces_as_in_one(stack: CausalStack, sizes: list[int]) -> None:
    x = frames(2, sum(sizes), 5)
    whole, last = stack(x, stack.start(2))
    assert whole.shape == (2, 25, 7)
    state, parts = stack.start(2), []
    for piece in x.split(sizes, 1):
        y, state = stack(piece, state)
        parts.append(y)
    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-5)
    for a, b, dilation in zip(state, last, DILATIONS, strict=True):
        assert a.shape == (2, dilation, 16)
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_a_frame_depends_on_as_many_before_it_as_the_stack_says(stack: CausalStack) -> None:
    assert stack.warm_up == sum(DILATIONS)
    x = frames(1, 30, 5)
    other = x.clone()
    other[:, 7] += 1.0
    changed = (stack(x, stack.start(1))[0] != stack(other, stack.start(1))[0]).any(-1)[0].nonzero()[:, 0]
    assert changed.min() == 7
    assert changed.max() == 7 + stack.warm_up


def test_a_block_is_its_formula() -> None:
    torch.manual_seed(0)
    block = CausalBlock(4, 2)
    x, past = frames(1, 5, 4), frames(1, 2, 4)
    y, kept = block(x, past)
    h = torch.cat([past, block.norm(x)], 1)
    for n in range(5):
        inner = torch.nn.functional.silu(block.taps(torch.cat([h[:, n + 2], h[:, n]], -1)))
        torch.testing.assert_close(y[:, n], x[:, n] + block.out(inner))
    assert torch.equal(kept, h[:, 5:])


def test_a_fresh_state_is_zeros_of_the_weights_kind(stack: CausalStack) -> None:
    state = CausalStack(5, 7, 16, DILATIONS).double().start(3)
    assert [tuple(s.shape) for s in state] == [(3, d, 16) for d in DILATIONS]
    assert all(s.dtype == torch.float64 and not s.any() for s in state)


def test_no_blocks_are_two_linear_layers() -> None:
    stack = CausalStack(3, 2, 8, ())
    x = frames(1, 4, 3)
    y, state = stack(x, stack.start(1))
    assert stack.warm_up == 0
    assert state == []
    torch.testing.assert_close(y, stack.leave(stack.enter(x)))
