from __future__ import annotations

import numpy as np
import pytest
from virtual_players import A, B

from realtime.engine.loading import PendingDecoder
from realtime.music.mixer import Mixer
from realtime.music.timbre_mixer import TimbreMixer


@pytest.fixture
def mixer() -> Mixer:
    return Mixer(PendingDecoder(()), [A, B])


def test_it_follows_the_melodies_until_it_has_a_puck_of_its_own(mixer):
    timbre = TimbreMixer(mixer, 2)
    assert timbre.renewed().tolist() == [1.0, 0.0]  # told once, whatever it is
    assert timbre.renewed() is None
    mixer.set("position", 0.25)
    assert timbre.renewed().tolist() == [0.75, 0.25]
    mixer.set("sound.position", 1.0)
    assert timbre.renewed() is None  # it follows
    mixer.set("sound.follow", False)
    assert timbre.renewed().tolist() == [0.0, 1.0]
    mixer.set("position", 0.5)
    assert timbre.renewed() is None  # the melodies go their own way
    mixer.set("sound.x", 0.0)
    assert mixer.values["sound.pad"] is True and timbre.renewed().tolist() == [1.0, 0.0]
    mixer.set("sound.position", 0.5)
    assert mixer.values["sound.pad"] is False and timbre.renewed().tolist() == [0.5, 0.5]


def test_no_move_of_the_timbre_asks_for_another_melody(mixer):
    moves = {"sound.follow": False, "sound.position": 0.7, "sound.x": 0.2, "sound.y": 0.9, "sound.pad": True}
    assert not mixer.move(moves)


def test_a_melody_that_is_held_holds_the_timbre_that_follows_it_alone(mixer):
    timbre = TimbreMixer(mixer, 2)
    timbre.renewed()
    mixer.move({"hold": True, "position": 1.0})
    assert timbre.renewed() is None
    mixer.move({"sound.follow": False, "sound.position": 0.5})
    assert timbre.renewed().tolist() == [0.5, 0.5]


def test_whoever_asks_while_it_is_held_is_told_what_is_heard(mixer):
    """As somebody who takes it home then."""
    mixer.move({"position": 0.25})
    mixer.move({"position": 0.5, "hold": True})  # of which no melody was made
    mixer.move({"position": 1.0})
    assert TimbreMixer(mixer, 2).weights().tolist() == [0.75, 0.25]
    assert mixer.weights().tolist() == [0.0, 1.0]
    mixer.remove(1)
    assert TimbreMixer(mixer, 1).weights().tolist() == [1.0]
    mixer.move({"hold": False})
    assert TimbreMixer(mixer, 2).weights().tolist() == [1.0, 0.0]


def test_as_many_sounds_as_there_are_share_the_way_of_the_melodies(mixer):
    mixer.set("position", 0.5)
    assert TimbreMixer(mixer, 3).weights().tolist() == [0.0, 1.0, 0.0]
    assert TimbreMixer(mixer, 1).weights().tolist() == [1.0]
    np.testing.assert_allclose(TimbreMixer(mixer, 5).weights().sum(), 1.0)
