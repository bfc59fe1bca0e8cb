"""[latentmix] in Pure Data without a window: its tokens beside those of the model."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from native_engine import compiler_or_skip

from latentmix.errors import InputError
from midi_vae.music.melody import Melody
from midi_vae.music.windows import window_of
from midi_vae.travel import even_travel
from midi_vae.vae import MelodyVAE
from realtime.music import shaping
from realtime.plugins import make
from realtime.web.opening import opening_melodies

PATCH = """#N canvas 0 0 450 300 12;
#X obj 20 100 latentmix {file};
#X obj 20 140 print tokens;
#X obj 220 140 print names;
#X obj 20 20 loadbang;
#X msg 20 50 {messages};
#X msg 300 60 \\; pd quit;
#X obj 20 35 t b b;
#X connect 0 0 1 0;
#X connect 0 1 2 0;
#X connect 3 0 6 0;
#X connect 4 0 0 0;
#X connect 6 1 4 0;
#X connect 6 0 5 0;
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler_or_skip()
    out = tmp_path_factory.mktemp("pd")
    try:
        if shutil.which("pd") is None:
            raise InputError("pd is not installed")
        with make.melody_weights() as weights:
            make.pd_external(weights, out)
    except InputError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return out


def run(folder: Path, *messages: str, file: str = "weights.lmw") -> list[str]:
    """What Pd prints for messages to the object, one after another."""
    patch = folder / "test.pd"
    patch.write_text(PATCH.format(file=file, messages=" \\, ".join(messages)))
    command = ["pd", "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-path", str(folder), "-open", str(patch)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.stderr.splitlines()


def tokens_of(lines: list[str]) -> list[list[int]]:
    return [[int(each) for each in line.split()[1:]] for line in lines if line.startswith("tokens: ")]


def test_positions_and_mixes_are_those_of_the_model(folder: Path) -> None:
    model, melodies = MelodyVAE.from_pretrained(), opening_melodies()[:3]
    windows = window_of(melodies)
    z = model.invert_windows(windows)
    sets = [f"set {2 * slot} " + " ".join(map(str, row)) for slot, row in enumerate(windows)]  # slots may stay empty
    heard = tokens_of(
        run(folder, *sets, "0.25", "mix 1 2 1", "apart 1 1 0 0 1 1", "attribute density 2", "0.75", "octave 1", "0.75")
    )
    direction = 2 * model.attribute_directions[0]
    apart = model.join(z[:2].mean(0)[None], z[1:].mean(0)[None])[0]
    wanted = [z[:2].mean(0), (z[0] + 2 * z[1] + z[2]) / 4, apart, z[1:].mean(0) + direction]
    expected = [melody for each in wanted for melody in model.decode(each[None])]
    expected.append(shaping.to_octave(expected[-1], 1))
    assert [np.array(each).tolist() for each in heard] == [melody.tokens.tolist() for melody in expected]


def test_after_travel_mixes_go_the_even_ways(folder: Path) -> None:
    model = MelodyVAE.from_pretrained()
    windows = window_of(opening_melodies()[:3])
    z = model.invert_windows(windows)
    sets = [f"set {slot} " + " ".join(map(str, row)) for slot, row in enumerate(windows)]
    heard = tokens_of(run(folder, *sets, "travel", "0.2", "0.7", "mix 1 0 3", sets[1], "0.2"))
    at = lambda i, j, share: even_travel(model, z[i : i + 1], z[j : j + 1]).at(share)  # noqa: E731
    wanted = [at(0, 1, 0.4), at(1, 2, 0.4), at(0, 2, 0.75), torch.lerp(z[:1], z[1:2], 0.4)]
    assert heard == [Melody(model.decode_windows(each)[0]).tokens.tolist() for each in wanted]


def test_it_says_what_it_has_and_what_it_cannot(folder: Path) -> None:
    said = "\n".join(run(folder, "names", "0.5", "set 9 1 2", "attribute colour 1", "mix 1"))
    assert "names: list density height range syncopation legato" in said
    assert "no melody is set" in said and "expected set SLOT" in said and "no attribute colour" in said
    assert "no-such.lmw: cannot open" in "\n".join(run(folder, "0.5", file="no-such.lmw"))


def test_the_help_patch_opens(folder: Path) -> None:
    command = ["pd", "-nogui", "-noaudio", "-nomidi", "-nrt", "-stderr", "-path", str(folder), "-send", "pd quit"]
    done = subprocess.run(
        [*command, "-open", folder / "latentmix-help.pd"], capture_output=True, text=True, timeout=300
    )
    assert "couldn't create" not in done.stderr and "error" not in done.stderr, done.stderr
