"""The frame of a command line: errors of input in one line, groups of options, the options that all commands have."""

from __future__ import annotations

import atexit
import contextlib
import enum
import functools
import gc
import inspect
import os
import secrets
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperGroup

from .errors import InputError
from .files import files_there

VERBOSE = "latentmix.verbose"  # in the context's meta: show tracebacks


class Device(str, enum.Enum):
    """Where a model runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class Commands(TyperGroup):
    """Commands that say in one line what was wrong with their input, or that they were stopped."""

    program = "latentmix"

    def make_context(self, *given: Any, **more: Any) -> Any:
        with self._stopped_in_a_line():  # options are read here, for which Typer imports what takes a while
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        try:
            with self._stopped_in_a_line():
                return super().invoke(ctx)
        except InputError as error:
            if ctx.meta.get(VERBOSE):
                traceback.print_exc()
            complain(self.program, str(error))
            raise typer.Exit(1) from None

    @contextlib.contextmanager
    def _stopped_in_a_line(self) -> Iterator[None]:
        try:
            yield
        except KeyboardInterrupt:
            complain(self.program, "stopped; nothing is left half-written")
            raise typer.Exit(130) from None


def complain(program: str, text: str) -> None:
    """One line on standard error, after the name of the program."""
    typer.echo(f"{program}: " + " ".join(text.splitlines()), err=True)


def may_replace(program: str, paths: Iterable[str | os.PathLike[str]], force: bool) -> None:
    """Before files are made: ask whether those of them that are there may go, if somebody can answer at a terminal.

    Scripts, whose second run makes the same files again, are not stopped, but told.

    Args:
        program: that says so.
        force: whether the user said so, by --force.

    Raises:
        InputError: the answer was no.
    """
    there = [] if force else files_there(paths)
    if not there:
        return
    said = there[0] + (f" and {len(there) - 1} more" if len(there) > 1 else "")
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        complain(program, f"{said}: will be replaced")
    elif not typer.confirm(f"{said}: there already. Replace?", err=True):
        raise InputError(f"{said}: kept; give another name, or --force")


def make_app(program: str, about: str) -> typer.Typer:
    """The command of that name with commands in it, as all of ours are, and its option --version."""
    app = make_group(program, about)

    @app.callback(help=about)
    def whole(version: bool = _version_option(program)) -> None: ...

    return app


def make_group(program: str, about: str) -> typer.Typer:
    """Commands of a program that have a name together, such as `audiovq corpus`; a group even where it is but one."""
    app = typer.Typer(
        cls=type("Commands", (Commands,), {"program": program}),
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=about)(lambda: None)
    return app


def run(app: typer.Typer) -> None:
    """What the entry point of a command does."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names of files and tracks may hold anything
    for name in ("SIGTERM", "SIGHUP"):  # as Ctrl-C, so that what is half-written is cleared away
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup has it ignored
            signal.signal(number, signal.default_int_handler)
    atexit.register(gc.freeze)  # all goes back to the system: a last search for cycles in torch takes half a second
    app()


def run_script(main: Callable[..., None]) -> None:
    """What the entry point of a script does: options as `main` has them, errors of input in one line, status 1."""
    try:
        typer.run(main)
    except (InputError, OSError) as error:
        complain(Path(sys.argv[0]).stem, str(error))
        raise SystemExit(1) from None


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Around an import of torch: no search for cycles meanwhile, for what modules make stays; saves a tenth."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _version_option(name: str) -> bool:
    """The option --version of the command of that name, as Typer wants it for a default."""

    def show(wanted: bool) -> None:
        if not wanted:
            return
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"{name} {version('latentmix')}")
        except PackageNotFoundError:
            typer.echo(f"{name}, from a folder that is not installed")
        raise typer.Exit

    option: bool = typer.Option(False, "--version", callback=show, is_eager=True, help="Show the version.")
    return option


def _remember(ctx: typer.Context, value: bool) -> bool:
    ctx.meta[VERBOSE] = value
    return value


Verbose = Annotated[
    bool,
    typer.Option("--verbose", callback=_remember, help="Show the traceback of an error.", rich_help_panel="Model"),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files without asking.", rich_help_panel="Output")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        max=2**63 - 1,
        help="The same seed gives the same result.",
        rich_help_panel="Model",
    ),
]


def drawn_seed(seed: int | None) -> int:
    """The seed asked for, or one that is told, so that even then the same can be had again."""
    return secrets.randbits(31) if seed is None else seed


def check_device(device: Device) -> str:
    """What torch calls the device; auto is a GPU if there is one.

    Raises:
        InputError: it is not there.
    """
    import torch

    has_gpu = device is not Device.cpu and torch.cuda.is_available()
    if device is Device.cuda and not has_gpu:
        raise InputError("--device cuda: expected a GPU that torch can use, found none; use --device cpu")
    return "cuda" if has_gpu else "cpu"


def _flattened(group: type) -> list[tuple[str, Any, Any]]:
    """Name, type and default of each option of a dataclass; groups inside it are taken apart too."""
    found: list[tuple[str, Any, Any]] = []
    hints = get_type_hints(group, include_extras=True)
    for each in fields(group):
        kind = hints[each.name]
        default = inspect.Parameter.empty if each.default is MISSING else each.default
        found += _flattened(kind) if isinstance(kind, type) and is_dataclass(kind) else [(each.name, kind, default)]
    return found


def _built(group: type, given: dict[str, object]) -> object:
    """A dataclass of options out of what was given for them, which is taken away."""
    hints = get_type_hints(group)
    return group(
        **{
            each.name: _built(hints[each.name], given) if is_dataclass(hints[each.name]) else given.pop(each.name)
            for each in fields(group)
        }
    )


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """A command with dataclasses of options as Typer wants it: with a parameter for each option instead."""
    groups: dict[str, type] = {}
    parameters: list[tuple[str, Any, Any]] = []
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if is_dataclass(hints[name]):
            groups[name] = hints[name]
            parameters += _flattened(hints[name])
        else:
            parameters.append((name, hints[name], parameter.default))

    @functools.wraps(command)
    def run(**given: object) -> None:
        for name, group in groups.items():
            given[name] = _built(group, given)
        command(**given)

    signature = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, kind, default in parameters
    ]
    vars(run)["__signature__"] = inspect.Signature(signature)
    run.__annotations__ = {name: kind for name, kind, _ in parameters}
    return run
