"""Even ways are found while the music plays, and only while anybody wants them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest
import torch

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.melody import Melody
from midi_vae.travel import even_travel
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import Explorer, all_asides, charted
from realtime.music.mixer import Mixer

A = Melody.from_notes([(4 * k, 4 * k + 3, 60 + k) for k in range(8)])
B = Melody.from_notes([(2 * k, 2 * k + 2, 72 - k) for k in range(16)])
C = Melody.from_notes([(8 * k, 8 * k + 8, 48 + 2 * k) for k in range(4)])


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder(MelodyVAE(MelodyVAEConfig(width=16, latent_size=16)).eval(), seed=1)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def test_an_aside_is_what_leads_off_the_straight_line(decoder: Decoder) -> None:
    coded = decoder.encode([A, B])
    aside = decoder.aside(*coded.latents)
    assert aside.shape == (9, 1, 16)
    assert not aside[[0, -1]].any()
    middle = even_travel(decoder.model, *(torch.from_numpy(z) for z in coded.latents)).at(0.5).numpy()
    np.testing.assert_allclose(coded.latents.mean(0) + aside[4], middle, atol=1e-6)


def test_ways_between_all_melodies_are_found_and_the_one_that_is_heard_is_told_of(decoder: Decoder) -> None:
    mixer, lock, renewed = Mixer(decoder, [A, B, C]), threading.RLock(), threading.Event()
    mixer.set("position", 0.2)
    explorer = Explorer(mixer, lock, renewed.set, pytest.fail)
    explorer.start()
    try:
        until(lambda: len(mixer.asides) == 3)
        assert renewed.is_set()
        expected = all_asides(decoder, mixer.coded)
        for pair, way in mixer.asides.items():
            np.testing.assert_allclose(way, expected[pair], atol=1e-6)
        with lock:
            mixer.load(1, C)
            assert not mixer.asides
        explorer.look()
        until(lambda: len(mixer.asides) == 3)
    finally:
        explorer.close()


def test_a_plane_is_charted_where_the_puck_moves_over_it(decoder: Decoder) -> None:
    mixer, lock, renewed = Mixer(decoder, [A, B, C]), threading.RLock(), threading.Event()
    explorer = Explorer(mixer, lock, renewed.set, pytest.fail)
    explorer.start()
    try:
        until(lambda: len(mixer.asides) == 3)
        assert not mixer.charts and not mixer.is_uncharted  # the position goes by ways
        with lock:
            mixer.move({"x": 0.4, "y": 0.6})
        assert mixer.is_uncharted
        straight = mixer.latent()
        renewed.clear()
        explorer.look()
        until(lambda: not mixer.is_uncharted)
        assert renewed.wait(60)
        expected = charted(mixer, tuple(mixer.places))
        np.testing.assert_allclose(mixer.charts[tuple(mixer.places)], expected, atol=1e-6)
        assert mixer.latent().shape == straight.shape and not np.allclose(mixer.latent(), straight)
        with lock:
            mixer.place(0, 0.3, 0.3)
        assert mixer.is_uncharted  # another plane
        explorer.look()
        until(lambda: not mixer.is_uncharted)
    finally:
        explorer.close()


def test_rhythm_and_pitch_are_the_sides_of_the_pad(decoder: Decoder) -> None:
    mixer = Mixer(decoder, [A, B, C])
    mixer.move({"axes": "rhythm-pitch", "x": 0.0, "y": 0.5})
    assert mixer.plane == () and mixer.weights().tolist() == [0.75, 0.25, 0.0]
    mixer.charts = {(): charted(mixer, ())}
    np.testing.assert_allclose(mixer.latent(), mixer.charts[()][4, 0], atol=1e-6)
    mixer.move({"x": 1.0, "y": 1.0})
    assert mixer.melody().notes() == B.notes()
    mixer.set("axes", "melodies")
    assert mixer.plane == tuple(mixer.places)
    rest = Melody.from_notes([(0, 1, 60)], bars=2)
    silent = Mixer(decoder, [Melody(np.zeros(32, np.int16)), rest])
    silent.move({"axes": "rhythm-pitch", "x": 0.2, "y": 0.9})
    assert charted(silent, ()) is None
    silent.charts = {(): None}
    assert not silent.is_uncharted and len(silent.melody().tokens) == 32


def test_along_arcs_nothing_is_searched(decoder: Decoder) -> None:
    mixer = Mixer(decoder, [A, B], spherical=True)
    explorer = Explorer(mixer, threading.RLock(), lambda: None, pytest.fail)
    explorer.start()
    explorer.close()
    assert not mixer.asides
