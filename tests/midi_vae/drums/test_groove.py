"""Grooves: out of MIDI files and back, on the grid, in windows; and the map of notes to drums."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest

from latentmix.errors import InputError
from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI, INSTRUMENTS, KICK, SNARE, read_kit
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.windows import from_cells, partners, rebar, to_cells
from midi_vae.midi.drum_writer import write_drums

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
STEP = 120  # ticks


def write(path: Path, hits: list[tuple[int, int, int]], metre: tuple[int, int] = (4, 4), channel: int = 9) -> Path:
    """A MIDI file of hits (tick, note, velocity) at 480 ticks a quarter note."""
    events = [(tick, "note_on", note, velocity) for tick, note, velocity in hits]
    events += [(tick + 30, "note_off", note, 0) for tick, note, _ in hits]
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=metre[0], denominator=metre[1])])
    now = 0
    for tick, kind, note, velocity in sorted(events):
        track.append(mido.Message(kind, channel=channel, note=note, velocity=velocity, time=tick - now))
        now = tick
    mido.MidiFile(tracks=[track], ticks_per_beat=480).save(path)
    return path


def some_groove(bars: int = 2, metre: tuple[int, int] = (4, 4), seed: int = 0) -> Groove:
    rng = np.random.default_rng(seed)
    steps = bars * 16 * metre[0] // metre[1]
    velocities = rng.integers(1, 128, (steps, 9)) * (rng.random((steps, 9)) < 0.2)
    return Groove(velocities, rng.uniform(-0.5, 0.5, (steps, 9)), metre, 97.0, "some")


def test_hits_go_to_the_nearest_step_and_keep_velocity_and_lateness(tmp_path: Path):
    path = write(tmp_path / "a.mid", [(0, 36, 100), (STEP - 30, 38, 127), (4 * STEP + 59, 42, 1)])
    groove = read_drums(path).excerpt()
    assert groove.velocities[0, KICK] == 100 and groove.velocities[1, SNARE] == 127 and groove.hits.sum() == 3
    assert groove.lateness[1, SNARE] == pytest.approx(-0.25) and groove.lateness[4, 2] == pytest.approx(59 / 120)


def test_of_two_hits_of_a_drum_on_a_step_the_harder_one_stays_and_the_other_is_told(tmp_path: Path):
    line = read_drums(write(tmp_path / "a.mid", [(0, 38, 50), (20, 40, 90), (480, 36, 80)]))
    assert line.merged == 1 and line.excerpt().velocities[0, SNARE] == 90


def test_notes_without_a_drum_are_left_out_and_told(tmp_path: Path):
    line = read_drums(write(tmp_path / "a.mid", [(0, 36, 50), (20, 56, 90), (40, 56, 90)]))
    assert line.unknown == ((56, 2),) and line.excerpt().hits.sum() == 1


@pytest.mark.parametrize(
    ("hits", "channel", "says"),
    [([(0, 36, 50)], 0, "channel 10"), ([(0, 56, 50)], 9, "none among the notes 56")],
)
def test_a_file_without_drums_is_refused_in_a_line(tmp_path: Path, hits: list, channel: int, says: str):
    path = write(tmp_path / "a.mid", hits, channel=channel)
    with pytest.raises(InputError, match=says) as caught:
        read_drums(path)
    assert str(path) in str(caught.value)


def test_a_track_of_another_channel_can_be_named(tmp_path: Path):
    path = write(tmp_path / "a.mid", [(0, 36, 50)], channel=0)
    assert read_drums(path, "1").excerpt().hits.sum() == 1
    with pytest.raises(InputError, match="choose by number among: 1"):
        read_drums(path, "7")


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (6, 8), (5, 4), (5, 8)])
def test_what_is_written_is_read_back_in_any_metre(tmp_path: Path, metre: tuple[int, int]):
    groove = some_groove(3, metre)
    late = np.round(groove.lateness * 120) / 120  # ticks
    late[0] = np.abs(late[0])  # nothing comes before tick 0
    late = np.clip(late, -59 / 120, 59 / 120)
    groove = Groove(groove.velocities, late, metre, 97.0, "some")
    write_drums(tmp_path / "some.mid", [groove], GENERAL_MIDI.note_of)
    back = read_drums(tmp_path / "some.mid").excerpt(3, 0)
    assert np.array_equal(back.velocities, groove.velocities) and back.metre == metre
    assert np.abs(back.lateness - groove.lateness).max() < 1e-3 and back.tempo == pytest.approx(97.0, abs=0.01)


def test_a_hit_that_is_early_on_the_first_step_stands_at_tick_0(tmp_path: Path):
    velocities = np.zeros((16, 9), int)
    velocities[0, KICK] = velocities[4, KICK] = 90
    groove = Groove(velocities, np.where(velocities > 0, -0.25, 0.0))
    write_drums(tmp_path / "a.mid", [groove], GENERAL_MIDI.note_of)
    back = read_drums(tmp_path / "a.mid").excerpt(1)
    assert back.lateness[0, KICK] == 0.0 and back.lateness[4, KICK] == pytest.approx(-0.25)


@pytest.mark.parametrize("metre", [(4, 4), (3, 4), (2, 4), (12, 8), (5, 4)])
def test_windows_hold_a_groove_of_any_length_and_metre(metre: tuple[int, int]):
    groove = some_groove(5, metre)
    back = from_cells(to_cells(groove), groove, groove.bars)
    assert np.array_equal(back.velocities, groove.velocities)
    assert np.abs(back.lateness - groove.lateness).max() < 1e-6


def test_partners_have_one_metre_and_length():
    march, waltz = some_groove(2), some_groove(3, (3, 4), 1)
    first, second = partners([march, waltz])
    assert first.metre == second.metre == (4, 4) and len(first.velocities) == len(second.velocities) == 48
    assert np.array_equal(second.velocities[16:28], waltz.velocities[12:24])
    assert np.array_equal(first.velocities[32:], march.velocities[:16])
    assert rebar(march, (2, 4)).bars == 4


@pytest.mark.parametrize(
    "given",
    [
        {"velocities": np.zeros((16, 8), int)},
        {"velocities": np.zeros((15, 9), int)},
        {"velocities": np.full((16, 9), 128)},
        {"velocities": np.full((16, 9), 1), "offsets": np.full((16, 9), 0.6)},
        {"velocities": np.full((16, 9), 1), "offsets": np.full((16, 9), np.nan)},
        {"velocities": np.zeros((16, 9), int), "tempo": 0.0},
    ],
)
def test_what_a_groove_cannot_be_is_refused(given: dict):
    with pytest.raises(ValueError):
        Groove(**given)


def test_a_kit_of_ones_own_takes_notes_from_general_midi(tmp_path: Path):
    path = tmp_path / "kit.toml"
    path.write_text("kick = [60, 38]\nride = [61]\n")
    kit = read_kit(path)
    assert kit.instrument_of(38) == KICK and kit.note_of(KICK) == 60 and kit.note_of(SNARE) == 40
    assert kit.instrument_of(51) is None and [kit.instrument_of(kit.note_of(i)) for i in range(9)] == list(range(9))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kick = [128]", "0 to 127"),
        ("kick = 36", "kick"),
        ("cowbell = [56]", "cowbell"),
        ("kick = [36]\nsnare = [36]", "both"),
        ("kick = [42, 44, 22]\n", "closed_hat"),
        ("kick = [", "TOML"),
    ],
)
def test_a_kit_that_cannot_be_is_refused_in_a_line(tmp_path: Path, text: str, says: str):
    path = tmp_path / "kit.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=says):
        read_kit(path)


def test_the_examples_are_on_the_grid():
    for path in sorted((EXAMPLES / "drums").glob("*.mid")):
        groove = read_drums(path).excerpt()
        assert groove.bars == 2 and groove.hits.sum() > 20 and not groove.lateness.any()
    assert len(INSTRUMENTS) == 9
