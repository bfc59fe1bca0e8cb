from __future__ import annotations

import torch

from audiovq.training.sound_losses import buzz_loss


def test_harmonics_are_wanted_only_where_something_repeats():
    harmonic, rough = torch.ones(1, 2, 5), torch.zeros(1, 2, 5)
    assert float(buzz_loss(harmonic, rough, torch.ones(1, 2))) == 0.0
    assert float(buzz_loss(harmonic, rough, torch.zeros(1, 2))) > 1.0
    assert float(buzz_loss(rough, harmonic, torch.zeros(1, 2))) == 0.0
