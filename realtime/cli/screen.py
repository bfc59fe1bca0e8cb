"""The live screen in a terminal: what plays, where in the mix, on whose clock, and whether all of it is on time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from midi_vae.music.melody import Melody

    from ..engine.snapshot import Snapshot

UPDATE_SECONDS = 0.1
ROWS = 12  # of the piano roll, one a semitone; of more the lowest are left out
BAR = 20  # characters of a bar that shows a share
STEP = 3  # characters of a sixteenth
PITCHES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
GOOD, BAD, DIM, HEAD = "green", "bold red", "dim", "bold"
LATE_MS = 20.0  # from here on a figure is shown as bad


def draw(snapshot: Snapshot, keys: str = "") -> RenderableType:
    """What the screen shows; pure.

    Args:
        snapshot: of the engine.
        keys: a line about the keyboard, "" for none.
    """
    from rich.console import Group
    from rich.text import Text

    lines: list[Any] = [_headline(snapshot), Text(), _melodies(snapshot), _moved(snapshot), Text()]
    lines += [piano_roll(snapshot.melody, snapshot.step if snapshot.running else -1, snapshot.sounding), Text()]
    lines += [_figures(snapshot)]
    for warning in snapshot.warnings[-3:]:
        lines.append(Text(plain(warning), "yellow", no_wrap=True, overflow="ellipsis"))
    if keys:
        lines.append(Text(keys, DIM, no_wrap=True, overflow="ellipsis"))
    return Group(*lines)


class Screen:
    """Shows an engine in the terminal until it is closed; nothing where standard output is no terminal.

    Args:
        snapshot: called ten times a second.
        keys: see `draw`.
        console: of rich; standard output if None.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], keys: str = "", console: Console | None = None) -> None:
        self._snapshot, self._keys = snapshot, keys
        self.is_shown = console.is_terminal if console is not None else sys.stdout.isatty()
        self._stop = threading.Event()
        if not self.is_shown:
            return
        from rich.console import Console
        from rich.live import Live

        self._live = Live(
            draw(snapshot(), keys),
            console=console or Console(),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="crop",
        )
        self._live.start(refresh=True)
        self._thread = threading.Thread(target=self._run, name="latentmix screen", daemon=True)
        self._thread.start()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last picture standing; a second time does nothing."""
        if not self.is_shown or self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        self._live.stop()

    def _run(self) -> None:
        while not self._stop.wait(UPDATE_SECONDS):
            self._live.update(draw(self._snapshot(), self._keys), refresh=True)


def piano_roll(melody: Melody, step: int = -1, sounding: int | None = None) -> Text:
    """The bar that plays, one line a semitone, the playhead in it.

    Args:
        melody: that is heard.
        step: sixteenth that is played, from the start of the song; -1: none, the first bar is shown.
        sounding: pitch, for the note that is played.
    """
    from rich.text import Text

    steps, size = max(len(melody.tokens), 1), melody.steps_per_bar
    at = step % steps if step >= 0 else -1
    first = max(at, 0) // size * size
    size = min(size, steps - first)
    notes = melody.notes()
    pitches = [pitch for _, _, pitch in notes]
    if pitches and max(pitches) - min(pitches) >= ROWS:  # else the picture stays as high from bar to bar
        notes = [note for note in notes if note[0] < first + size and note[1] > first]
    highest = max((pitch for _, _, pitch in notes), default=67)
    lowest = max(min((pitch for _, _, pitch in notes), default=60), highest - ROWS + 1)
    lowest = min(lowest, highest - 4)  # so that the picture does not jump too much
    text = Text(no_wrap=True)
    for pitch in range(highest, lowest - 1, -1):
        text.append(f"{PITCHES[pitch % 12] + str(pitch // 12 - 1):>4} ", DIM)
        for column in range(first, first + size):
            is_on, is_start = False, False
            for start, end, each in notes:
                if each == pitch and start <= column < end:
                    is_on, is_start = True, start == column
            text.append(*_cell(is_on, is_start, column == at, column % 4 == 0, is_on and pitch == sounding))
        text.append("\n")
    bars = -(-steps // melody.steps_per_bar)
    text.append(f"     bar {first // melody.steps_per_bar + 1} of {bars}", DIM)
    return text


def plain(text: str) -> str:
    """Text from outside without what a terminal would obey.

    >>> plain("a\\x1b[31mb\\n")
    'a?[31mb '
    """
    return "".join(" " if c in "\n\t" else c if c.isprintable() else "?" for c in text)


def _cell(is_on: bool, is_start: bool, is_here: bool, is_beat: bool, sounds: bool) -> tuple[str, str]:
    if is_on:
        block = ("▐" if is_start else "█") + "█" * (STEP - 1)
        return block, "bright_green" if sounds and is_here else "cyan"
    rest = ("┊" if is_beat else " ") + " " * (STEP - 1)
    return rest, "reverse dim" if is_here else DIM


def _headline(snapshot: Snapshot) -> Text:
    from rich.text import Text

    values = snapshot.values
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append("▶ " if snapshot.running else "■ ", GOOD if snapshot.running else DIM)
    text.append(f"{snapshot.tempo:.1f}", HEAD)
    text.append(f" bpm, {plain(snapshot.source)} clock   ")
    text.append(f"follow {values.get('follow', '')}   key {values.get('key', '')}   ")
    for name, mark in (("hold", "HOLD"), ("record", "● REC")):
        if values.get(name):
            text.append(mark + "  ", "bold yellow" if name == "hold" else BAD)
    return text


def _melodies(snapshot: Snapshot) -> Text:
    from rich.text import Text

    text = Text()
    for number, (name, weight) in enumerate(zip(snapshot.names, snapshot.weights, strict=False), 1):
        text.append(f"{number} ", DIM)
        text.append(f"{plain(name)[:24]:<24} ")
        text.append(*_bar(weight))
        text.append(f" {100 * weight:4.0f} %\n")
    return text


def _moved(snapshot: Snapshot) -> Text:
    from rich.text import Text

    values, text = snapshot.values, Text()
    names = {"position": ("position",), "pad": ("x", "y"), "weights": ()}.get(snapshot.mode, ("position",))
    for name in names:
        text.append(f"{name:<26} ", HEAD)
        share = float(values.get(name, 0.0))
        text.append(*_bar(share, "magenta"))
        text.append(f" {share:.3f}\n")
    others = {n: v for n, v in values.items() if n.startswith("attribute.") and v}
    others |= {n: values[n] for n in ("temperature", "density", "octave", "velocity") if n in values}
    text.append("   ".join(f"{name} {value:g}" for name, value in others.items()), DIM)
    return text


def _figures(snapshot: Snapshot) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 3))
    late = ("", BAD)[snapshot.late_p99_ms >= LATE_MS], ("", BAD)[snapshot.decode_p99_ms >= LATE_MS]
    cells = [
        (f"decode {snapshot.decode_ms:.1f} ms, p99 {snapshot.decode_p99_ms:.1f}", late[1]),
        _count("late decodes", snapshot.late_decodes),
        (f"notes {snapshot.notes}, late p99 {snapshot.late_p99_ms:.2f} ms", late[0]),
        _count("steps skipped", snapshot.skipped),
        _count("underruns", snapshot.underruns),
    ]
    table.add_row(*(Text(text, style) for text, style in cells))
    where = Text(", ".join(map(plain, snapshot.ports)) or "no MIDI port", DIM, no_wrap=True, overflow="ellipsis")
    from rich.console import Group

    return Group(table, where)


def _count(name: str, count: int) -> tuple[str, str]:
    return f"{name} {count}", BAD if count else GOOD


def _bar(share: float, style: str = "cyan") -> tuple[str, str]:
    """A bar of eighths of a character, and its style.

    >>> _bar(0.5)[0].count("█"), len(_bar(1.0)[0]), _bar(0.0)[0].strip("·")
    (10, 20, '')
    """
    eighths = round(min(max(share, 0.0), 1.0) * BAR * 8)
    full, rest = divmod(eighths, 8)
    part = " ▏▎▍▌▋▊▉"[rest] if rest else ""
    return ("█" * full + part).ljust(BAR, "·"), style
