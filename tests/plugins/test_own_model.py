"""From twenty MIDI files to a plugin of one's own beside the first: train, export, install, play."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from plugin_bundles import EXAMPLES, Bundles
from training_runs import finish, start
from typer.testing import CliRunner

from midi_vae.cli.app import app as midi_vae
from midi_vae.importing import read_melody
from midi_vae.music.melody import ONSET, Melody
from midi_vae.vae import MelodyVAE
from realtime.cli.app import app as livemix
from realtime.engine.decoder import Decoder
from realtime.engine.explorer import all_asides
from realtime.music.mixer import Mixer

# as `scripts/train_melody.py FOLDER --out runs/mine`, but a small model and seconds instead of a minute
QUICK = "--width 24 --latent-size 32 --steps 60 --critic-steps 30 --prior-steps 20 --batch 16 --threads 1 --device cpu"

pytestmark = pytest.mark.slow


def twenty_files(folder: Path) -> Path:
    folder.mkdir()
    for path in sorted(EXAMPLES.glob("*.mid"))[:4]:
        melody = read_melody(path)[0]
        for up in range(-4, 6, 2):
            tokens = np.where(melody.tokens >= ONSET, melody.tokens + up, melody.tokens)
            replace(melody, tokens=tokens).to_midi(folder / f"{path.stem}{up:+}.mid")
    assert len(list(folder.iterdir())) == 20
    return folder


def played(host: Path, binary: Path, plugin: str, position: float, beats: float) -> list[tuple[int, int]]:
    """Steps and pitches of the onsets."""
    command = [host, binary, "play", plugin, str(beats), f"Position={position}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    notes = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    return [(frame // 6000, pitch) for frame, is_on, pitch, _ in notes if is_on]


def mixed(model: MelodyVAE, melodies: list[Melody], position: float) -> Melody:
    mixer = Mixer(decoder := Decoder(model), melodies)
    mixer.asides = all_asides(decoder, mixer.coded)
    mixer.set("position", position)
    return mixer.melody()


def test_a_model_trained_on_twenty_files_is_a_second_plugin_beside_the_first(bundles: Bundles, tmp_path: Path) -> None:
    finish(start("train_melody.py", twenty_files(tmp_path / "files"), "--out", tmp_path / "mine", *QUICK.split()))
    two = [EXAMPLES / "lively.mid", EXAMPLES / "waltz.mid"]
    words = ["--id", "org.example.mine", "--bars", "1:8", "--melody", two[0], "--melody", two[1]]
    trained = tmp_path / "mine" / "model"
    export = ["export", "plugin", trained, "-o", tmp_path / "weights", *words]
    for app, command in (
        (midi_vae, export),
        (livemix, ["plugin", "install", "--into", tmp_path / "hosts"]),
        (livemix, ["plugin", "install", tmp_path / "weights", "--into", tmp_path / "hosts"]),
    ):
        done = CliRunner().invoke(app, list(map(str, command)))
        assert done.exit_code == 0, done.output
    host = bundles.program("clap_host", tmp_path / "host")
    clap = tmp_path / "hosts" / "clap"
    melodies = [read_melody(path)[0] for path in two]
    for position in (0.0, 0.5):
        melody = mixed(MelodyVAE.from_pretrained(trained), melodies, position)
        beats = len(melody.tokens) / 4
        heard = played(host, clap / "mine" / "mine.clap", "org.example.mine", position, beats)
        assert heard == [(start, pitch) for start, _, pitch in melody.notes()]
    first = played(host, clap / "latentmix-melody" / "latentmix-melody.clap", "org.latentmix.melody", 0.5, 8)
    assert first and first != heard
