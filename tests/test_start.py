"""What commands do not import before they need it; how long that takes is for `scripts/bench/bench_start.py`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIGHT = ("torch", "soundfile", "tomlkit", "tarfile", "matplotlib", "rtmidi", "aiohttp")  # as help is to be
HEAVY = ("torch._dynamo", "torch._inductor", "torchaudio", "scipy", "matplotlib", "lightning_fabric", "rich.console")
CODE = """
import sys
from {0}.cli import main
sys.argv = [{0!r}, *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    assert not end.code, end
print("modules:", *sys.modules)
"""

COMMANDS = {
    "midi_vae --help": (*LIGHT, "numpy", "mido"),
    "audiovq --help": (*LIGHT, "numpy", "mido"),
    "realtime --help": LIGHT,
    "midi_vae mix --help": (*LIGHT, "numpy", "mido"),
    "midi_vae info examples/lively.mid": ("torch", "matplotlib", "tomlkit"),
    "audiovq info OUT.avq": ("torch", "matplotlib", "soundfile"),
    "midi_vae mix examples/lively.mid examples/lyrical.mid --steps 2 -o OUT.mid": (*HEAVY, "tomlkit", "midi_vae.drums"),
    "audiovq compress examples/speech.flac -o OUT.avq": (*HEAVY, "tomlkit"),
}


def modules_of(command: str, out: Path) -> set[str]:
    program, *arguments = command.replace("OUT", str(out)).split()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    code = [sys.executable, "-c", CODE.format(program), *arguments]
    done = subprocess.run(code, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.rsplit("modules:", 1)[1].split())


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where to write, in which `audiovq compress` has written."""
    return tmp_path_factory.mktemp("start") / "out"


@pytest.mark.parametrize("command", sorted(COMMANDS, key=lambda each: "info OUT" in each))
def test_what_is_not_needed_is_not_imported(command: str, out: Path):
    assert not modules_of(command, out) & set(COMMANDS[command])
