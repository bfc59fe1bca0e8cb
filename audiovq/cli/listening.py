"""`--html` of the commands that make sound: checked before, written after."""

from __future__ import annotations

import os
from collections.abc import Sequence

from latentmix.cli import may_replace
from latentmix.errors import InputError
from latentmix.files import PIPE, check_target

from .options import ResultOptions


def check_made(made: Sequence[str], result: ResultOptions) -> None:
    """See to it, before anything is made, that it and a page of it can be, and that no file is lost by that.

    Raises:
        InputError: the page has another suffix, or what is made goes to standard output; as of `cli.may_replace`.
    """
    page = result.page
    if page is None:
        may_replace("audiovq", made, result.force)
        return
    if not page.lower().endswith((".html", ".htm")):
        raise InputError(f"{page}: expected a page that ends in .html")
    if PIPE in made:
        raise InputError("--html: expected files to show, found standard output; name a file with -o")
    check_target(page)
    may_replace("audiovq", [*made, page], result.force)


def show(page: str | None, title: str, made: Sequence[tuple[str, float]]) -> None:
    """Write the page of files and their seconds, if one is wanted.

    Raises:
        InputError: as of `listening_page.write_page`.
    """
    if page is None:
        return
    import soundfile

    from ..audio_io.mono import read_mono
    from .listening_page import write_page

    rate = soundfile.info(made[0][0]).samplerate
    write_page(page, title, [(os.path.basename(path), read_mono(path, rate)) for path, _ in made], rate)
