"""`livemix plugin build`, `install` and `list`: what lands where, and what is said when it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from plugin_bundles import Bundles
from typer.testing import CliRunner

from midi_vae.model.config import MelodyVAEConfig
from midi_vae.plugin_weights import plugin_weights
from midi_vae.vae import MelodyVAE
from realtime.cli.app import app
from realtime.plugins import build, make, sources
from realtime.plugins.build import read_identity
from realtime.plugins.compiler import TARGETS

TINY = MelodyVAEConfig(width=8, latent_size=8, across=8, step_width=8, critic_width=8, decoder_blocks=1)


def run(*words: object):
    return CliRunner().invoke(app, ["plugin", *map(str, words)])


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    folder = tmp_path / "my tunes"
    folder.mkdir()
    (folder / "weights.lmw").write_bytes(plugin_weights(MelodyVAE(TINY), "My Tunes!", "org.example.my-tunes"))
    return folder


def test_two_models_are_two_plugins_side_by_side(bundles: Bundles, tunes: Path, tmp_path: Path) -> None:
    into = tmp_path / "hosts"
    assert run("list", "--into", into).output.startswith("none")
    for _ in range(2):  # the second one replaces the first
        assert run("install", "--into", into).exit_code == 0
    done = run("install", tunes, "--into", into)
    assert done.exit_code == 0, done.output
    assert sorted(path.relative_to(into).as_posix() for path in into.glob("*/*")) == [
        "clap/latentmix-drums",
        "clap/latentmix-melody",
        "clap/my-tunes",
        "lv2/latentmix-drums.lv2",
        "lv2/latentmix-melody.lv2",
        "lv2/my-tunes.lv2",
        "vst3/latentmix-drums.vst3",
        "vst3/latentmix-melody-synth.vst3",
        "vst3/latentmix-melody.vst3",
        "vst3/my-tunes-synth.vst3",
        "vst3/my-tunes.vst3",
    ]
    listed = run("list", "--into", into).output
    assert listed.count("org.example.my-tunes") == 4 and listed.count("org.latentmix.melody") == 4
    assert listed.count("latentmix drums  org.latentmix.drums") == 3
    assert "lv2   My Tunes!  org.example.my-tunes" in listed


def test_a_plugin_of_another_model_is_another_plugin(bundles: Bundles, tunes: Path, tmp_path: Path) -> None:
    """The same binary, with its own name, id and notes, in our CLAP host."""
    import subprocess

    assert run("build", tunes, "-o", tmp_path / "out").exit_code == 0
    host = bundles.program("clap_host", tmp_path / "host")
    binary = tmp_path / "out" / "my-tunes" / "my-tunes.clap"
    listed = subprocess.run([host, binary, "list"], capture_output=True, text=True, check=True, timeout=300).stdout
    assert listed.splitlines()[1] == "org.example.my-tunes.synth\tMy Tunes! synth\tinstrument"
    description = (tmp_path / "out" / "my-tunes.lv2" / "my-tunes.ttl").read_text()
    assert "<urn:latentmix:org.example.my-tunes:synth>" in description and 'doap:name "My Tunes! synth"' in description


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["install", "nowhere.lmw"], "nowhere.lmw: cannot read the file"),
        (["build", "-o", "out", "--target", "amiga"], "expected a target out of linux-x86-64"),
        (["build", __file__, "-o", "out"], "expected weights that `midi-vae export plugin` wrote"),
    ],
)
def test_what_cannot_be_is_said(words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*words)
    assert done.exit_code == 1 and said in done.output and not list(tmp_path.iterdir())


def test_names_become_names_of_files(tmp_path: Path) -> None:
    for name, slug in (("Größe 7", "gr-e-7"), ("♫", "latentmix-plugin"), ("../../etc", "etc")):
        path = tmp_path / "w.lmw"
        path.write_bytes(b"LATNTMIX".ljust(96, b"\0") + name.encode().ljust(416, b"\0"))
        assert read_identity(path).slug == slug


def test_binaries_are_built_anew_where_what_they_are_made_of_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(sources.source_folder(), tmp_path / "plugins"))
    monkeypatch.setattr(sources, "source_folder", lambda: folder)
    monkeypatch.setattr(make, "SHIPPED", tmp_path / "none")
    monkeypatch.setattr(make, "find_compiler", lambda target: target)
    monkeypatch.setattr(build, "build_binaries", lambda target, out: (out / build.PARAMETERS).write_text("[]"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = make.binaries_for(TARGETS["linux-x86-64"])
    for path, is_part in (("hosts/clap_host.cpp", False), ("pd/latentmix.cpp", False), ("window/face.cpp", True)):
        with open(folder / path, "a") as file:
            file.write("// another line")
        assert (make.binaries_for(TARGETS["linux-x86-64"]) != first) == is_part
