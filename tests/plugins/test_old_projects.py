"""A project of an earlier commit opens as it was, and parameters stay where its automation looks for them.

`projects/` holds what the CLAP and the VST3 of melodies kept on 28 November 2026, before the pad had its axes, with
the four melodies of the tests in reverse: `clap_host save` and `vst3_host save`, with the values of MOVED.
"""

from __future__ import annotations

import json
import re
import subprocess
from copy import copy
from pathlib import Path

import pytest
from plugin_bundles import Bundles

from midi_vae.importing import read_melody
from midi_vae.music.melody import Melody
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import all_asides, charted
from realtime.music.mixer import Mixer

PROJECTS = Path(__file__).parent / "projects"
MOVED = {"Position": 0.5, "Pad X": 0.25, "Octave": 1, "Notes kept": 0.75, "More density": 1, "Velocity": 100}
LIVE = {"position": 0.5, "octave": 1, "density": 0.75, "attribute.density": 1.0}
PLACES = ((0.25, 0.75), (1.0, 0.3125))  # on the pad, between its corners

# what projects name a parameter by, in the order of hosts: LV2's symbol, CLAP's id, the name; VST3's id is the place
OF_BOTH = ["position 0 Position", "x 1 Pad X", "y 2 Pad Y", "mix_by 3 Mix by"]
OF_BOTH_AGAIN = ["channel 15 MIDI channel", "follow 16 Changes heard at", "hold 17 Hold", "record 18 Record into",
                 "run 19 Run", "tempo 20 Tempo without a host's", "bypass 21 Bypass"]  # fmt: skip
VARIED = ["variation 9 Variation", "seed 10 Variation seed"]
OF_MELODIES = [*OF_BOTH, "attribute_1 4 More density", "attribute_2 5 More height", "attribute_3 6 More range",
               "attribute_4 7 More syncopation", "attribute_5 8 More legato", *VARIED, "key 11 Key", "octave 12 Octave",
               "density 13 Notes kept", "velocity 14 Velocity", *OF_BOTH_AGAIN, "volume 22 Volume",
               "axes 25 Pad axes"]  # fmt: skip
OF_DRUMS = [*OF_BOTH, "humanise 23 Humanise", *VARIED, "level 24 Velocity", *OF_BOTH_AGAIN]


