"""The audio step as a CUDA graph, of one stream or many: what can be known without a GPU, and what only with one."""

from __future__ import annotations

import pytest
import torch
from devices_seen import Seen, put_on_cuda
from torch._subclasses.fake_tensor import FakeTensorMode
from toy_sounds import played, small_model

from audiovq.sound.model import Colour, Sound, SoundModel
from audiovq.sound.morph import blend

STREAMS = 3


def step(model: SoundModel, x: torch.Tensor, encoder: list, decoder: list) -> tuple:
    """A frame of streams (B, hop), each mixed with the one after it."""
    sound, encoder = model.encode_step(x, encoder)
    turned = sound.controls.map(lambda each: each.roll(1, 0))
    mixed = blend([sound, Sound(turned, sound.timbre.roll(1, 0))], (0.75, 0.25))
    y, decoder = model.decode_step(mixed, decoder, Colour(2.0, -1.0))
    return y, encoder, decoder


def streams(frames: int) -> torch.Tensor:
    """Samples (STREAMS, frames * hop), all of them others."""
    sounds = [torch.from_numpy(played(150.0 * 2**at, 0.01 * frames)) for at in range(STREAMS)]
    return torch.stack(sounds)


def test_many_streams_in_a_batch_give_what_each_gives_by_itself():
    model, x = small_model(), streams(20)
    together = model.initial_encoder_state(STREAMS)
    alone = [model.initial_encoder_state(1) for _ in range(STREAMS)]
    made = model.initial_decoder_state(STREAMS)
    each_made = [model.initial_decoder_state(1) for _ in range(STREAMS)]
    for at in range(0, x.shape[1], 480):
        sound, together = model.encode_step(x[:, at : at + 480], together)
        y, made = model.decode_step(sound, made)
        for stream in range(STREAMS):
            one, alone[stream] = model.encode_step(x[stream : stream + 1, at : at + 480], alone[stream])
            torch.testing.assert_close(one.timbre[0], sound.timbre[stream], atol=1e-3, rtol=1e-3)
            heard, each_made[stream] = model.decode_step(one, each_made[stream])
            assert float((heard[0] - y[stream]).abs().max()) < 1e-3


def test_what_a_graph_of_the_audio_step_captures_never_leaves_the_gpu():
    """On tensors without contents: to read a value, or a tensor elsewhere, is an error; a graph captures neither."""
    model = small_model()
    with FakeTensorMode() as mode, torch.device("cuda"), torch.inference_mode():
        put_on_cuda(model)
        x, colours = torch.zeros(STREAMS, model.config.hop), torch.zeros(1, 2)
        encoder, decoder = model.initial_encoder_state(STREAMS), model.initial_decoder_state(STREAMS)
        with Seen() as seen:
            pitch, loudness, harmonicity, onsets, timbre, *_ = model._encoded(x, *encoder)
            y, *_ = model._decoded(timbre, pitch, loudness, harmonicity, onsets, colours, *decoder)
    assert mode is not None and y.shape == (STREAMS, model.config.hop) and y.device.type == "cuda"
    assert len(seen.devices) > 20 and set.union(*seen.devices.values()) == {"cuda"}
    loose = [name for each in model.modules() for name, value in vars(each).items() if isinstance(value, torch.Tensor)]
    assert loose == []  # all else goes along when the model is moved to another device


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use (CUDA)")
@pytest.mark.parametrize("count", [1, STREAMS])
def test_the_graph_of_an_audio_step_gives_what_the_step_gives(count):
    """Frame after frame, beside another stream that goes through the same graph."""
    model, x = small_model(), streams(20)[:count]
    made = {}
    for device in ("cpu", "cuda"):
        model.to(device)
        states = [(model.initial_encoder_state(count), model.initial_decoder_state(count)) for _ in range(2)]
        made[device] = []
        for at in range(0, x.shape[1], 480):
            for stream in range(2):
                given = x[:, at : at + 480].to(device) * (1.0 - 0.5 * stream)
                y, *states[stream] = step(model, given, *states[stream])
                made[device].append(y.cpu())
    assert len(model._encoded_often._traced) == len(model._decoded_often._traced) == 1
    for ours, wanted in zip(made["cuda"], made["cpu"], strict=True):
        assert float((ours - wanted).abs().max()) < 1e-2 * max(float(wanted.abs().max()), 1e-3)
