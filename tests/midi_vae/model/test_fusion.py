"""Fusion of decoder and critic: known sums, who is listened to when, where gradients go."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.model.critic import Critic
from midi_vae.model.fusion import UNSURE_NATS, fused
from midi_vae.model.steps import StepLogits
from midi_vae.music.melody import ONSET
from midi_vae.vae import MelodyVAE

PITCHES = 12
SIZES = {"width": 16, "latent_size": 16, "critic_width": 8}


@pytest.fixture(scope="module")
def critic() -> Critic:
    torch.manual_seed(0)
    return Critic(PITCHES, width=24)


def said(count: int, scale: float, seed: int = 0) -> StepLogits:
    generator = torch.Generator().manual_seed(seed)
    shapes = (count, 32, 3), (count, 32, PITCHES)
    return StepLogits(*(scale * torch.randn(shape, generator=generator) for shape in shapes))


def joint(logits: StepLogits) -> Tensor:
    """log p of hold, note off and the onset of each pitch."""
    rhythm, pitch = logits.rhythm.log_softmax(-1), logits.pitch.log_softmax(-1)
    return torch.cat([rhythm[..., :ONSET], rhythm[..., ONSET:] + pitch], -1)


def likeliest(logits: StepLogits) -> Tensor:
    rhythm = logits.rhythm.argmax(-1)
    return torch.where(rhythm == ONSET, logits.pitch.argmax(-1) + ONSET, rhythm)


def test_an_unsure_decoder_is_one_factor_and_the_critic_the_other(critic: Critic) -> None:
    logits = said(3, 0.1)
    expected = joint(logits) + 0.25 * critic(likeliest(logits))
    torch.testing.assert_close(joint(fused(logits, critic, 0.25)), expected.log_softmax(-1))


def test_the_critic_counts_in_proportion_to_how_unsure_the_decoder_is(critic: Critic) -> None:
    logits = said(4, 25.0)
    unsure = -joint(logits).amax(-1).sum(1)
    assert (unsure < UNSURE_NATS).all() and (unsure > 0.01).all()
    share = (0.5 * unsure / UNSURE_NATS)[:, None, None]
    expected = joint(logits) + share * critic(likeliest(logits))
    torch.testing.assert_close(joint(fused(logits, critic, 0.5)), expected.log_softmax(-1))


def test_a_sure_decoder_is_not_argued_with(critic: Critic) -> None:
    logits = said(4, 1000.0)
    assert torch.equal(likeliest(fused(logits, critic, 1.0)), likeliest(logits))


def test_each_window_has_a_weight_of_its_own(critic: Critic) -> None:
    sure, unsure = said(1, 25.0), said(1, 0.1, seed=1)
    both = StepLogits(torch.cat([sure.rhythm, unsure.rhythm]), torch.cat([sure.pitch, unsure.pitch]))
    alone = [joint(fused(each, critic, 0.25)) for each in (sure, unsure)]
    torch.testing.assert_close(joint(fused(both, critic, 0.25)), torch.cat(alone))


def test_the_gradient_reaches_the_decoder_and_not_the_critic(critic: Critic) -> None:
    logits = said(2, 1.0)
    logits.rhythm.requires_grad_(), logits.pitch.requires_grad_()
    critic.zero_grad()
    joint(fused(logits, critic, 0.25))[..., 3].sum().backward()
    assert logits.rhythm.grad.any() and logits.pitch.grad.any()
    assert all(parameter.grad is None for parameter in critic.parameters())


def test_a_model_is_fused_unless_its_weight_is_0() -> None:
    torch.manual_seed(0)
    model = MelodyVAE(MelodyVAEConfig(**SIZES, fusion=0.0)).eval()
    asked = []
    model.critic.towers.register_forward_pre_hook(lambda *_: asked.append(1))
    z = torch.randn(2, 16)
    plain = model.logits(z)
    assert not asked
    with_critic = MelodyVAE(MelodyVAEConfig(**SIZES, fusion=0.25)).eval()
    with_critic.load_state_dict(model.state_dict())
    torch.testing.assert_close(joint(with_critic.logits(z)), joint(fused(plain, model.critic, 0.25)))


@pytest.mark.parametrize("fusion", [-0.1, 1.1, float("nan")])
def test_a_weight_that_cannot_be_is_refused(fusion: float) -> None:
    with pytest.raises(ValueError, match="it is 0 to 1"):
        MelodyVAEConfig(fusion=fusion)
