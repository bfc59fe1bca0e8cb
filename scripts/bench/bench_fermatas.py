"""Tunes in ABC, played by abc2midi with their fermatas and without: whether the held notes are found by the accents.

    python scripts/bench/bench_fermatas.py FOLDER      # ABC files, also in the folders in it

abc2midi (package abcmidi) must be installed; with `-NFER` it ignores fermatas, which says how the tune was written.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from latentmix.errors import InputError
from midi_vae.midi.reader import read_tune
from scripts.bench.abc_tunes import asked, played

NEAR = 0.03  # beats


def notes_of(path: Path) -> np.ndarray | None:
    """(n, 3) start and end in beats, pitch; None where there are none."""
    try:
        tracks = read_tune(path).tracks
    except InputError:
        return None
    return np.concatenate([np.stack([t.notes["start"], t.notes["end"], t.notes["pitch"]], axis=1) for t in tracks])


def compare(abc2midi: str, sources: list[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for number, source in enumerate(sources, start=1):
        print(f"\r{number} of {len(sources)}", end="", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as name:
            held = played(abc2midi, source, Path(name) / "held")
            plain = played(abc2midi, source, Path(name) / "plain", "-NFER")
            for tune in held.keys() & plain.keys():
                same_bytes = held[tune].read_bytes() == plain[tune].read_bytes()
                one, other = notes_of(held[tune]), notes_of(plain[tune])
                if one is None or other is None or one.shape != other.shape:
                    continue
                if same_bytes:
                    counts["without fermatas"] += 1
                    counts["and taken to have some"] += any("fermatas" in r for r in read_tune(held[tune]).remarks)
                else:
                    counts["with fermatas"] += 1
                    counts["all as written"] += bool(np.allclose(one, other, rtol=0, atol=NEAR))
                    counts["all onsets as written"] += bool(np.allclose(one[:, 0], other[:, 0], rtol=0, atol=NEAR))
    print(file=sys.stderr)
    return counts


def main() -> None:
    abc2midi, folder = asked(__doc__, "with ABC files, also in the folders in it")
    sources = sorted(folder.rglob("*.abc"))
    if not sources:
        sys.exit(f"{folder}: expected ABC files, found none")
    for name, count in compare(abc2midi, sources).items():
        print(f"{count:6} {name}")


if __name__ == "__main__":
    main()
