"""A project of an earlier commit opens as it was, and parameters stay where its automation looks for them.

`projects/` holds what the CLAP and the VST3 of melodies kept on 28 November 2026, before the pad had its axes, with
the four melodies of the tests in reverse: `clap_host save` and `vst3_host save`, with the values of MOVED.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from plugin_bundles import Bundles

from midi_vae.importing import read_melody
from midi_vae.music.melody import Melody
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import all_asides
from realtime.music.mixer import Mixer

PROJECTS = Path(__file__).parent / "projects"
MOVED = {"Position": 0.5, "Pad X": 0.25, "Octave": 1, "Notes kept": 0.75, "More density": 1, "Velocity": 100}
LIVE = {"position": 0.5, "octave": 1, "density": 0.75, "attribute.density": 1.0}

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
def mixed(bundles: Bundles) -> Melody:
    """What the live engine plays of the project."""
    melodies = [read_melody(path)[0] for path in reversed(bundles.melodies)]
    mixer = Mixer(Decoder(bundles.model), melodies)
    mixer.asides = all_asides(mixer.coder, mixer.coded)
    mixer.move(LIVE)
    return mixer.melody()


def asked(
    hosts: dict[str, Path], bundles: Bundles, form: str, what: str, *words: object, kind: str = "melody"
) -> bytes:
    of_clap = what in ("play", "save", "parameters") and form == "clap"
    binary = bundles.clap(kind) if form == "clap" else bundles.vst3(kind)
    command = [hosts[form], binary, what, *([f"org.latentmix.{kind}"] if of_clap else []), *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.mark.parametrize("form", ["clap", "vst3"])
def test_a_project_of_before_plays_what_it_played(
    form: str, hosts: dict[str, Path], bundles: Bundles, mixed: Melody
) -> None:
    project = PROJECTS / f"before-axes.{form}"
    said = asked(hosts, bundles, form, "play", len(mixed.tokens) / 4, f"state={project}").decode()
    played = [tuple(map(int, line.split())) for line in said.splitlines()]
    assert [(frame // 6000, key) for frame, is_on, key, _ in played if is_on] == [
        (at, key) for at, _, key in mixed.notes()
    ]
    assert {velocity for _, is_on, _, velocity in played if is_on} == {MOVED["Velocity"]}


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
