"""The drum plugin: our own host's checks, hits beside those of `midi-vae mix --drums`, a file, LV2 and VST3."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from drum_hits import STEP, Hits, assert_equal, expected_hits
from plugin_bundles import DRUMS, Bundles, drums_of
from typer.testing import CliRunner

from midi_vae.cli.app import app
from midi_vae.drums.groove import Groove
from midi_vae.drums.mixing import humanise
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from realtime.plugins.build import read_identity

PLUGIN, URN = "org.latentmix.drums", "urn:latentmix:org.latentmix.drums"


@pytest.fixture(scope="module")
def host(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.program("clap_host", tmp_path_factory.mktemp("host"))


def run(*words: object) -> str:
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, "\n".join(line for line in done.stdout.splitlines() if line.startswith("FAIL"))
    return done.stdout


def played(host: Path, bundles: Bundles, beats: float, *words: object) -> Hits:
    """What is struck, all of it ended half a sixteenth later or where the same drum is struck again."""
    lines = run(host, bundles.clap("drums"), "play", PLUGIN, beats, *words).splitlines()
    notes = [tuple(map(int, line.split())) for line in lines]
    hits = sorted((frame, key, velocity) for frame, is_on, key, velocity in notes if is_on)
    for key in {key for _, key, _ in hits}:
        starts = [frame for frame, each, _ in hits if each == key]
        ends = [frame for frame, is_on, each, _ in notes if each == key and not is_on]
        nexts = [*starts[1:], 10**9]
        # to a frame: each place is rounded for itself
        assert all(
            abs(end - min(start + STEP // 2, then)) <= 1 for start, then, end in zip(starts, nexts, ends, strict=False)
        )
    return hits


def test_it_is_listed_alone(host: Path, bundles: Bundles) -> None:
    assert run(host, bundles.clap("drums"), "list") == f"{PLUGIN}\tlatentmix drums\tnote-effect\n"


def test_the_checks_of_our_host(host: Path, bundles: Bundles) -> None:
    said = run(host, bundles.clap("drums"), "check", PLUGIN, 8)
    assert said.count("ok   ") >= 29 and "FAIL" not in said


@pytest.mark.parametrize("step", range(0, 9))
def test_hits_are_those_of_midi_vae_mix(step: int, host: Path, bundles: Bundles, mixes: list[Groove]) -> None:
    hits = played(host, bundles, 8, f"Position={step / 8}")
    assert_equal(hits, expected_hits(mixes[step]), 31 * STEP)
    assert len(hits) > 10


def test_a_file_of_midi_vae_mix_has_these_hits(mixes: list[Groove], tmp_path: Path) -> None:
    """To what a MIDI file can store: ticks."""
    out = tmp_path / "mix.mid"
    done = CliRunner().invoke(app, ["mix", "--drums", *map(str, DRUMS), "--steps", "3", "-o", str(out)])
    assert done.exit_code == 0, done.output
    middle = read_drums(out).excerpt(bars=2, start_bar=2)
    assert (middle.velocities == mixes[4].velocities).all() and abs(middle.lateness - mixes[4].lateness).max() < 0.01


def test_a_model_of_drums_is_exported_as_such(tmp_path: Path) -> None:
    words = ["--groove", str(DRUMS[0]), "--name", "Beats", "-o", str(tmp_path)]
    done = CliRunner().invoke(app, ["export", "plugin", "drums_2bar", *words])
    assert done.exit_code == 0, done.output
    identity = read_identity(tmp_path / "weights.lmw")
    assert (identity.name, identity.plugin_id, identity.is_drums) == ("Beats", "org.latentmix.beats", True)


@pytest.mark.parametrize("amount", [0.5, 1.0, 2.0])
def test_humanise_is_that_of_midi_vae(amount: float, host: Path, bundles: Bundles) -> None:
    groove = humanise(GrooveVAE.from_pretrained(), drums_of(DRUMS[0]), amount)
    hits = played(host, bundles, 8, "Position=0", f"Humanise={amount}")
    assert_equal(hits, expected_hits(groove), 31 * STEP)
    assert any(frame % STEP for frame, _, _ in hits)


def test_early_hits_come_before_their_step_in_blocks_of_any_size(host: Path, bundles: Bundles) -> None:
    words = ("Position=0.4", "Humanise=2")
    one = played(host, bundles, 8, *words)
    assert any(frame % STEP > STEP // 2 for frame, _, _ in one)
    assert one == played(host, bundles, 8, *words, "block=37") == played(host, bundles, 8, *words, "block=4096")


def test_velocity_channel_and_variation(host: Path, bundles: Bundles) -> None:
    plain = played(host, bundles, 8, "Position=0")
    soft = played(host, bundles, 8, "Position=0", "Velocity=0.5")
    assert [hit[:2] for hit in soft] == [hit[:2] for hit in plain]
    assert all(abs(a - b / 2) <= 0.5 for (_, _, a), (_, _, b) in zip(soft, plain, strict=True))
    varied = [played(host, bundles, 8, "Variation=2", f"Variation seed={seed}") for seed in (1, 1, 2)]
    assert varied[0] == varied[1] != varied[2]


@pytest.fixture(scope="module")
def lv2_file(bundles: Bundles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.program("lv2_file", tmp_path_factory.mktemp("lv2"))


def test_drums_of_a_file_become_a_slot(lv2_file: Path, bundles: Bundles) -> None:
    lines = state_with(lv2_file, bundles, 1, DRUMS[0])
    names = [line.split(" ", 5)[5] for line in lines if line.startswith("groove ")]
    assert names == ["backbeat", "backbeat"]
    hits = [line for line in lines if line.startswith("hits ")]
    assert hits[0] == hits[1]
    words = hits[1].split()[1:]
    groove = drums_of(DRUMS[0])
    cells = [(int(words[i]), int(words[i + 1]), int(words[i + 2])) for i in range(0, len(words), 4)]
    step, instrument = groove.hits.nonzero()
    assert cells == [(s, d, groove.velocities[s, d]) for s, d in zip(step.tolist(), instrument.tolist(), strict=True)]


def test_a_melody_is_no_groove(lv2_file: Path, bundles: Bundles) -> None:
    command = lv2_command(lv2_file, bundles, 1, bundles.melodies[0])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "lively: expected drums, which are on channel 10, found none" in done.stderr


def state_with(program: Path, bundles: Bundles, slot: int, path: Path) -> Sequence[str]:
    done = subprocess.run(lv2_command(program, bundles, slot, path), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def lv2_command(program: Path, bundles: Bundles, slot: int, path: Path) -> list[str]:
    controls = len(json.loads((bundles.binaries / "parameters.json").read_text())["drums"]) + 2
    binary = bundles.lv2("drums") / "latentmix-drums.so"
    return [str(each) for each in (program, binary, URN, controls, 0, f"{URN}:file_{slot + 1}", path)]
