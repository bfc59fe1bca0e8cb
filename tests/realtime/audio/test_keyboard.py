"""MIDI messages to an instrument: a wheel and its range, MPE zones, slides, pedals."""

from __future__ import annotations

import numpy as np
import pytest
from toy_sounds import played, small_model

from audiovq.sound.morph import encode
from realtime.audio.keyboard import Keyboard
from realtime.audio.sound_instrument import SoundInstrument


class Heard:
    """An instrument that keeps what it was told of each channel."""

    def __init__(self) -> None:
        self.bends, self.presses, self.slides = ({} for _ in range(3))
        self.notes: list[tuple[int, int]] = []

    def note_on(self, pitch: int, velocity: int, channel: int = 0) -> None:
        self.notes.append((pitch, channel))

    def note_off(self, pitch: int, channel: int = 0) -> None:
        self.notes.remove((pitch, channel))

    def bend(self, semitones: float, channel: int = 0) -> None:
        self.bends[channel] = semitones

    def pressure(self, share: float, channel: int = 0) -> None:
        self.presses[channel] = share

    def brighten(self, decibels: float, channel: int = 0) -> None:
        self.slides[channel] = decibels

    def panic(self) -> None:
        self.notes.clear()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def keyboard(heard: Heard) -> Keyboard:
    return Keyboard(heard)


def rpn(keyboard: Keyboard, channel: int, number: int, value: int, cents: int | None = None) -> None:
    for control, byte in ((101, 0), (100, number), (6, value), *([] if cents is None else [(38, cents)])):
        keyboard.play(0xB0 | channel, control, byte)


def wheel(keyboard: Keyboard, channel: int, share: float) -> None:
    value = min(round(8192 * (1 + share)), 16383)
    keyboard.play(0xE0 | channel, value & 127, value >> 7)


def test_a_wheel_reaches_as_far_as_it_was_told(keyboard: Keyboard, heard: Heard) -> None:
    wheel(keyboard, 3, -0.5)
    assert heard.bends == {3: -1.0}
    rpn(keyboard, 3, 0, 12, 50)
    assert heard.bends == {3: -6.25}
    rpn(keyboard, 3, 0x7F, 1)  # some other parameter
    rpn(keyboard, 4, 0, 24)
    assert heard.bends[3] == -6.25 and heard.bends[4] == 0.0


@pytest.mark.parametrize(("channel", "members"), [(0, [1, 2, 3]), (15, [12, 13, 14])])
def test_members_of_a_zone_bend_for_themselves_and_with_their_master(
    channel: int, members: list[int], keyboard: Keyboard, heard: Heard
) -> None:
    rpn(keyboard, channel, 6, 3)
    wheel(keyboard, members[0], 0.5)
    assert heard.bends[members[0]] == 24.0
    wheel(keyboard, channel, -1.0)
    assert [heard.bends[each] for each in members] == [22.0, -2.0, -2.0]
    outside = 8
    wheel(keyboard, outside, 0.5)
    assert heard.bends[outside] == 1.0
    rpn(keyboard, members[1], 0, 12)  # one is told, all have it
    assert [heard.bends[each] for each in members] == [4.0, -2.0, -2.0]
    rpn(keyboard, channel, 6, 0)
    assert keyboard.zones == []
    assert heard.bends[members[1]] == 0.0


def test_a_new_zone_takes_what_it_needs_of_the_other(keyboard: Keyboard) -> None:
    rpn(keyboard, 0, 6, 10)
    rpn(keyboard, 15, 6, 7)
    assert {(each.upper, each.members) for each in keyboard.zones} == {(False, 7), (True, 7)}
    rpn(keyboard, 0, 6, 15)
    assert [(each.upper, each.members) for each in keyboard.zones] == [(False, 15)]


def test_pressure_and_slide_of_member_and_master_add_up(keyboard: Keyboard, heard: Heard) -> None:
    rpn(keyboard, 0, 6, 2)
    keyboard.play(0xD1, 64, 0)
    keyboard.play(0xD0, 127, 0)
    assert heard.presses[1] == heard.presses[2] == 1.0
    keyboard.play(0xB2, 74, 127)
    assert heard.slides[2] == 6.0 and heard.slides.get(1, 0.0) == 0.0
    keyboard.play(0xB0, 74, 0)
    assert heard.slides[1] == -6.0 and heard.slides[2] == 0.0


def test_the_pedal_of_the_master_holds_all_members(keyboard: Keyboard, heard: Heard) -> None:
    rpn(keyboard, 0, 6, 15)
    keyboard.play(0xB0, 64, 127)
    for channel in (1, 2):
        keyboard.play(0x90 | channel, 60, 100)
        keyboard.play(0x80 | channel, 60, 0)
    keyboard.play(0xB1, 64, 127)
    keyboard.play(0xB0, 64, 0)
    assert heard.notes == [(60, 1)]
    keyboard.play(0xB1, 64, 0)
    assert heard.notes == []


def test_notes_of_one_pitch_bend_and_shine_apart() -> None:
    """Through the model: a fifth between the two voices, and one of them brighter."""
    model = small_model()
    instrument = SoundInstrument(model, [encode(model, played(220.0, 0.3))], voices=2)
    keyboard = Keyboard(instrument)
    rpn(keyboard, 0, 6, 15)
    asked: list[tuple[list[float], list[float]]] = []
    plain = model.decode_step

    def decode_step(sound, state, colour):
        asked.append((sound.controls.pitch[:, 0].tolist(), [each.brightness for each in colour]))
        return plain(sound, state, colour)

    instrument.model = type("Asked", (), {"decode_step": staticmethod(decode_step), "config": model.config})()
    for channel in (1, 2):
        keyboard.play(0x90 | channel, 60, 100)
    wheel(keyboard, 2, 7 / 48)
    keyboard.play(0xB1, 74, 127)
    sound = instrument.render(model.config.hop * 60)
    pitches, brightness = asked[-1]
    assert 12 * np.log2(pitches[1] / pitches[0]) == pytest.approx(7.0, abs=0.1)
    assert brightness == pytest.approx([6.0, 0.0], abs=0.3)
    assert np.abs(sound).max() > 1e-4
