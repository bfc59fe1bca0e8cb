"""Reading a corpus back: shuffled, divided, gone on with in mid-epoch, by PyTorch and by Hugging Face `datasets`."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_corpus import ToyWork, write_files

from latentmix.corpus.build import Size, build_corpus
from latentmix.corpus.dataset import CorpusDataset, hugging_face
from latentmix.corpus.local import LocalProcesses
from latentmix.corpus.reading import Corpus, ShuffledRecords
from latentmix.corpus.storage import Folder
from latentmix.errors import InputError

NUMBER = 23


@pytest.fixture(scope="module", params=["parquet", "webdataset"])
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp(request.param)
    source = write_files(folder / "in", NUMBER)
    build_corpus(ToyWork(), str(source), Folder(str(folder / "out")), LocalProcesses(1), request.param, Size(3))
    return str(folder / "out")


def ids(dataset: object) -> list[str]:
    return [record["id"] for record in dataset]  # type: ignore[attr-defined]


def test_each_epoch_has_all_records_in_an_order_of_its_own(address: str) -> None:
    plain = ids(Corpus(address))
    assert ids(CorpusDataset(address, seed=None)) == plain
    dataset = CorpusDataset(address, seed=3, mixed=2)
    first, second = ids(dataset), ids(dataset)
    assert sorted(first) == sorted(second) == sorted(plain) and len({*map(tuple, (first, second, plain))}) == 3
    assert ids(CorpusDataset(address, seed=3, mixed=2)) == first != ids(CorpusDataset(address, seed=4, mixed=2))
    assert dataset.state_dict() == {"epoch": 2, "given": 0}


def test_ranks_share_an_epoch_whatever_their_number(address: str) -> None:
    one = ids(CorpusDataset(address))
    for world in (2, 3, 4):
        shares = [ids(CorpusDataset(address, rank=rank, world=world)) for rank in range(world)]
        assert {len(share) for share in shares} == {NUMBER // world}
        assert list(itertools.chain(*zip(*shares, strict=True))) == one[: NUMBER // world * world]


def test_it_goes_on_in_mid_epoch(address: str) -> None:
    whole = CorpusDataset(address, rank=1, world=2)
    wanted = ids(whole) + ids(whole)
    dataset = CorpusDataset(address, rank=1, world=2)
    begun = iter(dataset)
    given = [next(begun)["id"] for _ in range(4)]
    again = CorpusDataset(address, rank=1, world=2)
    again.load_state_dict(dataset.state_dict())
    assert given + ids(again) + ids(again) == wanted


def test_any_place_is_found_without_those_before_it(address: str) -> None:
    in_order = ShuffledRecords(Corpus(address), seed=1, mixed=3)
    wanted = [in_order[place]["id"] for place in range(2 * NUMBER)]
    for place in (2 * NUMBER - 1, 7, 30, 0):
        assert ShuffledRecords(Corpus(address), seed=1, mixed=3)[place]["id"] == wanted[place]


def test_workers_of_a_loader_divide_what_their_rank_has(address: str) -> None:
    dataset = CorpusDataset(address, rank=0, world=2)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2)
    made = ids(loader)
    assert len(made) == len(set(made)) == NUMBER // 2 // 2 * 2 and set(made) <= set(ids(CorpusDataset(address)))


def test_arrays_are_tensors(address: str) -> None:
    for record in CorpusDataset(address):
        assert record["codes"].dtype == torch.int16 and record["codes"].shape == (2, record["bytes"])
        assert record["levels"].dtype == torch.float32 and torch.equal(record["levels"], record["codes"][0] / 2)


def test_more_ranks_than_records_are_refused(address: str) -> None:
    with pytest.raises(InputError, match=f"no more shares than {NUMBER} records, found rank 0"):
        CorpusDataset(address, rank=0, world=NUMBER + 1)


def test_what_is_not_there_or_of_another_kind_is_told(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a corpus, found no manifest.json there"):
        Corpus(str(tmp_path))
    with pytest.raises(InputError, match=r"expected records of audiovq.codes, found toy.bytes"):
        Corpus(address, "audiovq.codes")


def test_a_damaged_or_missing_shard_is_told(tmp_path: Path) -> None:
    source = write_files(tmp_path / "in", 4)
    build_corpus(ToyWork(), str(source), Folder(str(tmp_path / "out")), LocalProcesses(1))
    shard = tmp_path / "out" / "shard-000000.parquet"
    shard.write_bytes(shard.read_bytes()[:500])
    with pytest.raises(InputError, match=r"shard-000000.parquet: expected a shard of records, found a damaged file"):
        list(Corpus(str(tmp_path / "out")))
    shard.unlink()
    with pytest.raises(InputError, match=r"expected a shard, as manifest.json says, found nothing there"):
        list(Corpus(str(tmp_path / "out")))


@pytest.mark.filterwarnings("ignore")  # of datasets' own making, other ones in each version
def test_hugging_face_reads_shuffles_divides_and_goes_on(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    if Corpus(address).manifest.form != "parquet":
        with pytest.raises(InputError, match="expected Parquet shards, found webdataset"):
            hugging_face(address)
        return
    from datasets.distributed import split_dataset_by_node

    dataset = hugging_face(address)
    for record, wanted in zip(dataset, Corpus(address), strict=True):
        assert record["id"] == wanted["id"] and np.array_equal(np.stack(record["codes"]), wanted["codes"])
    shuffled = ids(dataset.shuffle(seed=1, buffer_size=10))
    assert sorted(shuffled) == sorted(ids(Corpus(address))) != shuffled
    halves = [ids(split_dataset_by_node(dataset, rank, 2)) for rank in (0, 1)]
    assert sorted(halves[0] + halves[1]) == sorted(shuffled) and min(map(len, halves)) > 0
    begun = [record["id"] for record, _ in zip(dataset, range(6), strict=False)][:5]
    fresh = hugging_face(address)
    iterator = iter(fresh)
    assert [next(iterator)["id"] for _ in range(5)] == begun
    again = hugging_face(address)
    again.load_state_dict(fresh.state_dict())
    assert begun + ids(again) == ids(dataset)
