"""The kit that is played block by block."""

from __future__ import annotations

import numpy as np

from midi_vae.audio.drum_kit import SHOTS, DrumKit, WithKit
from midi_vae.audio.synthesizer import BuiltInSynth, blocks
from midi_vae.drums.kit import GENERAL_MIDI

RATE = 48000


def heard(kit: DrumKit, seconds: float, block: int = 64) -> np.ndarray:
    return np.concatenate([kit.render(block) for _ in range(round(seconds * RATE / block))])


def test_blocks_of_any_size_give_the_same_sound_and_every_drum_ends():
    sounds = []
    for block in (64, 480):
        kit = DrumKit(RATE)
        for notes in GENERAL_MIDI.notes:
            kit.strike(notes[-1], 100)
        sounds.append(heard(kit, 1.5, block))
        assert not kit.render(64).any()
    length = min(map(len, sounds))
    assert np.array_equal(sounds[0][:length], sounds[1][:length])


def test_harder_is_louder_and_what_is_no_drum_is_silent():
    levels = []
    for velocity in (0, 30, 127):
        kit = DrumKit(RATE)
        kit.strike(38, velocity)
        kit.strike(75, velocity)  # claves
        levels.append(float(np.abs(heard(kit, 0.5)).max()))
    assert levels[0] == 0.0 and 0.0 < levels[1] < levels[2] / 4


def test_an_open_hat_is_closed_and_a_flood_stays_within_bounds():
    kit = DrumKit(RATE)
    kit.strike(46, 127)
    kit.strike(42, 1)
    closed = heard(kit, 0.2)
    assert np.abs(closed[RATE // 20 :]).max() < 0.01
    for _ in range(1000):
        kit.strike(49, 127)
    assert np.isfinite(heard(kit, 0.1)).all() and len(kit._shots) <= SHOTS
    kit.panic()
    assert not heard(kit, 0.2)[RATE // 10 :].any()


def test_notes_and_drums_together_stay_within_full_scale_and_on_their_time():
    synth = WithKit(BuiltInSynth(RATE), RATE)
    drums = [(0.5, 36, 127), (0.5, 38, 127), (0.5, 49, 127)]
    sound = np.concatenate(list(blocks([(1.0, 1.5, 60, 127)], RATE, 0, synth, drums)), axis=1)
    assert not sound[:, : RATE // 2].any() and np.abs(sound).max() <= 1.0
    assert np.abs(sound[:, RATE // 2 : RATE // 2 + 200]).max() > 0.1
