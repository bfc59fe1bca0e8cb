"""Melodies longer than a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from melody_models import random_model

from latentmix.errors import InputError
from midi_vae import Melody, long_form
from midi_vae.long_form import MAX_BARS, compose, followed, form, go_on, in_form_of, next_phrase, windows_after
from midi_vae.model.conductor import PLACES, Conductor, ConductorConfig, Past
from midi_vae.music.melody import ONSET
from midi_vae.music.windows import to_windows
from midi_vae.vae import MelodyVAE

MODEL = random_model()


def random_conductor(nearest: bool = False) -> Conductor:
    torch.manual_seed(1)
    config = ConductorConfig(MODEL.config.latent_size, width=16, across=16, blocks=1, nearest=nearest)
    conductor = Conductor(config).eval()
    with torch.no_grad():
        conductor.context.leave[1].weight.mul_(20.0)
        conductor.head[1].weight.mul_(5.0)
    return conductor


def tune(bars: int, seed: int = 0, metre: tuple[int, int] = (4, 4)) -> Melody:
    generator = np.random.default_rng(seed)
    size = 16 * metre[0] // metre[1]
    notes = [(step, step + 2, int(generator.integers(55, 80))) for step in range(0, bars * size, 2)]
    return Melody.from_notes(notes, bars, metre)


@pytest.mark.parametrize(("bars", "metre"), [(1, (4, 4)), (2, (4, 4)), (7, (3, 4)), (5, (12, 8)), (9, (2, 4))])
def test_a_melody_goes_on_for_as_many_bars_as_wanted_in_its_metre(bars: int, metre: tuple[int, int]) -> None:
    for before in (1, 2, 3, 5):
        melody = tune(before, metre=metre)
        (made,) = go_on(MODEL, random_conductor(), melody, bars, seed=1)
        assert (made.bars, made.metre) == (bars, metre)
        whole = followed(melody, made)
        assert whole.bars == before + bars
        np.testing.assert_array_equal(whole.tokens[: len(melody.tokens)], melody.tokens)


def test_the_most_bars_are_made_after_a_bar_that_is_left_over_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_form, "MAX_BARS", 3)
    (made,) = go_on(MODEL, random_conductor(), tune(1), 3, seed=1)
    assert made.bars == 3
    with pytest.raises(InputError, match="found 4"):
        go_on(MODEL, random_conductor(), tune(2), 4)


def test_of_several_openings_the_middle_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each tune by itself, over all windows that open it, and nothing is drawn more than once after them."""
    drawn: list[torch.Tensor] = []
    nats: list[torch.Tensor] = []
    sample, judge = Conductor.sample, Conductor.nats_a_step

    def noted(self: Conductor, *args: Any) -> torch.Tensor:
        drawn.append(sample(self, *args))
        return drawn[-1]

    def judged(self: Conductor, *args: Any) -> torch.Tensor:
        nats.append(judge(self, *args))
        return nats[-1]

    monkeypatch.setattr(Conductor, "sample", noted)
    monkeypatch.setattr(Conductor, "nats_a_step", judged)
    conductor, many = random_conductor(), long_form.OPENINGS
    z = windows_after(MODEL, conductor, np.zeros((2, 0, 32), np.int64), long_form.OPENING + 2, seed=1)
    assert [len(each) for each in drawn] == [2 * many] * long_form.OPENING + [2, 2]
    middle = torch.stack(nats[: long_form.OPENING]).mean(0).view(2, many).argsort(1)[:, many // 2]
    for window in range(long_form.OPENING):
        heard = drawn[window].view(2, many, 32)[torch.arange(2), middle]
        torch.testing.assert_close(z[:, window], MODEL.invert_windows(heard.numpy()))
    drawn.clear()
    go_on(MODEL, conductor, tune(6), 4, seed=1)  # three windows are there, one more opens
    assert [len(each) for each in drawn] == [many, 1]
    drawn.clear()
    go_on(MODEL, conductor, tune(2), 4, temperature=0.0)
    assert [len(each) for each in drawn] == [1, 1]


def test_what_is_drawn_leans_towards_the_key_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each tune its own; where there is no note yet, towards none."""
    conductor = random_conductor()
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72]).repeat(4)
    rows = np.where(np.arange(32) % 4 == 0, scale + ONSET, 0)
    before = np.stack([rows, rows + (rows >= ONSET), 0 * rows])[:, None]  # C major, D flat major, and a rest
    drawn: list[torch.Tensor] = []
    sample = Conductor.sample

    def noted(self: Conductor, *args: Any) -> torch.Tensor:
        drawn.append(sample(self, *args))
        return drawn[-1]

    monkeypatch.setattr(Conductor, "sample", noted)
    monkeypatch.setattr(long_form, "OUT_OF_KEY", -1e4)
    windows_after(MODEL, conductor, before, 1, seed=3)
    found = drawn[0].view(3, long_form.OPENINGS, -1)
    classes = [set(((row[row >= ONSET] - ONSET) % 12).tolist()) for row in found]
    assert classes[0] == {0, 2, 4, 5, 7, 9, 11} and classes[1] == {1, 3, 5, 6, 8, 10, 0} and len(classes[2]) == 12


def test_how_unlikely_a_window_is() -> None:
    """The mean of its steps, each given those before it."""
    conductor = random_conductor()
    size = MODEL.config.latent_size
    past = Past(torch.zeros(3, 4, size), torch.zeros(3, 4, dtype=torch.bool), torch.zeros(3).long(), torch.ones(3) > 0)
    tokens = conductor.sample(past, 1.0, torch.Generator().manual_seed(0), 1.0)
    symbols = torch.where(tokens >= ONSET, tokens - conductor.config.lowest_pitch, tokens)
    p = torch.softmax(conductor(symbols, conductor.told(past)), 2).gather(2, symbols[..., None])
    torch.testing.assert_close(conductor.nats_a_step(tokens, past), -p.log().mean((1, 2)))


def test_a_melody_without_a_note_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar alone is often the rest before an upbeat."""
    conductor, decoded, calls = random_conductor(), long_form._decoded, 0
    plain = compose(MODEL, conductor, 3, 2, seed=1)

    def silent_at_first(*args: Any) -> list[Melody]:
        nonlocal calls
        calls += 1
        first, *others = decoded(*args)
        return [Melody(np.zeros(32, np.int16)) if calls == 1 else first, *others]

    monkeypatch.setattr(long_form, "_decoded", silent_at_first)
    made = compose(MODEL, conductor, 3, 2, seed=1)
    assert calls == 2 and all(melody.notes() for melody in made)
    assert made[0] != plain[0] and made[1:] == plain[1:]


def test_what_is_being_made_ends_by_what_is_asked_before_each_window() -> None:
    asked: list[int] = []

    def check() -> None:
        asked.append(1)
        if len(asked) == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        next_phrase(MODEL, random_conductor(), [tune(12)], check)
    assert len(asked) == 3


def test_seeds_decide_and_melodies_are_as_long_as_wanted() -> None:
    conductor = random_conductor()
    a, b, c = (compose(MODEL, conductor, 2, 5, seed=seed) for seed in (1, 1, 2))
    assert a == b != c
    assert [m.bars for m in a] == [5, 5]
    assert a[0] != a[1]
    for bars in (0, MAX_BARS + 1):
        with pytest.raises(InputError, match=f"found {bars}"):
            compose(MODEL, conductor, 1, bars)


def test_a_next_phrase_is_as_long_always_the_same_and_no_end() -> None:
    conductor = random_conductor()
    for melody in (tune(2), tune(3, metre=(3, 4)), tune(1, metre=(12, 8))):
        first = next_phrase(MODEL, conductor, [melody])
        assert (first.bars, first.metre, first.name) == (melody.bars, melody.metre, melody.name)
        assert first == next_phrase(MODEL, conductor, [melody])
        assert first != next_phrase(MODEL, conductor, [melody, first])
    end, middle = (go_on(MODEL, conductor, tune(2), 2, seed=1, ends=ends)[0] for ends in (True, False))
    assert end != middle


def test_what_came_before_tells_what_comes_and_a_chain_knows_one_window_alone() -> None:
    first = np.stack([to_windows(tune(16, seed)) for seed in (0, 0)])
    other = first.copy()
    other[1, 0] = to_windows(tune(2, 9))[0]  # eight windows ago
    near, far = random_conductor(nearest=True), random_conductor()
    assert far.config.lags[-1] == first.shape[1]
    same, changed = (windows_after(MODEL, near, each, 1, 0.0) for each in (first, other))
    torch.testing.assert_close(same, changed)
    same, changed = (windows_after(MODEL, far, each, 1, 0.0) for each in (first, other))
    torch.testing.assert_close(same[0], changed[0])
    assert not torch.allclose(same[1], changed[1])


def test_the_draw_is_that_of_the_likelihoods() -> None:
    """Step by step as in one go: what is drawn at temperature 0 is the likeliest given itself."""
    conductor = random_conductor()
    lags = len(conductor.config.lags)
    generator = torch.Generator().manual_seed(0)
    past = Past(
        torch.randn(3, lags, MODEL.config.latent_size, generator=generator),
        torch.ones(3, lags, dtype=torch.bool),
        torch.arange(3) % PLACES,
        torch.tensor([False, True, False]),
    )
    tokens = conductor.sample(past, 0.0, generator, 1.0)
    symbols = torch.where(tokens >= 2, tokens - conductor.config.lowest_pitch, tokens)
    with torch.no_grad():
        likeliest = conductor(symbols, conductor.told(past)).argmax(-1)
    torch.testing.assert_close(likeliest, symbols)


def test_the_form_of_a_melody_is_where_its_windows_return() -> None:
    a, b, c = (tune(2, seed) for seed in (1, 2, 3))
    varied = Melody(np.where(np.arange(32) == 30, 70, a.tokens))
    whole = followed(followed(followed(a, b), varied), c)
    assert form(to_windows(whole)) == [0, 1, 0, 3]
    partner = tune(8, 5)
    (made,) = in_form_of(whole, [partner])
    windows = to_windows(partner)
    np.testing.assert_array_equal(to_windows(made), windows[[0, 1, 0, 3]])


def test_a_conductor_of_another_model_is_refused() -> None:
    other = MelodyVAE.from_pretrained()
    with pytest.raises(InputError, match="expected a model whose codes"):
        compose(other, random_conductor(), 1, 4)


def test_a_conductor_comes_back_from_its_files(tmp_path: Path) -> None:
    conductor = random_conductor()
    conductor.save_pretrained(tmp_path)
    again = Conductor.from_pretrained(tmp_path)
    assert compose(MODEL, again, 1, 4, seed=3) == compose(MODEL, conductor, 1, 4, seed=3)
