"""How livemix starts, also under a controller that moves: how soon there is a note, and what follows a killed player.

    scripts/run python scripts/bench/bench_start.py                             # 50 starts, 20 kills
    scripts/run python scripts/bench/bench_start.py --against ../latentmix-of-before --starts 10
    scripts/run python scripts/bench/bench_start.py --against ../latentmix-of-before --starts 5 --commands

With --against, starts of another checkout (its package imported from there, in this environment) alternate with ours,
and the times are told as ratios too. Times depend on what else the machine does; the ratio much less, and least that
of the processor time that --commands tells, of whole commands that end by themselves.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0  # seconds for a first note
COMMANDS = (
    ("midi_vae.cli", "--help"),
    ("midi_vae.cli", "mix examples/lively.mid examples/lyrical.mid"),
    ("audiovq.cli", "compress examples/speech.flac"),
)
OUTPUTS = {"midi_vae.cli": "mid", "audiovq.cli": "avq"}
MORE_INPUTS = 100  # opened while the controller moves already, as slow ports are


class Controller:
    """A knob that is turned without end, from before anybody listens: so many messages a second over TCP."""

    def __init__(self, rate: int) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            self.port = server.getsockname()[1]
        self._pause, self._stop = 1 / rate, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Turn no more."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        value = 0
        while not self._stop.wait(0.002):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)) as connection:
                while not self._stop.wait(self._pause):
                    value = (value + 1) % 128
                    connection.sendall(bytes([0xB0, 1, value]))


class Synth:
    """Something that hears notes over TCP, whoever connects and however often."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.notes = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def wait_for(self, notes: int, process: subprocess.Popen[str]) -> bool:
        """Whether so many notes came, before the process ended or patience did."""
        end = time.perf_counter() + PATIENCE
        while self.notes < notes and time.perf_counter() < end and process.poll() is None:
            time.sleep(0.001)
        return self.notes >= notes

    def close(self) -> None:
        """Listen no more."""
        self._server.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._hear, args=(self._server.accept()[0],), daemon=True).start()

    def _hear(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := connection.recv(4096):
                self.notes += sum(byte & 0xF0 == 0x90 for byte in data)


@contextlib.contextmanager
def livemix(folder: Path, synth: Synth, controller: Controller | None) -> Iterator[subprocess.Popen[str]]:
    """`livemix play` of a checkout."""
    module = "realtime.cli.app" if (folder / "realtime/cli/app.py").exists() else "realtime.cli"
    files = [str(folder / "examples" / f"{name}.mid") for name in ("lively", "lyrical")]
    command = [sys.executable, "-c", f"from {module} import main; main()", "play", *files, "--no-screen"]
    command += ["--out", f"tcp:127.0.0.1:{synth.port}"]
    if controller is not None:
        command += ["--in", f"tcp:127.0.0.1:{controller.port}", *["--in", "tcp:127.0.0.1:0"] * MORE_INPUTS]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        try:
            yield run
        finally:
            if run.poll() is None:
                run.send_signal(signal.SIGINT)
            run.communicate(timeout=PATIENCE)


def start(folder: Path, rate: int) -> float | None:
    """Seconds to the first note; None: there was none."""
    synth, controller = Synth(), Controller(rate) if rate else None
    begun = time.perf_counter()
    try:
        with livemix(folder, synth, controller) as run:
            heard = synth.wait_for(1, run)
            return time.perf_counter() - begun if heard else None
    finally:
        synth.close()
        if controller is not None:
            controller.close()


def kills(folder: Path, rate: int, count: int) -> int:
    """Of so many kills of the player in mid-song, after how many the music went on."""
    synth, controller, survived = Synth(), Controller(rate), 0
    with livemix(folder, synth, controller) as run:
        for _ in range(count):
            if not synth.wait_for(synth.notes + 3, run):
                break
            player = player_of(run.pid)
            os.kill(player, signal.SIGKILL)
            gone, before = time.perf_counter(), synth.notes
            survived += synth.wait_for(before + 3, run) and player_of(run.pid) != player
            time.sleep(max(0.0, 2.5 - (time.perf_counter() - gone)))  # five in ten seconds are too many
    synth.close()
    controller.close()
    return survived


def player_of(parent: int) -> int:
    """The process of the player that a process has started."""
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found = re.search(r"^PPid:\s*(\d+)", (each / "status").read_text(), re.MULTILINE)
            if found and int(found[1]) == parent and b"player" in (each / "cmdline").read_bytes():
                return int(each.name)
    return -1


def spent(folder: Path, module: str, arguments: Sequence[str]) -> tuple[float, float]:
    """Seconds that a command of a checkout takes, and of the processor."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-c", f"from {module} import main; main()", *arguments]
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare_commands(folders: Sequence[Path], count: int) -> None:
    """Print the medians of each command, checkouts alternating."""
    with tempfile.TemporaryDirectory() as made:
        for module, line in COMMANDS:

            def once(folder: Path, module: str = module, line: str = line) -> tuple[float, float]:
                out = Path(made, f"out.{OUTPUTS[module]}")
                out.unlink(missing_ok=True)  # of the time before, which no command replaces
                return spent(folder, module, [*line.split(), *(["-o", str(out)] if "--" not in line else [])])

            found = [[once(folder) for folder in folders] for _ in range(count)]
            medians = np.median(found, 0)  # of folders, seconds and processor seconds
            for folder, (seconds, processor) in zip(folders, medians, strict=True):
                print(f"{folder.name}: {module} {line}: {processor:.2f} s of processor, {seconds:.2f} s")
            if len(folders) == 2:
                print(f"ratio: {medians[0, 1] / medians[1, 1]:.2f} of processor time")


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--starts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--rate", type=int, default=100, help="messages a second; 0 for no controller")
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--commands", action="store_true", help="of midi-vae and audiovq instead")
    asked = parser.parse_args()
    folders = [ROOT, *([asked.against.resolve()] if asked.against else [])]
    if asked.commands:
        return compare_commands(folders, asked.starts)
    times: dict[Path, list[float | None]] = {folder: [] for folder in folders}
    for _ in range(asked.starts):
        for folder in folders:
            times[folder].append(start(folder, asked.rate))
    medians = []
    for folder in folders:
        good = [each for each in times[folder] if each is not None]
        medians.append(statistics.median(good) if good else float("nan"))
        print(f"{folder.name}: {len(good)} of {asked.starts} starts, {medians[-1]:.2f} s to the first note (median)")
    if len(folders) == 2:
        print(f"ratio: {medians[0] / medians[1]:.2f}")
    if asked.kills:
        print(f"{ROOT.name}: the music went on after {kills(ROOT, asked.rate, asked.kills)} of {asked.kills} kills")


if __name__ == "__main__":
    main()
