"""What a project keeps of a plugin: it is read as it was written, and damaged ones under sanitizers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from sanitized import build, said_of

MUTATIONS = 1500
MELODIES = b"""latentmix state 1
model 0123456789abcdef0123456789abcdef
value position 0.25
value octave -1
melody 4 4 120 0 jig
tokens 62 0 0 1 0 0 0 0 64 0 0 0 0 0 0 0
melody 4 4 96.5 73 another one
tokens 60 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
latents 3f800000 bf000000 0 40490fdb
end
"""
CHARTED = MELODIES.replace(b"melody 4", b"plane chart\nmelody 4", 1)
GROOVES = b"""latentmix state 1
model 0123456789abcdef0123456789abcdef
value position 0.25
value humanise 1
groove 4 4 112 16 backbeat
hits 0 0 101 bd4ccccd 4 1 112 3d4ccccd 15 8 1 0
groove 3 4 120 12 silence
hits
latents 3f800000 bf000000 0 40490fdb
end
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[bytes]], list[str]]:
    parts = ("device/state", "engine/groove", "engine/melody")
    return partial(said_of, build("read_states.cpp", parts, tmp_path_factory.mktemp("state")))


def test_melodies_and_grooves_are_read(read: Callable[[list[bytes]], list[str]]) -> None:
    both = MELODIES.replace(b"latents", b"groove 4 4 112 16 x\nhits\nlatents")
    said = read(
        [MELODIES, GROOVES, both, GROOVES.replace(b"15 8 1 0", b"16 8 1 0"), GROOVES.replace(b" 16 b", b" 15 b")]
    )
    assert said[:2] == ["2 melodies 0 grooves 4 latents cells", "0 melodies 2 grooves 4 latents cells"]
    assert all(line.startswith("no expected the state") for line in said[2:])  # of both, off the end, half a bar


def test_how_the_pad_goes_is_what_the_state_says_or_what_the_release_did_that_wrote_it(
    read: Callable[[list[bytes]], list[str]],
) -> None:
    """A state without the line is of a release of before charts, unless it has the parameter that came with them."""
    cells, chart, other = (
        MELODIES.replace(b"melody 4", b"plane %s\nmelody 4" % word, 1) for word in (b"cells", b"chart", b"hexagons")
    )
    between = MELODIES.replace(b"value octave", b"value axes 0\nvalue octave")
    said = read([MELODIES, cells, chart, between, cells.replace(b"value octave", b"value axes 0\nvalue octave"), other])
    assert [line.split()[-1] for line in said[:5]] == ["cells", "cells", "chart", "chart", "cells"]
    assert said[5].startswith("no expected the state")


def test_mutated_states_under_sanitizers(read: Callable[[list[bytes]], list[str]]) -> None:
    random, states = np.random.default_rng(8), []
    words = [b"-1", b"99999999999", b"nan", b"1e999", b"", b"hits", b"groove", b"\n", b"ffffffff", b"7fc00000"]
    for number in range(MUTATIONS):
        parts = (MELODIES, GROOVES, CHARTED)[number % 3].replace(b"\n", b" \n ").split(b" ")
        for _ in range(int(random.integers(1, 4))):
            at, kind = int(random.integers(len(parts))), int(random.integers(3))
            if kind == 0:
                parts[at] = words[int(random.integers(len(words)))]
            elif kind == 1:
                del parts[at]
            else:
                parts[at] = bytes(random.integers(0, 256, int(random.integers(1, 6)), np.uint8))
        states.append(b" ".join(parts).replace(b" \n ", b"\n"))
    said = read(states)
    assert len(said) == len(states)
    refused = sum(line.startswith("no ") for line in said)
    assert refused > 100 and len(said) - refused > 100