@pytest.fixture(scope="module")
def hosts(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("hosts")
    return {name: bundles.program(f"{name}_host", folder / name) for name in ("clap", "vst3")}


@pytest.fixture(scope="module")
def live(bundles: Bundles) -> Mixer:
    """The live engine with the project, without a chart of the pad."""
    melodies = [read_melody(path)[0] for path in reversed(bundles.melodies)]
    mixer = Mixer(Decoder(bundles.model), melodies)
    mixer.asides = all_asides(mixer.coder, mixer.coded)
    mixer.move(LIVE)
    return mixer


@pytest.fixture(scope="module")
def charted_live(live: Mixer) -> Mixer:
    """The same with one."""
    mixer = copy(live)
    mixer.values, plane = dict(live.values), tuple(live.places)
    mixer.charts = {plane: charted(mixer, plane)}
    return mixer


def asked(
    hosts: dict[str, Path], bundles: Bundles, form: str, what: str, *words: object, kind: str = "melody"
) -> bytes:
    of_clap = what in ("play", "save", "parameters") and form == "clap"
    binary = bundles.clap(kind) if form == "clap" else bundles.vst3(kind)
    command = [hosts[form], binary, what, *([f"org.latentmix.{kind}"] if of_clap else []), *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def compare(said: bytes, expected: Melody) -> None:
    """Notes that a host was sent, with those of a melody."""
    played = [tuple(map(int, line.split())) for line in said.decode().splitlines()]
    assert [(frame // 6000, key) for frame, is_on, key, _ in played if is_on] == [
        (at, key) for at, _, key in expected.notes()
    ]
    assert {velocity for _, is_on, _, velocity in played if is_on} == {MOVED["Velocity"]}


def beats(mixer: Mixer) -> float:
    return len(mixer.melody().tokens) / 4


@pytest.mark.parametrize("form", ["clap", "vst3"])
def test_a_project_of_before_plays_what_it_played(
    form: str, hosts: dict[str, Path], bundles: Bundles, live: Mixer
) -> None:
    project = PROJECTS / f"before-axes.{form}"
    compare(asked(hosts, bundles, form, "play", beats(live), f"state={project}"), live.melody())


def on_the_pad(place: tuple[float, float], mixer: Mixer) -> tuple[list[str], Melody]:
    """What a host sets to go there, and what the live engine plays there."""
    mixer = copy(mixer)
    mixer.values = dict(mixer.values)
    mixer.move(dict(zip("xy", place, strict=True)))
    return [f"Pad X={place[0]}", f"Pad Y={place[1]}", "Mix by=1"], mixer.melody()


@pytest.mark.parametrize("form", ["clap", "vst3"])
def test_the_pad_of_a_project_of_before_goes_straight_also_when_it_is_kept_again(
    form: str, hosts: dict[str, Path], bundles: Bundles, live: Mixer, tmp_path: Path
) -> None:
    """From one cell to the next, as it was before the pad had a chart."""
    again = tmp_path / "again"
    again.write_bytes(asked(hosts, bundles, form, "save", 0, f"state={PROJECTS / f'before-axes.{form}'}"))
    assert again.read_bytes().count(b"plane cells") == 1
    for place in PLACES:
        words, expected = on_the_pad(place, live)
        compare(asked(hosts, bundles, form, "play", beats(live), f"state={again}", *words), expected)


@pytest.mark.parametrize("form", ["clap", "vst3"])
def test_the_pad_of_a_later_project_goes_by_its_chart(
    form: str, hosts: dict[str, Path], bundles: Bundles, live: Mixer, charted_live: Mixer, tmp_path: Path
) -> None:
    """Of one that says so, and of one from between that only has the parameter which came with charts."""
    old = (PROJECTS / f"before-axes.{form}").read_bytes()
    kept = asked(hosts, bundles, form, "save", 0)
    assert kept.count(b"plane chart") == 1
    says, between = (
        old.replace(b"value volume", line + b"value volume") for line in (b"plane chart\n", b"value axes 0\n")
    )
    for place, data in zip(PLACES, (says, between), strict=True):
        words, expected = on_the_pad(place, charted_live)
        assert (
            expected.notes() != on_the_pad(place, live)[1].notes()
        )  # else nothing here would show that there is a chart
        (tmp_path / "state").write_bytes(data)
        compare(asked(hosts, bundles, form, "play", beats(live), f"state={tmp_path / 'state'}", *words), expected)


@pytest.mark.parametrize("form", ["clap", "vst3"])
def test_and_is_kept_again_with_all_that_it_held(form: str, hosts: dict[str, Path], bundles: Bundles) -> None:
    """But for what a later model would have otherwise."""
    project = PROJECTS / f"before-axes.{form}"

    def lines(data: bytes) -> set[bytes]:
        return {line for line in re.split(rb"[\0\n]", data) if not line.startswith((b"model ", b"latents "))}

    kept = asked(hosts, bundles, form, "save", 0, f"state={project}")
    before = lines(project.read_bytes())
    assert before <= lines(kept) and b"value position 0.5" in before


@pytest.mark.parametrize(("kind", "table"), [("melody", OF_MELODIES), ("drums", OF_DRUMS)])
def test_parameters_are_where_they_were(kind: str, table: list[str], hosts: dict[str, Path], bundles: Bundles) -> None:
    """A new one comes at the end, with an id of its own: else the automation of a project moves something else."""
    rows = [line.split(" ", 2) for line in table]
    described = json.loads((bundles.binaries / "parameters.json").read_text())[
        "drums" if kind == "drums" else "melodies"
    ]
    assert [each["symbol"] for each in described] == [symbol for symbol, _, _ in rows]
    of_clap = asked(hosts, bundles, "clap", "parameters", kind=kind).decode().splitlines()
    assert sorted(of_clap) == sorted(f"{number} {name}" for _, number, name in rows)
    of_vst3 = asked(hosts, bundles, "vst3", "list", kind=kind).decode().splitlines()[1:]
    assert sorted(of_vst3) == sorted(f"{at} {name}" for at, (_, _, name) in enumerate(rows))
