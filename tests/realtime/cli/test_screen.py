"""The live screen: what a terminal shows of an engine's snapshot."""

from __future__ import annotations

import io
import time
from dataclasses import fields

import pytest
from rich.console import Console

from midi_vae.music.melody import Melody
from realtime.cli.screen import Screen, draw, piano_roll
from realtime.engine.engine import Snapshot
from realtime.music.parameters import PARAMETERS

MELODY = Melody.from_notes([(0, 4, 60), (4, 6, 64), (8, 16, 67), (16, 32, 62)], bars=2)


def snapshot(**other) -> Snapshot:
    values = {name: parameter.default for name, parameter in PARAMETERS.items()} | other.pop("values", {})
    told = dict.fromkeys((field.name for field in fields(Snapshot)), 0)
    told |= {
        "values": values,
        "mode": "position",
        "names": ("A", "B [bold]\x1b[31m"),
        "places": (),
        "weights": (0.25, 0.75),
    }
    told |= {"melody": MELODY, "step": 20, "sounding": 62, "running": True, "tempo": 121.5, "source": "midi"}
    told |= {"warnings": (), "ports": ("latentmix out",)}
    return Snapshot(**(told | other))


def text_of(renderable, width: int = 120, **options) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    console.print(renderable)
    return console.file.getvalue()


def test_everything_is_on_the_screen():
    shown = text_of(
        draw(
            snapshot(
                values={"position": 0.75, "hold": True, "attribute.density": 1.5, "key": "C:maj"},
                decode_ms=2.5,
                decode_p99_ms=3.5,
                late_decodes=4,
                late_p99_ms=0.25,
                notes=321,
                underruns=7,
                skipped=1,
                warnings=("the port went away\nand more",),
            ),
            "keys: h holds",
        )
    )
    for part in (
        "121.5 bpm, midi clock", "follow step", "key C:maj", "HOLD", "25 %", "75 %", "position", "0.750",
        "decode 2.5 ms, p99 3.5", "late decodes 4", "notes 321, late p99 0.25 ms", "steps skipped 1", "underruns 7",
        "latentmix out", "the port went away and more", "keys: h holds", "bar 2 of 2", "B [bold]?[31m",
        "attribute.density 1.5",
    ):  # fmt: skip
        assert part in shown, part
    assert "\x1b" not in shown and "REC" not in shown


def test_the_piano_roll_is_that_of_the_bar_that_plays():
    first, second = (text_of(piano_roll(MELODY, step)).splitlines() for step in (3, 16 + 32 * 5))
    named = {line.split()[0]: line[5:] for line in first[:-1]}
    assert named["C4"].startswith("▐██" + "███" * 3 + "┊") and named["E4"][12:18] == "▐█████"
    assert named["G4"].index("▐") == 24 and named["G4"].count("█") == 23
    assert "bar 1 of 2" in first[-1] and "bar 2 of 2" in second[-1]
    assert sum("█" in line for line in second) == 1 and len(second) == len(first)
    wide = Melody.from_notes([(0, 4, 30), (16, 20, 90)])
    assert "F♯1" in text_of(piano_roll(wide, 0)) and "F♯6" in text_of(piano_roll(wide, 16))


def test_the_pad_shows_both_its_ways():
    shown = text_of(draw(snapshot(mode="pad", values={"x": 0.1, "y": 0.9})))
    assert "0.100" in shown and "0.900" in shown and "position" not in shown


@pytest.mark.parametrize(
    "melody",
    [
        Melody.from_notes([], bars=1),
        Melody.from_notes([(0, 1, 0), (1, 2, 127)]),
        Melody.from_notes([(0, 3, 60)], metre=(3, 8)),
    ],
)
def test_any_melody_can_be_shown(melody):
    for step in (-1, 0, 5, 1000):
        assert len(text_of(piano_roll(melody, step, 60)).splitlines()) <= 14
    assert text_of(draw(snapshot(melody=melody, step=-1, running=False, names=(), weights=())), width=20)


def test_nothing_is_shown_where_there_is_no_terminal():
    out = io.StringIO()
    with Screen(snapshot, console=Console(file=out)) as screen:
        assert not screen.is_shown
    assert out.getvalue() == ""


def test_a_terminal_is_drawn_until_it_is_closed():
    out, calls = io.StringIO(), []
    console = Console(file=out, force_terminal=True, width=100, height=40, _environ={})

    def next_snapshot():
        calls.append(1)
        return snapshot(notes=len(calls))

    screen = Screen(next_snapshot, console=console)
    while len(calls) < 3:
        time.sleep(0.01)
    screen.close()
    screen.close()
    assert "notes 1," in out.getvalue() and "notes 2," in out.getvalue()
    drawn = len(calls)
    assert not screen._thread.is_alive() and len(calls) == drawn
