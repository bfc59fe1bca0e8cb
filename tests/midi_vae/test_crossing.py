"""The rhythm of one melody with the pitches of another: with the shipped model on tunes of our own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from midi_vae import InputError, MelodyVAE
from midi_vae.crossing import blend_apart, crossed, crossed_windows, plane, to_lines
from midi_vae.interpolation import codes, melodies_at
from midi_vae.music.melody import ONSET, Melody

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture(scope="module")
def model() -> MelodyVAE:
    return MelodyVAE.from_pretrained()


@pytest.fixture(scope="module")
def tunes() -> list[Melody]:
    return [Melody.from_midi(EXAMPLES / f"{name}.mid", bars=4) for name in ("lively", "lyrical")]


def test_onsets_are_of_one_and_pitches_of_the_other(model: MelodyVAE, tunes: list[Melody]):
    for rhythm, pitch in (tunes, tunes[::-1]):
        made = crossed(model, rhythm, pitch)
        ours, theirs = made.tokens >= ONSET, rhythm.tokens >= ONSET
        assert (ours & theirs).sum() >= 0.95 * theirs.sum() and (ours & ~theirs).sum() <= 1
        lines = [to_lines(each).reshape(-1)[: len(made.tokens)][ours].astype(float) for each in (made, pitch)]
        assert np.corrcoef(*lines)[0, 1] > 0.9
        assert (made.metre, made.tempo, made.program) == (rhythm.metre, rhythm.tempo, rhythm.program)


def test_the_latent_has_a_group_for_rhythm_and_one_for_pitch(model: MelodyVAE, tunes: list[Melody]):
    a, b = codes(model, tunes)
    for rhythm, pitch, first, second in ((a, b, *tunes), (b, a, *tunes[::-1])):
        (made,) = melodies_at(model, model.join(rhythm, pitch)[None], first)
        ours, theirs = made.tokens >= ONSET, first.tokens >= ONSET
        assert (ours & theirs).sum() >= 0.95 * theirs.sum() and (ours & ~theirs).sum() <= 1
        lines = [to_lines(each).reshape(-1)[ours].astype(float) for each in (made, second)]
        assert np.corrcoef(*lines)[0, 1] > 0.9
    with pytest.raises(InputError, match="one shape"):
        model.join(a, b[:1])


def test_rhythms_and_pitches_are_blended_by_weights_of_their_own(model: MelodyVAE, tunes: list[Melody]):
    made = blend_apart(model, tunes, [1, 0], [0, 1])
    assert np.array_equal(made.tokens, crossed(model, *tunes).tokens)
    kept = blend_apart(model, tunes, [1, 0], [1, 2])
    assert np.array_equal(kept.tokens >= ONSET, tunes[0].tokens >= ONSET)
    assert (kept.metre, kept.tempo, kept.program) == (tunes[0].metre, tunes[0].tempo, tunes[0].program)
    with pytest.raises(InputError, match="expected 2 weights"):
        blend_apart(model, tunes, [1, 0], [1, 0, 0])


def test_every_pitch_is_one_that_the_other_has_while_the_note_lasts(model: MelodyVAE):
    rhythm = Melody.from_notes([(0, 8, 40), (8, 16, 40), (20, 32, 40)], bars=2)
    pitch = Melody.from_notes([(0, 4, 60), (4, 12, 64), (12, 20, 67), (20, 32, 72)], bars=2)
    notes = Melody(crossed_windows(model, rhythm, pitch)[0]).notes()
    assert [note[:2] for note in notes] == [note[:2] for note in rhythm.notes()]
    assert notes[0][2] in (60, 64) and notes[1][2] in (64, 67) and notes[2][2] == 72


def test_a_melody_crossed_with_itself_stays(model: MelodyVAE, tunes: list[Melody]):
    assert np.array_equal(Melody(crossed_windows(model, tunes[0], tunes[0]).reshape(-1)).tokens, tunes[0].tokens)


def test_the_plane_has_rhythm_along_one_side_and_pitch_along_the_other(model: MelodyVAE, tunes: list[Melody]):
    made = plane(model, *tunes, 2, 3)
    assert made[0][0] == tunes[0] and np.array_equal(made[-1][-1].tokens, tunes[1].tokens)
    assert np.array_equal(made[0][-1].tokens >= ONSET, tunes[1].tokens >= ONSET)
    assert np.array_equal(made[-1][0].tokens >= ONSET, tunes[0].tokens >= ONSET)


def test_a_melody_without_notes_is_refused(model: MelodyVAE, tunes: list[Melody]):
    silent = Melody(np.zeros(32, int), name="silent")
    for pair in ((tunes[0], silent), (silent, tunes[0])):
        with pytest.raises(InputError, match="silent: expected notes"):
            crossed(model, *pair)
