"""Pieces of a corpus: one of each record of an epoch, known for every share of a run without those before it."""

from __future__ import annotations

import numpy as np
import pytest
from random_numbers import seeded
from toy_corpus import ToyWork, write_files

from latentmix.corpus import reading
from latentmix.corpus.build import Size, build_corpus
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.reading import Corpus, ShuffledRecords
from latentmix.corpus.records import Record
from latentmix.corpus.storage import Folder
from latentmix.corpus.streaming import Arrays, StreamedPieces
from latentmix.errors import InputError

NUMBER = 20  # records, the n-th of n + 1 frames: 0, 1, 2 ... n


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("corpus")
    source = write_files(folder / "in", NUMBER)
    build_corpus(ToyWork(), str(source), Folder(str(folder / "out")), LocalProcesses(1), size=Size(3))
    return str(folder / "out")


def frames_of(record: Record) -> Arrays:
    """The frames, and twice as many rows that say of which record."""
    frames = record["codes"].T
    return frames, np.full(2 * len(frames), len(frames))


def pieces(address: str, seed: int = 5) -> StreamedPieces:
    return StreamedPieces(Corpus(address), seed, frames_of, (1, 2))


def test_an_epoch_has_each_record_once_whatever_the_number_of_shares(address: str) -> None:
    for size in (1, 4, 5):
        drawn = [pieces(address).draw(size, 1, seeded(share), share)[1] for share in range(NUMBER // size)]
        assert sorted(np.concatenate(drawn)[:, 0].tolist()) == list(range(1, NUMBER + 1))


def test_a_share_is_the_same_whoever_begins_there(address: str) -> None:
    one = pieces(address)
    whole = [one.draw(3, 2, seeded(share), share) for share in range(20)]  # three epochs
    for share in (19, 7, 0):
        for found, wanted in zip(pieces(address).draw(3, 2, seeded(share), share), whole[share], strict=True):
            assert np.array_equal(found, wanted)
    other = pieces(address, seed=6).draw(3, 2, seeded(0), 0)
    assert not np.array_equal(other[1], whole[0][1])


def test_short_records_are_gone_on_with_and_rows_belong_together(address: str) -> None:
    order = [frames_of(ShuffledRecords(Corpus(address), 5)[place])[0] for place in range(3 * NUMBER)]
    frames, rows = pieces(address).draw(NUMBER, 9, seeded(1), 0)
    assert frames.shape == (NUMBER, 9, 2) and rows.shape == (NUMBER, 18)
    for place, piece in enumerate(frames):
        first = order[place]
        if len(first) >= 9:
            assert (np.diff(piece[:, 0]) == 1).all() and piece[0, 0] + 9 <= len(first)
        else:
            assert np.array_equal(piece, np.concatenate(order[place : place + 12])[:9])
    assert np.array_equal(frames[:, :, 0], -frames[:, :, 1]) and (rows[:, ::2] == rows[:, 1::2]).all()


def test_any_place_of_a_record_is_drawn(address: str) -> None:
    longest = NUMBER
    begun = set()
    for share in range(40):
        frames, rows = pieces(address).draw(NUMBER, longest - 2, seeded(share), share)
        begun |= {int(piece[0, 0]) for piece, of in zip(frames, rows, strict=True) if of[0] == of[-1] == longest}
    assert begun == {0, 1, 2}


def test_what_nothing_is_wanted_of_makes_way(address: str) -> None:
    def long_ones(record: Record) -> Arrays:
        return tuple(rows if len(record["codes"][0]) > 10 else rows[:0] for rows in frames_of(record))

    drawn = StreamedPieces(Corpus(address), 0, long_ones, (1, 2)).draw(NUMBER, 1, seeded(0), 0)
    assert set(drawn[1][:, 0].tolist()) == set(range(11, NUMBER + 1))
    nothing = StreamedPieces(Corpus(address), 0, lambda record: (record["codes"].T[:0],))
    with pytest.raises(InputError, match="out: expected records that can be learned from, found none in 1000"):
        nothing.draw(1, 1, seeded(0), 0)


def test_some_are_of_the_first_records(address: str) -> None:
    order = [frames_of(ShuffledRecords(Corpus(address), 5)[place])[0] for place in range(NUMBER)]
    frames, rows = pieces(address).some(50)
    assert np.array_equal(frames, np.concatenate(order)[:50]) and len(rows) == 100
    assert len(pieces(address).some(10_000)[0]) == NUMBER * (NUMBER + 1) // 2


def test_of_large_shards_fewer_are_mixed_and_kept(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MIXED_BYTES", 1)
    records = ShuffledRecords(Corpus(address), 0)
    assert sorted(records[place]["id"] for place in range(NUMBER)) == sorted(each["id"] for each in Corpus(address))
    assert all(len(kept) <= 3 for _, kept in records._kept.values())
