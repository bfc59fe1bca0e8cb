"""The next phrase: made ahead, mixed once it is there, heard from the next beginning of the loop on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from virtual_players import PATIENCE, A, B, EngineBench, small_model, wait_for

from latentmix.errors import InputError
from midi_vae.model.conductor import Conductor, ConductorConfig
from midi_vae.vae import MelodyVAE
from realtime.engine.decoder import Decoder
from realtime.engine.phrases import make_wanted
from realtime.music.automation import parse_automation
from realtime.music.mixer import Coded, Mixer
from realtime.music.parameters import MAX_PHRASES
from realtime.music.shaping import as_pattern
from realtime.offline.render import perform
from realtime.player.messages import PlayerSetup


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> MelodyVAE:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(1)
    Conductor(ConductorConfig(latent_size=16, width=16, across=16, blocks=1)).save_pretrained(folder)
    model = small_model()
    model.folder = folder
    return model


def turned(stage: EngineBench, turn: int) -> None:
    """A phrase has reached the player."""
    sequencer = stage.handle.player.sequencer
    wait_for(lambda: (sequencer.waiting or sequencer.pattern).turn == turn)


def test_the_next_phrase_begins_with_the_loop_and_knobs_mix_it(stage: EngineBench, model: MelodyVAE) -> None:
    engine = stage.open(model)
    engine.start()
    stage.go_on(0.3)
    engine.set("next", True)
    assert engine.value("phrase") == 1
    turned(stage, 1)
    engine.set("position", 1.0)
    stage.settled()
    sequencer = stage.handle.player.sequencer
    stage.go_on(3.6)  # of 4 s that the loop takes
    assert sequencer.pattern.tokens == as_pattern(A, 0).tokens
    stage.go_on(0.3)
    assert sequencer.pattern.turn == 1 and sequencer.waiting is None
    phrase = engine.mixer.phrases[1].partners
    assert sequencer.pattern.tokens == as_pattern(phrase[1], 0).tokens != as_pattern(B, 0).tokens
    engine.set("position", 0.0)
    stage.settled()
    stage.go_on(0.3)  # at the next step: it is of the same phrase
    assert sequencer.pattern.tokens == as_pattern(phrase[0], 0).tokens
    engine.set("phrase", 0)
    turned(stage, 2)
    stage.go_on(4.0)
    assert sequencer.pattern.tokens == as_pattern(A, 0).tokens


def test_one_phrase_more_is_there_before_it_is_asked_for(stage: EngineBench, model: MelodyVAE) -> None:
    engine = stage.open(model)
    assert len(engine.mixer.phrases) == engine.mixer.phrases_wanted == 1
    engine.set("next", True)
    wait_for(lambda: len(engine.mixer.phrases) == 3)
    assert engine.mixer.coded is engine.mixer.phrases[1]
    engine.load(0, B)  # what came after is of other melodies
    wait_for(lambda: len(engine.mixer.phrases) == 3 and engine.mixer.coded is engine.mixer.phrases[1])
    assert engine.mixer.phrases[0].partners[0].notes() == B.notes()


def test_a_held_melody_stays_until_it_is_let_go(stage: EngineBench, model: MelodyVAE) -> None:
    engine = stage.open(model)
    engine.set("hold", True)
    engine.set("next", True)
    wait_for(lambda: len(engine.mixer.phrases) == 3)
    stage.settled()
    assert engine.pattern.turn == 0
    engine.set("hold", False)
    turned(stage, 1)


def test_without_a_conductor_one_line_says_so_and_the_music_goes_on(stage: EngineBench, tmp_path: Path) -> None:
    bare = small_model()
    bare.folder = tmp_path
    engine = stage.open(bare)
    engine.start()
    for _ in range(3):
        engine.set("next", True)
        stage.settled()
    wait_for(lambda: engine.snapshot().warned == 1)
    (line,) = engine.snapshot().warnings
    assert line.startswith(f"no next phrase: {tmp_path}: expected conductor.json")
    stage.go_on(1.0)
    assert stage.notes() and engine.pattern.turn == 0
    mixer = Mixer(Decoder(bare), [A, B], values={"phrase": 1})
    with pytest.raises(InputError, match=r"expected conductor\.json"):
        make_wanted(mixer)


def test_what_goes_wrong_beside_the_music_is_told_once_and_tried_again(
    stage: EngineBench, model: MelodyVAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that looks for ways or phrases does not end by it."""
    go_on = Decoder.go_on

    def fail(*_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(Decoder, "go_on", fail)
    engine = stage.open(model)
    for _ in range(2):
        engine.set("next", True)
        stage.settled()
    wait_for(lambda: engine.snapshot().warnings == ("RuntimeError: no memory",))
    monkeypatch.setattr(Decoder, "go_on", go_on)
    engine.set("next", True)
    turned(stage, 1)


def test_a_phrase_that_nobody_waits_for_any_more_is_not_made_to_its_end(
    stage: EngineBench, model: MelodyVAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of long tunes one takes minutes: other melodies, and closing, do not wait for it."""
    begun, given_up = [], []

    def long(self: Decoder, phrases: tuple[Coded, ...], check: Callable[[], object] = lambda: None) -> None:
        begun.append(phrases[0])
        end = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < end:
                check()
                time.sleep(0.001)
        except Exception:
            given_up.append(phrases[0])
            raise

    monkeypatch.setattr(Decoder, "go_on", long)
    engine = stage.open(model)
    engine.set("next", True)
    wait_for(lambda: len(begun) == 1)
    engine.load(0, B)
    wait_for(lambda: len(begun) == 2)
    engine.close()
    assert given_up == begun and engine.snapshot().warned == 0


def test_the_same_melodies_have_the_same_phrases(model: MelodyVAE) -> None:
    mixers = [Mixer(Decoder(model, seed), [A, B], values={"phrase": 3}) for seed in (1, 2)]
    for mixer in mixers:
        make_wanted(mixer)
    one, other = (mixer.coded.partners for mixer in mixers)
    assert [np.array_equal(a.tokens, b.tokens) for a, b in zip(one, other, strict=True)] == [True, True]
    assert [each.bars for each in one] == [2, 2] and one[0].name == "a"
    assert mixers[0].turn == 1 and len(mixers[0].phrases) == 4


def test_phrases_in_a_plan(model: MelodyVAE) -> None:
    """Asked for in mid-loop; one is heard from the next beginning of the loop on, and what is held stays."""
    plan = parse_automation("beat,phrase,hold,next\n0,0,0,0\n3,1,0,0\n20,1,1,1\n30,1,0,0\n40,1,0,0")
    mixer = Mixer(Decoder(model), [A, B])
    notes = perform(mixer, plan, PlayerSetup(tempo=120)).notes
    expected = [phrase.partners[0] for phrase in mixer.phrases]
    starts = [0, 8, 16, 24, 32]
    for start, melody in zip(starts, [expected[0], *[expected[1]] * 3, expected[2]], strict=True):
        found = [note.pitch for note in notes if start <= note.start_beat < start + 8]
        assert found == [pitch for _, _, pitch in melody.notes()], start
    assert len({tuple(each.tokens) for each in expected}) == 3


def test_there_are_so_many_phrases_and_no_more(model: MelodyVAE) -> None:
    mixer = Mixer(Decoder(model), [A])
    mixer.set("phrase", MAX_PHRASES + 5)
    assert mixer.values["phrase"] == MAX_PHRASES - 1 and mixer.phrases_wanted == MAX_PHRASES
