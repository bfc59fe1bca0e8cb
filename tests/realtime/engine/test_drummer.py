"""Drums beside melodies: mixed by the same shares or by their own, laid in the same bars, told when they change."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from virtual_players import EngineBench, small_model, wait_for

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, KICK, read_kit
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from midi_vae.music.melody import Melody
from realtime.engine.drummer import Drummer, Drums
from realtime.engine.loading import PendingDecoder
from realtime.music.drum_layer import DrumHit, DrumPattern
from realtime.music.mixer import Mixer
from realtime.music.parameters import ATTRIBUTES

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BACKBEAT, TOMS = EXAMPLES / "drums" / "backbeat.mid", EXAMPLES / "drums" / "toms.mid"


A = Melody.from_notes([(2 * k, 2 * k + 2, 60 + k) for k in range(16)])
B = Melody.from_notes([(4 * k, 4 * k + 4, 80 - k) for k in range(8)], tempo=90)


@pytest.fixture(scope="module")
def model() -> GrooveVAE:
    return GrooveVAE.from_pretrained()


def drummer_of(model: GrooveVAE, mixer: Mixer, *paths: Path) -> Drummer:
    """A drummer of files, ready, and the patterns that it tells."""
    told: list[DrumPattern] = []
    drummer = Drummer(Drums([read_drums(path).excerpt() for path in paths], lambda: model), mixer, told.append)
    drummer.told = told
    drummer.prepare_at_once()
    return drummer


@pytest.fixture(scope="module")
def mixer() -> Mixer:
    return Mixer(PendingDecoder(ATTRIBUTES), [A, B])


@pytest.fixture(scope="module")
def drummer(model: GrooveVAE, mixer: Mixer) -> Drummer:
    return drummer_of(model, mixer, BACKBEAT, TOMS)


def test_a_groove_alone_is_itself_and_half_way_is_a_mix(drummer: Drummer, mixer: Mixer):
    found = []
    for share in (0.0, 0.5, 1.0):
        mixer.set("position", share)
        found.append(drummer.mixer.groove())
    first, middle, last = found
    assert first == read_drums(BACKBEAT).excerpt()
    assert np.array_equal(last.velocities, read_drums(TOMS).excerpt().velocities)
    counts = [int(each.hits.sum()) for each in (first, middle, last)]
    assert abs(counts[1] - (counts[0] + counts[2]) / 2) <= 2 and not np.array_equal(middle.hits, first.hits)


def test_a_mix_goes_over_evenly_from_one_end_to_the_other(drummer: Drummer, mixer: Mixer):
    hits = []
    for share in np.linspace(0.0, 1.0, 9):
        mixer.set("position", float(share))
        hits.append(drummer.mixer.groove().hits)
    apart = int((hits[0] ^ hits[-1]).sum())
    assert max(int((a ^ b).sum()) for a, b in pairwise(hits)) <= apart / 4
    assert all(each[:16, KICK].any() and each[16:, KICK].any() for each in hits)


def test_only_another_mix_is_told(drummer: Drummer, mixer: Mixer):
    mixer.set("position", 0.25)
    drummer.renew()
    drummer.told.clear()
    drummer.renew()
    mixer.set("octave", 1)
    drummer.renew()
    assert drummer.told == []
    mixer.set("hold", True)
    mixer.set("position", 0.75)
    drummer.renew()
    assert drummer.told == []
    mixer.set("hold", False)
    drummer.renew()
    assert len(drummer.told) == 1 and drummer.told[0].version == drummer.pattern.version


def test_a_puck_of_their_own_and_how_hard_they_are_struck(drummer: Drummer, mixer: Mixer):
    mixer.set("position", 0.0)
    mixer.set("drums.position", 1.0)
    assert drummer.mixer.groove() == read_drums(BACKBEAT).excerpt()  # they follow
    mixer.set("drums.follow", False)
    full = drummer.mixer.pattern(1)
    toms = read_drums(TOMS).excerpt()
    assert [[hit.velocity for hit in hits] for hits in full.steps] == [
        [velocity for velocity in row if velocity] for row in toms.velocities.tolist()
    ]
    mixer.set("drums.level", 0.5)
    loudest = max(hit.velocity for hits in drummer.mixer.pattern(1).steps for hit in hits)
    assert loudest == round(0.5 * max(hit.velocity for hits in full.steps for hit in hits))
    mixer.set("drums.level", 0.0)
    assert not any(drummer.mixer.pattern(1).steps)
    mixer.set("drums.level", 1.0)
    mixer.set("drums.follow", True)


def test_drums_are_laid_in_the_bars_of_the_melodies(model: GrooveVAE):
    waltz = Melody.from_notes([(4 * k, 4 * k + 4, 60 + k) for k in range(6)], metre=(3, 4))
    mixer = Mixer(PendingDecoder(ATTRIBUTES), [waltz, waltz])
    drummer = drummer_of(model, mixer, BACKBEAT, TOMS)
    groove = drummer.mixer.groove()
    assert groove.metre == (3, 4) and np.array_equal(groove.hits[:12], read_drums(BACKBEAT).excerpt().hits[:12])
    mixer.load(0, A)
    drummer.mixer.fit()
    assert drummer.mixer.groove() == read_drums(BACKBEAT).excerpt()
    mixer.set("position", 0.5)
    assert drummer.mixer.groove().bars == 2


@pytest.mark.parametrize("count", [1, 3])
def test_as_many_drums_as_there_are(model: GrooveVAE, count: int):
    mixer = Mixer(PendingDecoder(ATTRIBUTES), [A, B])
    mixing = drummer_of(model, mixer, *[BACKBEAT, TOMS, BACKBEAT][:count]).mixer
    mixer.set("position", 0.5)
    assert mixing.weights().tolist() == ([1.0] if count == 1 else [0.0, 1.0, 0.0])


def test_an_engine_drums_before_the_model_is_there_and_then_on_even_ways(model: GrooveVAE):
    gate, bench = threading.Event(), EngineBench()

    def load() -> GrooveVAE:
        gate.wait()
        return model

    engine = bench.open(small_model(), drums=Drums([read_drums(path).excerpt() for path in (BACKBEAT, TOMS)], load))
    told: list[DrumPattern] = []
    engine.on_drums(told.append)
    try:
        first = engine.drum_pattern
        engine.set("position", 0.6)  # the nearest meanwhile
        wait_for(lambda: told and engine.drum_pattern.steps == as_steps(read_drums(TOMS).excerpt()))
        gate.set()
        wait_for(lambda: engine.drum_pattern.steps not in (first.steps, as_steps(read_drums(TOMS).excerpt())))
        alone = drummer_of(model, engine.mixer, BACKBEAT, TOMS)
        wait_for(lambda: engine.drum_pattern.steps == alone.mixer.pattern(1).steps)  # as rendering has it
        engine.start()
        bench.go_on(2.0)
        assert {message.channel for _, message in bench.sent if message.type == "note_on"} == {0, 9}
    finally:
        gate.set()
        engine.close()


def as_steps(groove: Groove) -> tuple[tuple[DrumHit, ...], ...]:
    """As the player takes them."""
    rows = zip(groove.velocities.tolist(), groove.lateness.tolist(), strict=True)
    return tuple(
        tuple(DrumHit(GENERAL_MIDI.note_of(at), v[at], late[at]) for at in range(len(v)) if v[at]) for v, late in rows
    )


def test_a_kit_says_what_its_notes_are_in_general_midi(tmp_path: Path):
    (tmp_path / "kit.toml").write_text("kick = [60, 36]\n")
    notes = read_kit(tmp_path / "kit.toml").general_notes()
    assert notes[60] == 36 and notes[38] == 38 and 36 not in notes
