"""Layers of drums: hits before their step, changes in between, what sounds, and a clock turned by hand."""

from __future__ import annotations

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st
from virtual_players import PlayerBench

from realtime.music.drum_layer import DrumHit, DrumLayer, DrumPattern
from realtime.music.sequencer import HOLD, ONSET, Pattern
from realtime.player.lines import decode, encode
from realtime.player.messages import Panic, PlayDrums, SetFollow, SetPlaying, SetSwing, SetTempo

KICK, SNARE, HAT = 36, 38, 42
SCALE = Pattern(1, tuple(ONSET + 60 + k // 2 if k % 2 == 0 else HOLD for k in range(32)))


def pattern(hits: dict[int, list[tuple[int, int, float]]], version: int = 1, steps: int = 16) -> DrumPattern:
    """Of hits by step."""
    return DrumPattern(version, tuple(tuple(DrumHit(*hit) for hit in hits.get(at, ())) for at in range(steps)))


def played(patterns: dict[int, DrumPattern], steps: int, follow: str = "step") -> list[tuple[float, int, int]]:
    """(place, note, velocity) of what a layer strikes, where each pattern is offered just before a step."""
    layer, struck, open_notes = DrumLayer(), [], set()

    def pop_until(place: float) -> None:
        while layer.next_at < place:
            at = layer.next_at
            for change in layer.pop():
                if change.starts:
                    assert change.pitch not in open_notes
                    open_notes.add(change.pitch)
                    struck.append((round(at, 6), change.pitch, change.velocity))
                else:
                    open_notes.remove(change.pitch)

    for step in range(steps):
        pop_until(step)
        if step in patterns:
            layer.offer(patterns[step])
        layer.step(step, follow)
    pop_until(steps + 2)
    assert not open_notes
    return struck


def test_hits_are_struck_early_and_late_and_hard_as_they_are():
    found = played({0: pattern({0: [(KICK, 100, 0.0)], 4: [(SNARE, 90, -0.4), (HAT, 30, 0.25)]})}, 16)
    assert found == [(0.0, KICK, 100), (3.6, SNARE, 90), (4.25, HAT, 30)]


def test_before_the_song_nothing_is_early():
    assert played({0: pattern({0: [(KICK, 100, -0.3)]})}, 33) == [
        (0.0, KICK, 100),
        (15.7, KICK, 100),
        (31.7, KICK, 100),
    ]


def test_a_drum_that_was_early_is_not_struck_again_where_another_pattern_comes_in_between():
    late = pattern({4: [(SNARE, 50, 0.3), (KICK, 60, 0.0)]}, 2)
    found = played({0: pattern({4: [(SNARE, 90, -0.4)]}), 4: late}, 8)
    assert found == [(3.6, SNARE, 90), (4.0, KICK, 60)]


def test_an_early_hit_that_nobody_planned_is_struck_on_its_step():
    assert played({0: pattern({4: [(SNARE, 90, 0.3)]}), 4: pattern({4: [(SNARE, 50, -0.4)]}, 2)}, 8) == [
        (4.0, SNARE, 50)
    ]


def test_what_waits_for_the_bar_is_known_when_its_first_hit_is_early():
    first, second = pattern({0: [(KICK, 1, 0.0)]}), pattern({0: [(SNARE, 2, -0.25)]}, 2)
    assert played({0: first, 9: second}, 20, "bar") == [(0.0, KICK, 1), (15.75, SNARE, 2)]


def test_a_drum_that_still_sounds_ends_before_it_is_struck_again():
    roll = pattern({0: [(SNARE, 80, 0.4)], 1: [(SNARE, 70, -0.4)]}, steps=2)
    assert played({0: roll}, 2) == [(0.4, SNARE, 80), (0.6, SNARE, 70), (2.4, SNARE, 80)][:2]


HITS = st.lists(
    st.tuples(st.integers(0, 15), st.sampled_from([KICK, SNARE, HAT]), st.integers(1, 127), st.floats(-0.5, 0.5)),
    max_size=24,
)


def distinct(hits: list[tuple[int, int, int, float]]) -> dict[int, list[tuple[int, int, float]]]:
    """Hits by step, one of each note."""
    out: dict[int, list[tuple[int, int, float]]] = {}
    for step, note, velocity, offset in hits:
        if note not in [other[0] for other in out.setdefault(step, [])]:
            out[step].append((note, velocity, offset))
    return out


@given(HITS)
def test_all_hits_of_a_pattern_are_struck_each_time_round(hits):
    by_step = distinct(hits)
    expected = [
        (max(lap * 16 + step + offset, 0.0), note, velocity)
        for lap in range(3)
        for step, here in by_step.items()
        for note, velocity, offset in here
    ]
    found = [each for each in played({0: pattern(by_step)}, 48) if each[0] < 47.5]
    wanted = sorted((round(at, 6), *rest) for at, *rest in expected if round(at, 6) < 47.5)
    assert sorted(found) == wanted


@given(st.lists(st.tuples(HITS, st.integers(0, 40)), max_size=5), st.sampled_from(["step", "beat", "bar"]))
def test_whatever_is_offered_all_that_starts_ends_and_no_step_strikes_a_drum_twice(offers, follow):
    patterns = {at: pattern(distinct(hits), version) for version, (hits, at) in enumerate(offers, 1)}
    found = played(patterns, 48, follow)  # it sees to the ends
    for note in (KICK, SNARE, HAT):
        assert sum(struck == note for _, struck, _ in found) <= 49


@pytest.mark.parametrize(
    "steps",
    [(), ((DrumHit(128, 1, 0.0),),), ((DrumHit(1, 0, 0.0),),), ((DrumHit(1, 1, 0.6),),), ((DrumHit(1, 1),) * 2,)],
)
def test_patterns_that_cannot_be(steps):
    with pytest.raises(ValueError, match="expected"):
        DrumPattern(1, steps)


def test_a_pattern_goes_through_the_pipe():
    message = PlayDrums(pattern({0: [(KICK, 100, 0.0)], 3: [(SNARE, 90, -0.4), (HAT, 30, 0.25)]}))
    assert decode(encode(message)) == message


@pytest.fixture
def bench() -> PlayerBench:
    bench = PlayerBench()
    bench.make()
    bench.offer(SCALE)
    groove = pattern({0: [(KICK, 100, 0.0)], 2: [(HAT, 40, -0.2)], 4: [(SNARE, 90, 0.4), (HAT, 50, 0.0)]})
    bench.player.command(PlayDrums(groove), 0.0)
    return bench


def drums(bench: PlayerBench) -> list[tuple[int, int, float]]:
    """(note, velocity, time) of hits."""
    return [(m.note, m.velocity, round(t, 6)) for t, m in bench.sent if m.type == "note_on" and m.channel == 9]


def notes(bench: PlayerBench) -> list[tuple[float, mido.Message]]:
    return [each for each in bench.sent if each[1].type in ("note_on", "note_off")]


def test_a_player_plays_both_layers_each_on_its_time(bench):
    bench.run_until(0.7)
    assert drums(bench) == [(KICK, 100, 0.0), (HAT, 40, 0.225), (HAT, 50, 0.5), (SNARE, 90, 0.55)]
    melody = [(m.note, t) for t, m in bench.sent if m.type == "note_on" and m.channel == 0]
    assert melody == [(60, 0.0), (61, 0.25), (62, 0.5)]
    hits = [each for report in bench.reports for each in report.events if each.is_drum and each.starts]
    assert [(each.pitch, each.velocity) for each in hits] == [(KICK, 100), (HAT, 40), (HAT, 50), (SNARE, 90)]
    assert hits[1].beat == pytest.approx(0.45) and hits[1].time == pytest.approx(0.225)


def check_ends(bench: PlayerBench) -> None:
    """Every note has its end, on its channel."""
    open_notes = set()
    for _, message in notes(bench):
        key = message.channel, message.note
        if message.type == "note_on":
            assert key not in open_notes
            open_notes.add(key)
        else:
            open_notes.remove(key)
    assert not open_notes


@pytest.mark.parametrize("end", [Panic(), SetPlaying(False), None])
def test_nothing_is_left_sounding_and_nothing_planned_is_struck_afterwards(bench, end):
    bench.run_until(0.51)  # the snare is planned
    if end is None:
        bench.close()
        silenced = {m.channel for _, m in bench.sent if m.type == "control_change" and m.control == 123}
        assert silenced == {0, 9}
    else:
        bench.player.command(end, bench.clock())
    check_ends(bench)
    bench.run_until(0.6)
    assert SNARE not in [note for note, _, _ in drums(bench)]


def test_tempo_and_swing_move_the_drums_too(bench):
    bench.player.command(SetSwing(0.75), 0.0)
    groove = pattern({1: [(KICK, 100, 0.0)], 3: [(HAT, 40, -0.5)], 4: [(SNARE, 90, 0.0)]}, 2)
    bench.player.command(PlayDrums(groove), 0.0)
    bench.run_until(0.2)
    bench.player.command(SetTempo(60), bench.clock())
    bench.run_until(0.9)
    assert drums(bench) == [(KICK, 100, 0.1875), (HAT, 40, 0.55), (SNARE, 90, 0.8)]


def test_a_machine_that_slept_leaves_out_drums_too_and_says_so(bench):
    bench.player.command(SetTempo(20), 0.0)
    bench.run_until(0.01)
    slow = pattern({0: [(SNARE, 90, 0.1)], 1: [(KICK, 80, 0.0)]}, 2)
    bench.player.command(SetFollow("step"), 0.0)
    bench.player.command(SetPlaying(False), bench.clock())
    bench.player.command(PlayDrums(slow), bench.clock())
    bench.player.command(SetPlaying(True), bench.clock())
    bench.player.advance(bench.clock())  # the snare is planned, 75 ms ahead; the next step is 750 away
    bench.clock.time += 0.4
    bench.player.advance(bench.clock())
    assert drums(bench)[-1][0] != SNARE
    assert any("too busy" in getattr(each, "text", "") for each in bench.reports)
    bench.run_until(bench.clock() + 0.4)
    assert drums(bench)[-1][:2] == (KICK, 80)
