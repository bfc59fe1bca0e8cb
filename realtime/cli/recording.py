"""The file that `--record` names: checked before playing, and written meanwhile: a crash costs half a minute."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import typer

from latentmix.errors import InputError
from latentmix.files import check_new
from midi_vae.cli.options import MIDI_SUFFIXES
from midi_vae.music.melody import Melody

from ..engine.background import beside
from ..engine.engine import Engine

KEEP_SECONDS = 30.0  # between two writings of what was played so far


@contextlib.contextmanager
def keeping(engine: Engine, path: Path, first: Melody) -> Iterator[None]:
    """Meanwhile what was played so far is written every `KEEP_SECONDS`, all of it at the end; whole files, always."""

    def keep(is_over: threading.Event) -> None:
        written = 0
        while not is_over.wait(KEEP_SECONDS):
            if (count := len(engine.recording())) > written:
                with contextlib.suppress(InputError):  # a full disk is told at the end
                    write(engine, path, first)
                    written = count

    try:
        with beside("latentmix recording", keep):
            yield
    finally:
        typer.echo(f"{path}: {write(engine, path, first)} notes")


def write(engine: Engine, path: Path, first: Melody) -> int:
    """Write what was played so far; how many notes.

    Raises:
        InputError: it cannot be written.
    """
    from ..engine.recorder import write_recording

    notes = engine.recording()
    write_recording(path, notes, engine.recorded_tempi(), first.metre, first.program)
    return len(notes)


def is_midi(path: Path) -> bool:
    """Whether a file of this name holds MIDI."""
    return path.suffix.lower() in MIDI_SUFFIXES


def check_recording(path: Path | None, files: Sequence[Path], force: bool) -> None:
    """See to it before playing that it can be written afterwards.

    Raises:
        InputError: it cannot, or there is such a file already and nobody said that it may go.
    """
    if path is None:
        return
    if not is_midi(path):
        raise InputError(f"{path}: expected the name of a MIDI file, which ends in .mid")
    check_new_file(path, files, force)


def check_new_file(path: Path, files: Sequence[Path], force: bool, suffixes: Sequence[str] | None = None) -> None:
    """See to it before a performance that it can be written, and that nothing is lost by it.

    Args:
        suffixes: what its name may end in, where it is not a performance.

    Raises:
        InputError: as `offline.render.check_place`; the file is there and `force` does not say that it may go.
    """
    from ..offline.render import PERFORMANCES, check_place

    check_place(path, files, suffixes or PERFORMANCES)
    check_new([path], force)
