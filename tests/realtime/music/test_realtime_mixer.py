"""Mixer and decoder: what was moved last decides, ends are the melodies themselves, and what shapes the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from devices_seen import Seen
from hypothesis import given
from hypothesis import strategies as st
from torch._subclasses.fake_tensor import FakeTensorMode

from latentmix.errors import InputError
from latentmix.tracing import Graphed, trace
from midi_vae import interpolation
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder, decoded, one_thread
from realtime.music.mixer import Mixer, PadPoint, spread
from realtime.music.parameters import find
from realtime.music.shaping import in_key, strength, thin, to_octave

A = Melody.from_notes([(4 * k, 4 * k + 3, 60 + k) for k in range(8)], name="a")
B = Melody.from_notes([(2 * k, 2 * k + 2, 72 - k) for k in range(16)], name="b", tempo=90)
C = Melody.from_notes([(8 * k, 8 * k + 8, 48 + 2 * k) for k in range(8)], name="c")  # four bars
D = Melody.from_notes([(0, 6, 64), (6, 12, 67)], metre=(6, 8), name="d")


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    model = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval()
    model.attribute_directions.normal_()
    return Decoder(model, seed=1)


def test_the_ends_are_the_melodies_themselves(decoder):
    mixer = Mixer(decoder, [A, B])
    assert mixer.melody().notes() == A.notes()
    assert mixer.set("position", 1.0)
    assert mixer.melody().notes() == B.notes() and mixer.melody().tempo == A.tempo


def test_between_the_ends_it_is_the_models_mix(decoder):
    mixer = Mixer(decoder, [A, B])
    mixer.set("position", 0.5)
    wanted = interpolation.line(decoder.model, A, B, 3, straight=True)[1]
    assert mixer.melody().tokens.tolist() == wanted.tokens.tolist()
    assert mixer.latent() == pytest.approx(mixer.coded.latents.mean(0), abs=1e-6)


def test_where_an_even_way_is_known_the_mix_goes_it(decoder):
    mixer = Mixer(decoder, [A, B, C])
    mixer.set("position", 0.25)
    straight = mixer.latent()
    way = np.zeros((3, *straight.shape), np.float32)
    way[1] = 1.0
    mixer.asides = {(0, 1): way, (1, 2): 5 * way}
    np.testing.assert_allclose(mixer.latent(), straight + 1.0, atol=1e-6)
    mixer.set("position", 0.125)
    off = mixer.latent()
    mixer.spherical = True
    assert not np.allclose(mixer.latent(), off)
    mixer.spherical = False
    mixer.load(1, D)
    assert not mixer.asides


def test_longer_melodies_set_the_length_and_the_first_the_metre(decoder):
    mixer = Mixer(decoder, [A, C, D])
    mixer.set("position", 0.25)
    assert (mixer.melody().bars, mixer.melody().metre) == (4, (4, 4)) and mixer.latent().shape == (2, 16)


def test_what_was_moved_last_decides(decoder):
    mixer = Mixer(decoder, [A, B, C])
    mixer.set("position", 0.5)
    assert mixer.weights().tolist() == [0, 1, 0]
    mixer.set("x", 0.5)
    assert mixer.mode == "pad"
    assert mixer.set("y", 1.0)  # the first of three stands on top
    assert mixer.weights().tolist() == [1, 0, 0]
    assert mixer.set("position", 0.5)  # as before, but again what counts
    assert mixer.weights().tolist() == [0, 1, 0]
    mixer.set("weight.1", 1.0)  # on from what is heard
    assert mixer.weights().tolist() == [0.5, 0.5, 0]
    for number in (1, 2):
        mixer.set(f"weight.{number}", 0.0)
    assert mixer.weights().tolist() == pytest.approx([1 / 3] * 3)


def test_four_melodies_stand_on_the_corners_until_moved(decoder):
    mixer = Mixer(decoder, [A, B, C, A])
    mixer.set("x", 0.25)
    mixer.set("y", 0.0)
    assert mixer.weights().tolist() == [0.75, 0.25, 0, 0]
    mixer.place(1, 0.25, 0.0)
    assert mixer.weights().tolist() == [0, 1, 0, 0]


def test_what_does_not_change_the_melody_says_so(decoder):
    mixer = Mixer(decoder, [A, B])
    assert not mixer.set("tempo", 99) and not mixer.set("position", 0.0) and not mixer.set("hold", 1)
    assert mixer.set("attribute.density", 1) and mixer.set("octave", 1) and mixer.set("temperature", 0.5)


@pytest.mark.parametrize("name, value", [("position", float("nan")), ("key", "H:maj"), ("volume", 1), ("x", "left")])
def test_what_cannot_be_is_refused_in_one_line(decoder, name, value):
    mixer = Mixer(decoder, [A, B])
    before = dict(mixer.values)
    with pytest.raises(InputError, match="expected") as caught:
        mixer.set(name, value)
    assert "\n" not in str(caught.value) and mixer.values == before


def test_melodies_come_and_go(decoder):
    mixer = Mixer(decoder, [A])
    mixer.add(B)
    mixer.add(C, PadPoint(0.1, 0.2))
    assert [m.name for m in mixer.melodies] == ["a", "b", "c"] and mixer.places[2] == PadPoint(0.1, 0.2)
    mixer.set("position", 0.3)
    mixer.set("weight.3", 0.6)
    mixer.remove(0)
    assert mixer.weights() == pytest.approx([0.5, 0.5])
    mixer.load(0, D)
    assert mixer.melody().metre == (6, 8)
    with pytest.raises(InputError, match="melody from 1 to 2, found 3"):
        mixer.load(2, A)
    mixer.remove(0)
    with pytest.raises(InputError, match="1 to 8 melodies, found 0"):
        mixer.remove(0)
    assert len(mixer.melodies) == 1
    for _ in range(7):
        mixer.add(A)
    with pytest.raises(InputError, match="1 to 8 melodies, found 9"):
        mixer.add(A)
    assert len(mixer.melodies) == len(mixer.places) == 8


def test_bars_longer_than_a_window_are_refused(decoder):
    long = Melody.from_notes([(0, 4, 60)], metre=(9, 4))
    with pytest.raises(InputError, match="at most 32 sixteenths"):
        Mixer(decoder, [long, A])


def test_attributes_move_the_latent(decoder):
    mixer = Mixer(decoder, [A, B])
    before = mixer.latent()
    mixer.set("attribute.height", 2.0)
    directions = decoder.model.attribute_directions.numpy()
    assert mixer.latent() - before == pytest.approx(np.tile(2 * directions[1], (1, 1)), abs=1e-5)


def test_the_same_place_gives_the_same_draw(decoder):
    mixer = Mixer(decoder, [A, B])
    mixer.set("position", 0.4)
    plain = mixer.melody()
    mixer.set("temperature", 2.0)
    drawn = mixer.melody()
    mixer.set("position", 0.6)
    mixer.melody()
    mixer.set("position", 0.4)
    assert mixer.melody() == drawn != plain
    assert Mixer(Decoder(decoder.model, seed=1), [A, B], values=dict(mixer.values)).melody() == drawn
    assert Mixer(Decoder(decoder.model, seed=2), [A, B], values=dict(mixer.values)).melody() != drawn


def test_draws_follow_the_softmax():
    """Of a model that says the same of every step, symbols are drawn as often as softmax(logits / T) wants."""

    class Same(torch.nn.Module):
        config = MelodyVAEConfig()
        device = torch.device("cpu")
        attribute_names, attribute_directions = (), torch.zeros(0, config.latent_size)
        latent = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).latent

        def logits(self, z):
            from midi_vae.model.steps import StepLogits

            rhythm = torch.tensor([0.0, 1.0, 2.0]).expand(len(z), 32, 3)
            return StepLogits(rhythm, torch.zeros(len(z), 32, self.config.pitches))

    tokens = Decoder(Same(), seed=3).decode(np.zeros((400, MelodyVAEConfig().latent_size), np.float32), 2.0)
    shares = [(tokens == 0).mean(), (tokens == 1).mean(), (tokens >= 2).mean()]
    wanted = torch.softmax(torch.tensor([0.0, 0.5, 1.0]), 0).tolist()
    assert shares == pytest.approx(wanted, abs=0.02)


def test_a_model_without_anything_between_its_codes_is_refused():
    with pytest.raises(InputError, match="latent vq has nothing between two codes"):
        Decoder(MelodyVAE(MelodyVAEConfig(width=16, latent_size=32, latent="vq")).eval())


def test_latents_that_cannot_be_are_refused(decoder):
    for bad in (np.zeros((1, 15)), np.zeros(16), np.full((1, 16), np.nan)):
        with pytest.raises(ValueError, match="expected finite latents"):
            decoder.decode(bad)


def test_the_envelope_refuses_another_shape():
    double = Graphed(lambda x: 2 * x)
    assert double(torch.ones(3)).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="as in the first call"):
        double(torch.ones(4))


def test_tracing_changes_nothing_and_what_cannot_be_traced_stays_as_it_is(decoder):
    model, z = decoder.model, torch.randn(1, 16)

    def pitch(model, z):
        return model.logits(z).pitch.argmax(-1)

    def drawn(model, z):  # another result each time
        return z + torch.rand(())

    traced = trace(pitch, model, [z])
    assert torch.equal(traced(z), pitch(model, z)) and isinstance(traced, torch.jit.ScriptModule)
    assert not isinstance(trace(drawn, model, [z]), torch.jit.ScriptModule)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use (CUDA)")
def test_a_graph_gives_what_the_function_gives():
    model = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval()
    z = np.random.default_rng(0).normal(size=(5, 2, 16)).astype(np.float32)
    wanted = [Decoder(model, seed=1).decode(each, 0.7) for each in z]
    on_gpu = Decoder(model.to("cuda"), seed=1)
    found = [on_gpu.decode(each, 0.7) for each in z]
    assert np.mean(np.array(found) == np.array(wanted)) > 0.99  # sums are rounded in another order


def test_what_a_graph_captures_never_leaves_the_gpu():
    """On tensors without contents, for which no GPU is needed: reading a value, or a tensor elsewhere, is an error.

    A graph can be captured across neither.
    """
    with FakeTensorMode(), torch.device("cuda"), torch.no_grad():
        model = MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval()
        noise = [torch.zeros(2, 32, count) for count in (3, model.config.pitches)]
        with Seen() as seen:
            found = decoded(model, noise, torch.zeros(2, 16), torch.zeros(()))
    assert found.shape == (2, 32) and found.device.type == "cuda"
    assert len(seen.devices) > 10 and set.union(*seen.devices.values()) == {"cuda"}
    loose = [name for each in model.modules() for name, value in vars(each).items() if isinstance(value, torch.Tensor)]
    assert loose == []  # all else goes along when the model is moved to another device


def test_one_thread_meanwhile_and_as_many_as_before_afterwards():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with one_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


MELODIES = st.lists(st.tuples(st.integers(0, 31), st.integers(1, 8), st.integers(0, 127)), min_size=1, max_size=20).map(
    lambda notes: Melody.from_notes([(s, s + d, p) for s, d, p in notes], bars=2)
)


@given(MELODIES, st.floats(0, 1))
def test_thinning_keeps_the_strongest(melody, share):
    before, after = melody.notes(), thin(melody, share).notes()
    assert set(after) <= set(before) and len(after) == int(np.ceil(share * len(before) - 1e-9))
    left_out = {start for start, _, _ in set(before) - set(after)}
    strong = strength((4, 4))
    assert max((strong[s % 16] for s in left_out), default=0) <= min((strong[n[0] % 16] for n in after), default=9)


@given(MELODIES, st.integers(-3, 3))
def test_octaves_keep_the_pitch_class_and_the_range(melody, octaves):
    for (_, _, before), (_, _, after) in zip(melody.notes(), to_octave(melody, octaves).notes(), strict=True):
        assert 0 <= after <= 127 and (after - before) % 12 == 0
        if 0 <= before + 12 * octaves <= 127:
            assert after == before + 12 * octaves


def test_keys():
    assert [p for _, _, p in in_key(A, "C:maj").notes()] == [60, 60, 62, 64, 64, 65, 67, 67]


def test_auto_is_the_key_of_the_first_melody(decoder):
    g_major = Melody.from_notes([(2 * k, 2 * k + 2, p) for k, p in enumerate((67, 69, 71, 72, 74, 76, 78, 79) * 2)])
    mixer = Mixer(decoder, [g_major, replace(A, name="x")])
    mixer.set("key", "auto")
    mixer.set("position", 1.0)
    assert all(pitch % 12 in {7, 9, 11, 0, 2, 4, 6} for _, _, pitch in mixer.melody().notes())


def test_places_are_apart():
    for count in range(1, 9):
        places = spread(count)
        assert len(set(places)) == count and all(0 <= p.x <= 1 and 0 <= p.y <= 1 for p in places)


@pytest.mark.parametrize("name", ["tempo", "follow", "x" * 100_000])
def test_a_value_of_any_length_is_refused_in_a_line_of_a_screen(name):
    with pytest.raises(InputError, match="expected") as caught:
        find(name).check("y" * 100_000)
    assert len(str(caught.value).rpartition("found")[2]) <= 61
