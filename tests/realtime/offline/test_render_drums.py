"""Melody and drums in one rendering: together, as hard and as far off the grid as they are."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import soundfile
from typer.testing import CliRunner

from midi_vae.drums.groove import Groove
from midi_vae.drums.kit import GENERAL_MIDI
from midi_vae.drums.transcription import read_drums
from midi_vae.midi.drum_writer import write_drums
from realtime.cli import app as cli

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BACKBEAT, TOMS = EXAMPLES / "drums" / "backbeat.mid", EXAMPLES / "drums" / "toms.mid"


def test_melody_and_drums_move_together_in_a_render(tmp_path: Path):
    plan, out = tmp_path / "plan.csv", tmp_path / "out.mid"
    plan.write_text("bar,position\n1,0\n3,0\n7,1\n9,1\n")
    files = [str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical")]
    drums = ["--drums", str(BACKBEAT), "--drums", str(TOMS)]
    result = CliRunner().invoke(cli.app, ["play", *files, "--plan", str(plan), "--render", str(out), *drums])
    assert result.exit_code == 0, result.output
    channels = {message.channel for message in mido.MidiFile(out) if message.type == "note_on"}
    assert channels == {0, 9}
    line = read_drums(out)
    assert np.array_equal(line.excerpt(2, 0).hits, read_drums(BACKBEAT).excerpt().hits)
    assert np.array_equal(line.excerpt(2, 6).hits, read_drums(TOMS).excerpt().hits)


def test_velocities_and_offsets_are_played(tmp_path: Path):
    generator = np.random.default_rng(0)
    hits = generator.random((32, 9)) < 0.15
    hits[0] = True  # early or late, the first stand on the first tick, or after it
    velocities = np.where(hits, generator.integers(1, 128, hits.shape), 0)
    given = Groove(velocities, generator.uniform(-0.45, 0.45, hits.shape), tempo=104)
    source, plan, out = tmp_path / "played.mid", tmp_path / "plan.csv", tmp_path / "out.mid"
    write_drums(source, [given], GENERAL_MIDI.note_of)
    plan.write_text("bar,position\n1,0\n5,1\n")
    files = [str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical")]
    arguments = ["play", *files, "--plan", str(plan), "--render", str(out), "--drums", str(source)]
    assert CliRunner().invoke(cli.app, arguments).exit_code == 0
    wanted, found = read_drums(source).excerpt(2, 0), read_drums(out)
    for bar in (0, 2):
        played = found.excerpt(2, bar)
        assert np.array_equal(played.velocities, wanted.velocities)
        at = wanted.hits & ((np.arange(32)[:, None] > 0) | (bar == 0) | (wanted.lateness >= 0))
        assert np.allclose(played.lateness[at], wanted.lateness[at], atol=0.02)


def test_a_sound_file_has_the_drums_too(tmp_path: Path):
    plan = tmp_path / "plan.csv"
    plan.write_text("bar,position,density\n1,0,0\n2,0,0\n")  # the melody is silent
    files = [str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical")]
    arguments = ["play", *files, "--plan", str(plan), "--drums", str(BACKBEAT), "--tempo", "120"]
    for name in ("out.wav", "out.mid"):
        result = CliRunner().invoke(cli.app, [*arguments, "--render", str(tmp_path / name)])
        assert result.exit_code == 0, result.output
    sound, rate = soundfile.read(tmp_path / "out.wav")
    starts = [
        seconds for seconds in np.arange(0.0, 2.0, 0.5) if np.abs(sound[int(seconds * rate) :][:400]).max() > 0.02
    ]
    hits = read_drums(tmp_path / "out.mid").excerpt(1, 0).hits
    assert starts == [step / 8 for step in (0, 4, 8, 12) if hits[step].any()] and starts
