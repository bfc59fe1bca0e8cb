"""How many threads products take: within `one_thread`, and afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from latentmix.threads import one_blas_thread, one_thread

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "speech.flac"


def blas_threads() -> int:
    return max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas")


def set_blas_threads(count: int) -> None:
    """For good; in a thread of its own, for what a living thread has set threadpoolctl lets no other one change."""
    thread = threading.Thread(target=lambda: threadpool_limits(count, user_api="blas"))
    thread.start()
    thread.join()


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    before, count = torch.get_num_threads(), blas_threads()
    torch.set_num_threads(3)
    set_blas_threads(3)
    yield
    set_blas_threads(count)
    torch.set_num_threads(before)


def test_one_within_and_as_many_as_before_afterwards() -> None:
    with one_thread():
        assert (blas_threads(), torch.get_num_threads()) == (1, 1)
        with one_thread(), one_blas_thread():
            assert (blas_threads(), torch.get_num_threads()) == (1, 1)
        assert (blas_threads(), torch.get_num_threads()) == (1, 1)
    assert (blas_threads(), torch.get_num_threads()) == (3, 3)


def test_errors_leave_all_as_it_was() -> None:
    with pytest.raises(ZeroDivisionError), one_thread():
        _ = 1 // 0
    assert (blas_threads(), torch.get_num_threads()) == (3, 3)


def test_what_keeps_the_limit_from_being_set_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no library of that kind")

    with monkeypatch.context() as patch:
        patch.setattr("latentmix.threads._blas", refuse)
        with pytest.raises(OSError, match="no library of that kind"), one_thread():
            pass
    with one_thread():
        assert blas_threads() == 1
    assert (blas_threads(), torch.get_num_threads()) == (3, 3)


def test_calls_that_overlap() -> None:
    """The one that came first goes first: its end is not the end of the other's limit, nor what the other restores."""
    inside, leave, counts = threading.Event(), threading.Event(), list[int]()

    def other() -> None:
        torch.set_num_threads(2)
        with one_thread():
            inside.set()
            leave.wait(60)
            counts.append(blas_threads())
        counts.append(torch.get_num_threads())

    thread = threading.Thread(target=other)
    with one_thread():
        thread.start()
        assert inside.wait(60)
    assert blas_threads() == 1  # the other is still in there
    leave.set()
    thread.join()
    assert counts == [1, 2] and (blas_threads(), torch.get_num_threads()) == (3, 3)


def test_a_thread_that_comes_in_between_has_what_the_program_set() -> None:
    found: list[int] = []
    with one_thread():
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
    assert found == [3]


def test_compressing_and_decompressing_take_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within both, wherever the model and the entropy coder are at work."""
    import audiovq
    from audiovq.entropy.coder import EntropyModel
    from audiovq.model.vqvae import VQVAE

    seen: dict[str, set[tuple[int, int]]] = {}

    def watch(kind: type, name: str) -> None:
        inner = getattr(kind, name)

        def watched(*given: object, **more: object) -> object:
            seen.setdefault(name, set()).add((blas_threads(), torch.get_num_threads()))
            return inner(*given, **more)

        monkeypatch.setattr(kind, name, watched)

    for kind, name in (
        (VQVAE, "encode_step"),
        (VQVAE, "decode_step"),
        (EntropyModel, "_rows"),
        (EntropyModel, "_context"),
    ):
        watch(kind, name)
    samples, rate = soundfile.read(EXAMPLE, frames=16000, dtype="float32")
    audiovq.decompress(audiovq.compress(samples, rate))
    assert seen == {name: {(1, 1)} for name in ("encode_step", "decode_step", "_rows", "_context")}
    assert (blas_threads(), torch.get_num_threads()) == (3, 3)
