"""How fast a folder of MIDI files becomes windows to train on, beside another checkout of this repository.

    git worktree add ../before COMMIT
    python scripts/bench/bench_dataset.py FOLDER --other ../before

Both read the folder in one process, in turns, each time in a new one; the figure is the ratio of the processor times of
`load_windows`, the median of the rounds, with the least and the most. Whether both give the same windows is said too.
Commits before this folder structure are read through `midi_vae.dataset`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import median

HERE = Path(__file__).parents[2]
READ = """
import hashlib, sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
try:
    from midi_vae.training import dataset
except ImportError:
    from midi_vae import dataset
name = "read_all" if hasattr(dataset, "read_all") else "_read_all"  # in this process, whatever the commit
setattr(dataset, name, lambda files, read, workers: map(read, files))
start = time.process_time()
found = dataset.load_windows(sys.argv[2], 21, 88)
print(time.process_time() - start, found.files, len(found.refused), hashlib.sha256(found.windows.tobytes()).hexdigest())
"""


def seconds(root: Path, folder: str) -> tuple[float, tuple[str, ...]]:
    """Processor time of reading a folder with a checkout, and what came out: files, refused, a hash of the windows."""
    done = subprocess.run([sys.executable, "-c", READ, root, folder], check=True, capture_output=True, text=True)
    time, *rest = done.stdout.split()
    return float(time), tuple(rest)


def main() -> None:
    parser = argparse.ArgumentParser(description="Speed of reading a folder of MIDI files, beside another checkout.")
    parser.add_argument("folder")
    parser.add_argument("--other", type=Path, required=True, help="root of the other checkout")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    ratios: list[float] = []
    here: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    for _ in range(given.rounds):
        slow, other = seconds(given.other.resolve(), given.folder)
        fast, here = seconds(HERE, given.folder)
        ratios.append(slow / fast)
        print(f"{fast:.2f} s here, {slow:.2f} s there, ratio {ratios[-1]:.2f}", flush=True)
    print(f"ratio {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}); {here[0]} files gave windows here")
    print(f"windows: {'the same' if here == other else f'{here} here, {other} there'}")


if __name__ == "__main__":
    main()
