"""Drums beside melodies: mixed by the same shares or by their own, laid in the same bars, told when they change."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from midi_vae.drums.kit import KICK
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from midi_vae.music.melody import Melody
from realtime.engine.drummer import Drummer, Drums
from realtime.engine.loading import PendingDecoder
from realtime.music.drum_layer import DrumPattern
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
