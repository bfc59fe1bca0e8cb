"""Build the wheel with the plugins' binaries inside, so that who installs it needs no compiler.

    LATENTMIX_EXTRAS=plugin scripts/run python scripts/make/make_wheel.py -o dist

Binaries for this machine, or for each `--target` (with ziglang), and the WebAssembly of the page without a server. They
lie in the package for as long as the wheel is built, and are never committed.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from latentmix.cli import run_script
from latentmix.errors import InputError
from realtime.plugins import build, make
from realtime.plugins.compiler import WASM, this_machine

ROOT = Path(__file__).resolve().parents[2]


def main(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the wheel goes.")],
    target: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="As of `livemix plugin build`; default: this machine.")
    ] = None,
    wasm: Annotated[bool, typer.Option(help="With the WebAssembly of the page; needs ziglang.")] = True,
) -> None:
    """Build the wheel with the plugins' binaries inside."""
    here = this_machine()
    names = target or ([here.name] if here else [])
    try:
        targets = [build.target_named(name) for name in names]
        if not targets:
            raise InputError(
                "expected --target with a machine to build for: this one is none that plugins are built for"
            )
        inside = make.SHIPPED
        if inside.exists():
            raise InputError(f"{inside}: expected nothing there, found binaries; take them away")
        try:
            for each in targets:
                shutil.copytree(make.binaries_for(each), inside / each.name)
            if wasm:
                (inside / WASM.name).mkdir(parents=True)
                for name, data in make.wasm_modules().items():
                    (inside / WASM.name / f"{name}.wasm").write_bytes(data)
            is_here = importlib.util.find_spec("hatchling") is not None  # else uv fetches it
            own = ["--no-build-isolation", "--python", sys.executable] if is_here else []
            command = [sys.executable, "-m", "uv", "build", "--wheel", *own, "-o", str(output.resolve()), str(ROOT)]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise InputError(f"uv build said: {(done.stderr.strip().splitlines() or ['nothing'])[-1]}")
        finally:
            shutil.rmtree(inside, ignore_errors=True)
    except InputError as error:
        typer.echo(f"make_wheel.py: {error}", err=True)
        raise typer.Exit(1) from None
    for path in sorted(output.glob("*.whl")):
        typer.echo(f"{path}: {path.stat().st_size / 1e6:.1f} MB, with plugins for {', '.join(names)}")


if __name__ == "__main__":
    run_script(main)
