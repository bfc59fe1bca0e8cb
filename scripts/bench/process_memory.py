"""What processes hold in memory, those files counted once that several of them have (Linux)."""

from __future__ import annotations

from collections import Counter


def memory(pids: list[int]) -> list[dict[str, float]]:
    """MiB of each process: `own` and `files`, as `bench_sound_live.py` says."""
    own, files = [], []
    for pid in pids:
        own.append(0)
        files.append(Counter[str]())
        with open(f"/proc/{pid}/smaps") as file:
            for line in file:
                name, *rest = line.split()
                if not name.endswith(":"):
                    path = rest[4] if len(rest) > 4 else ""
                elif path.startswith("/dev/shm/jack"):
                    continue
                elif name == "Private_Dirty:":
                    own[-1] += int(rest[0])
                elif name in ("Private_Clean:", "Shared_Clean:", "Shared_Dirty:"):
                    files[-1][path] += int(rest[0])
    sharing = Counter(path for each in files for path in each)
    parts = [sum(size / sharing[path] for path, size in each.items()) for each in files]
    return [{"own": mine / 1024, "files": part / 1024} for mine, part in zip(own, parts, strict=True)]
