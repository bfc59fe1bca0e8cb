"""Folders of MIDI files -> windows: which files, which windows, in which order, how they are transposed."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from latentmix.errors import InputError
from midi_vae.music.melody import OFF, ONSET, Melody
from midi_vae.training.dataset import (
    CHUNK,
    MAX_SHIFT,
    MAX_WINDOWS,
    Batches,
    find_midi_files,
    load_windows,
    melody_windows,
)

LOWEST, PITCHES = 21, 88


def quarters(bars: int, first: int = 60, metre: tuple[int, int] = (4, 4)) -> Melody:
    """Quarter notes, every bar on a pitch of its own, up and round again within two octaves."""
    beats = bars * 4 * metre[0] // metre[1]
    size = 16 * metre[0] // metre[1]
    notes = [(4 * i, 4 * i + 4, first + 4 * i // size % 24) for i in range(beats)]
    return Melody.from_notes(notes, bars, metre)


def folder_of(tmp_path: Path, **melodies: Melody) -> Path:
    for name, melody in melodies.items():
        melody.to_midi(tmp_path / f"{name}.mid")
    return tmp_path


# Files


def test_midi_files_are_found_in_all_folders_in_order(tmp_path: Path) -> None:
    for name in ("b.mid", "a.MIDI", "deep/er/c.Kar", "deep/d.smf", "notes.txt", "e.mid.zip", "deep/mid"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mid").mkdir()
    found = [p.relative_to(tmp_path).as_posix() for p in find_midi_files(tmp_path)]
    assert found == ["a.MIDI", "b.mid", "deep/d.smf", "deep/er/c.Kar"]


def test_a_folder_without_midi_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").touch()
    for folder in (tmp_path, tmp_path / "nowhere", tmp_path / "readme.txt"):
        with pytest.raises(InputError, match="expected a folder with MIDI files") as caught:
            find_midi_files(folder)
        assert str(folder) in str(caught.value)


# Windows of one melody


def test_a_window_starts_on_every_bar_line() -> None:
    melody = quarters(4)
    windows = melody_windows(melody, LOWEST, PITCHES)
    assert windows.dtype == np.int16
    assert np.array_equal(windows, [melody.tokens[16 * bar : 16 * bar + 32] for bar in range(3)])


def test_windows_of_other_metres_keep_their_places() -> None:
    waltz = quarters(3, metre=(3, 4))
    windows = melody_windows(waltz, LOWEST, PITCHES)
    assert len(windows) == 2
    for bar, row in enumerate(windows):
        assert np.array_equal(row[:12], waltz.tokens[12 * bar : 12 * bar + 12])
        assert np.array_equal(row[16:28], waltz.tokens[12 * bar + 12 : 12 * bar + 24])
        assert not row[12:16].any()
        assert not row[28:].any()
    assert len(melody_windows(quarters(6, metre=(2, 4)), LOWEST, PITCHES)) == 3
    assert len(melody_windows(quarters(6, metre=(12, 8)), LOWEST, PITCHES)) == 6


def test_what_sounds_into_a_window_stays_out_of_it() -> None:
    melody = Melody.from_notes([(0, 20, 60), (24, 32, 62), (32, 36, 64), (40, 48, 65)], bars=3)
    second = melody_windows(melody, LOWEST, PITCHES)[1]
    assert np.flatnonzero(second).tolist() == [4, 8, 16, 20, 24]
    assert second[4] == OFF  # of the note that began before


def test_a_melody_shorter_than_a_window_has_none() -> None:
    assert melody_windows(quarters(1), LOWEST, PITCHES).shape == (0, 32)


@pytest.mark.parametrize(("onsets", "count"), [(0, 0), (1, 0), (2, 1)])
def test_windows_of_rests_are_left_out(onsets: int, count: int) -> None:
    melody = Melody.from_notes([(8 * i, 8 * i + 2, 60) for i in range(onsets)], bars=2)
    assert len(melody_windows(melody, LOWEST, PITCHES)) == count


def test_pitches_are_folded_into_the_range() -> None:
    melody = Melody.from_notes([(0, 8, 30), (8, 16, 60), (16, 32, 100)])
    window = melody_windows(melody, 48, 24)[0]
    assert (window[window >= ONSET] - ONSET).tolist() == [54, 60, 64]


# A folder


def test_good_bad_and_short_files(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, d=quarters(3), b=quarters(4, first=40), short=quarters(1))
    (folder / "c.mid").write_bytes(b"MThd, it says, and stops")
    (folder / "empty.mid").touch()
    (folder / "sub").mkdir()
    quarters(2, first=70).to_midi(folder / "sub" / "a.mid")
    calls: list[tuple[int, int]] = []
    data = load_windows(folder, LOWEST, PITCHES, lambda done, total: calls.append((done, total)))
    expected = [melody_windows(m, LOWEST, PITCHES) for m in (quarters(4, first=40), quarters(3), quarters(2, first=70))]
    assert np.array_equal(data.windows, np.concatenate(expected))
    assert data.windows.dtype == np.int16
    assert data.files == 3
    assert [path for path, _ in data.refused] == [str(folder / "c.mid"), str(folder / "empty.mid")]
    assert all(path in reason and "\n" not in reason for path, reason in data.refused)
    assert calls == [(done, 6) for done in range(1, 7)]


def test_a_folder_without_a_window_is_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, short=quarters(1))
    (tmp_path / "bad.mid").write_bytes(b"no")
    with pytest.raises(InputError, match="expected melodies of at least one window of bars, found none") as caught:
        load_windows(tmp_path, LOWEST, PITCHES)
    assert str(tmp_path) in str(caught.value)


def test_one_long_file_gives_no_more_than_its_share(tmp_path: Path) -> None:
    long = quarters(MAX_WINDOWS + 37)
    data = load_windows(folder_of(tmp_path, long=long), LOWEST, PITCHES)
    every = melody_windows(long, LOWEST, PITCHES)
    assert len(every) == MAX_WINDOWS + 36
    assert data.windows.shape == (MAX_WINDOWS, 32)
    kept = np.linspace(0, len(every) - 1, MAX_WINDOWS).round().astype(int)
    assert (kept[0], kept[-1]) == (0, len(every) - 1)
    assert set(np.diff(kept)) == {1, 2}
    assert np.array_equal(data.windows, every[kept])
    just = load_windows(folder_of(tmp_path, long=quarters(MAX_WINDOWS + 1)), LOWEST, PITCHES)
    assert np.array_equal(just.windows, melody_windows(quarters(MAX_WINDOWS + 1), LOWEST, PITCHES))


def test_bars_longer_than_a_window_are_left_out_and_the_rest_kept(tmp_path: Path) -> None:
    file = mido.MidiFile(ticks_per_beat=4)
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=4, denominator=4)])
    for beat in range(12 + 18):
        if beat == 12:
            track.append(mido.MetaMessage("time_signature", numerator=9, denominator=4))
        track.append(mido.Message("note_on", note=50 + beat, velocity=90))
        track.append(mido.Message("note_off", note=50 + beat, time=4))
    file.tracks.append(track)
    file.save(tmp_path / "changes.mid")
    data = load_windows(tmp_path, LOWEST, PITCHES)
    assert (
        data.windows.tolist()
        == melody_windows(Melody.from_notes([(4 * i, 4 * i + 4, 50 + i) for i in range(12)]), LOWEST, PITCHES).tolist()
    )
    assert (data.files, data.refused) == (1, ())


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # Python 3.12 on
def test_many_files_are_read_by_several_processes_in_the_same_order(tmp_path: Path) -> None:
    tunes = {f"tune{i:03}": quarters(2 + i % 3, first=30 + i) for i in range(CHUNK + 8)}
    folder_of(tmp_path, **tunes)
    (tmp_path / "tune007x.mid").write_bytes(b"no")
    data = load_windows(tmp_path, LOWEST, PITCHES, workers=2)
    expected = [melody_windows(melody, LOWEST, PITCHES) for melody in tunes.values()]
    assert np.array_equal(data.windows, np.concatenate(expected))
    assert data.files == len(tunes)
    assert [path for path, _ in data.refused] == [str(tmp_path / "tune007x.mid")]


# Batches


def draws(windows: np.ndarray, count: int, seed: int = 0, lowest: int = LOWEST, pitches: int = PITCHES):
    return Batches(windows, lowest, pitches).draw(count, torch.Generator().manual_seed(seed))


def test_every_shift_up_to_the_most_is_as_likely() -> None:
    window = melody_windows(quarters(2), LOWEST, PITCHES)
    tokens = draws(window, 20_000)
    assert tokens.shape == (20_000, 32)
    assert tokens.dtype == torch.int64
    onset = torch.from_numpy(window >= ONSET)[0]
    shifts = (tokens - torch.from_numpy(window).long())[:, onset]
    assert (shifts == shifts[:, :1]).all()  # one for the whole window
    assert torch.equal(tokens[:, ~onset], torch.from_numpy(window).long()[:, ~onset].expand(20_000, -1))
    counts = torch.bincount(shifts[:, 0] + MAX_SHIFT, minlength=2 * MAX_SHIFT + 1)
    assert len(counts) == 2 * MAX_SHIFT + 1
    expected = 20_000 / len(counts)
    assert ((counts - expected).abs() < 5 * expected**0.5).all()


def test_transposition_stays_within_the_range_and_reaches_its_ends() -> None:
    near_the_top = Melody.from_notes([(0, 16, 70), (16, 32, 78)])
    near_the_bottom = Melody.from_notes([(0, 16, 53), (16, 32, 60)])
    windows = np.concatenate([melody_windows(m, 48, 36) for m in (near_the_top, near_the_bottom)])
    tokens = draws(windows, 3000, lowest=48, pitches=36)
    low, high = tokens[:, 0].min() - ONSET, tokens[:, 16].max() - ONSET
    assert (low, high) == (48, 83)
    of_the_top = tokens[tokens[:, 16] - tokens[:, 0] == 8][:, 0] - ONSET
    assert (of_the_top.min(), of_the_top.max()) == (70 - MAX_SHIFT, 75)


def test_a_melody_as_wide_as_the_range_stays() -> None:
    window = melody_windows(Melody.from_notes([(0, 16, 48), (16, 32, 71)]), 48, 24)
    assert (draws(window, 100, lowest=48, pitches=24) == torch.from_numpy(window)).all()


def test_every_window_is_as_likely() -> None:
    windows = np.zeros((10, 32), np.int16)
    windows[:, 0] = windows[:, 31] = ONSET + 60
    windows[np.arange(10), np.arange(1, 11)] = OFF
    tokens = draws(windows, 5000)
    counts = (tokens[:, 1:11] == OFF).sum(0)
    assert ((counts - 500).abs() < 5 * 500**0.5).all()


def test_draws_repeat_with_their_generator() -> None:
    windows = melody_windows(quarters(8), LOWEST, PITCHES)
    assert torch.equal(draws(windows, 50, seed=1), draws(windows, 50, seed=1))
    assert not torch.equal(draws(windows, 50, seed=1), draws(windows, 50, seed=2))
    assert np.array_equal(windows, melody_windows(quarters(8), LOWEST, PITCHES))  # drawn copies, not views
