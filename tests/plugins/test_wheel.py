"""The wheel of `scripts/make/make_wheel.py`: plugins are installed from it where there is no compiler."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from plugin_bundles import Bundles

ROOT = Path(__file__).resolve().parents[2]
INSTALL = "import sys; from realtime.cli.app import main; sys.argv[0] = 'livemix'; main()"

pytestmark = pytest.mark.slow


def test_plugins_come_out_of_the_wheel_without_a_compiler(bundles: Bundles, tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "make" / "make_wheel.py", "-o", tmp_path, "--no-wasm"]
    built = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert built.returncode == 0, built.stderr
    assert not (ROOT / "realtime" / "plugins" / "binaries").exists()
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    environment = os.environ | {
        "PYTHONPATH": str(tmp_path / "site"),
        "PATH": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    command = [sys.executable, "-P", "-c", INSTALL, "plugin", "install", "--into", "hosts"]
    if sys.version_info < (3, 11):
        command.remove("-P")  # there the folder is not looked into for -c from another one
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (
        len(done.stdout.splitlines()) == 7 and not (tmp_path / "cache").exists()
    )  # melody, its synth in VST3 alone, drums
    binary = tmp_path / "hosts" / "clap" / "latentmix-melody" / "latentmix-melody.clap"
    assert binary.read_bytes() == bundles.clap().read_bytes()
    host = bundles.program("clap_host", tmp_path / "host")
    said = subprocess.run([host, binary, "list"], capture_output=True, text=True, check=True, timeout=300).stdout
    assert said.startswith("org.latentmix.melody\tlatentmix melody\tnote-effect")
