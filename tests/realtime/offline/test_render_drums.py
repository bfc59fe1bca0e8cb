"""Drums that accompany a rendered performance: mixed by the melodies' shares, struck where they are played."""

from __future__ import annotations

from pathlib import Path

import mido
import numpy as np
import pytest
from typer.testing import CliRunner

from midi_vae.drums.kit import GENERAL_MIDI, KICK
from midi_vae.drums.transcription import read_drums
from midi_vae.drums.vae import GrooveVAE
from realtime.cli import app as cli
from realtime.offline.drums import Drummer

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BACKBEAT, TOMS = EXAMPLES / "drums" / "backbeat.mid", EXAMPLES / "drums" / "toms.mid"


@pytest.fixture(scope="module")
def drummer() -> Drummer:
    return Drummer(GrooveVAE.from_pretrained(), [read_drums(path).excerpt() for path in (BACKBEAT, TOMS)])


def test_a_groove_alone_is_itself_and_half_way_is_a_mix(drummer: Drummer):
    first, middle, last = (drummer.groove(np.array([1 - share, share])) for share in (0.0, 0.5, 1.0))
    assert first == read_drums(BACKBEAT).excerpt()
    assert np.array_equal(last.velocities, read_drums(TOMS).excerpt().velocities)
    counts = [int(each.hits.sum()) for each in (first, middle, last)]
    assert abs(counts[1] - (counts[0] + counts[2]) / 2) <= 2 and not np.array_equal(middle.hits, first.hits)


def test_hits_are_where_they_are_played(drummer: Drummer):
    groove = drummer.groove(np.array([1.0, 0.0]))
    drummer.notes.clear()
    for step in range(64):
        drummer.play(step, np.array([1.0, 0.0]), 3.0 + step * 0.125, 120.0)
    assert len(drummer.notes) == 2 * groove.hits.sum() and {note.channel for note in drummer.notes} == {9}
    kicks = [note.start for note in drummer.notes if note.pitch == GENERAL_MIDI.note_of(KICK)]
    assert np.allclose(kicks[: groove.hits[:, KICK].sum()], np.flatnonzero(groove.hits[:, KICK]) * 0.125)


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
