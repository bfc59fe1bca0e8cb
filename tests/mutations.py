"""Damage for files of any format: what becomes of the bytes on bad disks, bad lines and in bad hands."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

Mutator = Callable[[bytearray, random.Random], None]


def flip(data: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def delete(data: bytearray, rng: random.Random) -> None:
    at = rng.randrange(len(data))
    del data[at : at + rng.choice((1, 1, 2, 9, 40, 400))]


def truncate(data: bytearray, rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def double(data: bytearray, rng: random.Random) -> None:
    """Repeat a piece, there or elsewhere."""
    start = rng.randrange(len(data))
    end = rng.randrange(start, len(data) + 1)
    at = rng.choice((end, rng.randrange(len(data) + 1)))
    data[at:at] = data[start:end]


def overwriting(values: Sequence[int]) -> Mutator:
    """One byte becomes one of these."""

    def overwrite(data: bytearray, rng: random.Random) -> None:
        data[rng.randrange(len(data))] = rng.choice(values)

    return overwrite


def inserting(values: Sequence[int], longest: int) -> Mutator:
    """One of these bytes more, or fewer than so many of any kind."""

    def insert(data: bytearray, rng: random.Random) -> None:
        at = rng.randrange(len(data) + 1)
        data[at:at] = rng.choice((bytes([rng.choice(values)]), rng.randbytes(rng.randrange(1, longest))))

    return insert


def mutants(seeds: Sequence[bytes], mutators: Sequence[Mutator], rounds: int, seed: int) -> Iterator[bytes]:
    """Each of the seeds with each kind of damage, `rounds` times; half of them with more damage, of any kind."""
    rng = random.Random(seed)
    for number in range(rounds):
        for content in seeds:
            for first in mutators:
                data = bytearray(content)
                first(data, rng)
                for _ in range(rng.choice((0, 1, 2)) if number % 2 else 0):
                    if data:
                        rng.choice(mutators)(data, rng)
                yield bytes(data)


def unchanged(mutators: Sequence[Mutator], content: bytes) -> list[Mutator]:
    """Those that in fifty tries mostly leave the content as it is: they would test nothing."""
    rng, found = random.Random(0), []
    for mutate in mutators:
        tries = [bytearray(content) for _ in range(50)]
        for data in tries:
            mutate(data, rng)
        if sum(bytes(data) != content for data in tries) <= 35:
            found.append(mutate)
    return found
