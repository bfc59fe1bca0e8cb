"""`midi-vae ... --drums` and `midi-vae groove`: every command on our own drums, with the shipped model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from midi_vae.cli import app as cli
from midi_vae.drums.kit import GENERAL_MIDI
from midi_vae.drums.transcription import read_drums
from midi_vae.midi.drum_writer import write_drums

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
BACKBEAT, TOMS = EXAMPLES / "drums" / "backbeat.mid", EXAMPLES / "drums" / "toms.mid"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def figures(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_mix_writes_a_line_with_sound_and_picture(tmp_path: Path):
    out, wav, png = (tmp_path / f"mix.{kind}" for kind in ("mid", "wav", "png"))
    told = figures("mix", BACKBEAT, TOMS, "--drums", "--steps", 5, "-o", out, "--wav", wav, "--png", png)
    assert told["grooves"] == 5 and told["bars"] == 2 and told["path"] < 1.1 and told["largest_jump"] < 0.4
    line = read_drums(out)
    ends = line.excerpt(2, 0), line.excerpt(2, 8)
    for end, source in zip(ends, (BACKBEAT, TOMS), strict=True):
        assert np.array_equal(end.velocities, read_drums(source).excerpt().velocities)
    assert line.tracks[0].channel == 9 and line.timeline.tempo_at(30.0) == pytest.approx(104, abs=0.01)
    sound, rate = soundfile.read(wav)
    assert len(sound) == pytest.approx((10 * 4 * 60 / 104 + 1) * rate, abs=2) and 0.7 < np.abs(sound).max() <= 0.81
    assert imread(png).shape[1] == 2240


def test_a_grid_has_its_corners_and_sides(tmp_path: Path):
    out, png = tmp_path / "grid.mid", tmp_path / "grid.png"
    corners = [BACKBEAT, TOMS, TOMS, BACKBEAT]
    told = figures("mix", *corners, "--drums", "--grid", "3x4", "-o", out, "--png", png)
    assert told["grooves"] == 12 and told["tempo"] == 104.0 and told["path"] < 1.3 and imread(png).shape[1] == 2240
    line = read_drums(out)
    every = [line.excerpt(2, 2 * i).velocities for i in range(12)]
    for place, source in zip((0, 3, 8, 11), corners, strict=True):
        assert np.array_equal(every[place], read_drums(source).excerpt().velocities)
    side = tmp_path / "side.mid"
    figures("mix", BACKBEAT, TOMS, "--drums", "--steps", 3, "-o", side)
    assert np.array_equal(every[4], read_drums(side).excerpt(2, 2).velocities)  # the left side, half-way down


def test_reconstruct_gives_nearly_the_same_drums(tmp_path: Path):
    out = tmp_path / "again.mid"
    told = figures("reconstruct", BACKBEAT, "--drums", "-o", out)
    assert told["grooves"] == 1
    before, after = (read_drums(path).excerpt().hits for path in (BACKBEAT, out))
    assert (before != after).sum() <= 1


def test_one_blend_and_separate_files(tmp_path: Path):
    told = figures("mix", BACKBEAT, TOMS, "--drums", "--weights", "3,1", "-o", tmp_path / "blend.mid", "--tempo", 90)
    assert told["grooves"] == 1 and told["tempo"] == 90.0
    told = figures("mix", BACKBEAT, TOMS, "--drums", "--steps", 3, "--separate", "-o", tmp_path / "steps")
    assert [Path(path).name for path in told["files"]] == ["step-01.mid", "step-02.mid", "step-03.mid"]


def test_sample_and_vary_are_repeatable(tmp_path: Path):
    made = [tmp_path / f"{name}.mid" for name in "abc"]
    for path, seed in zip(made, (1, 1, 2), strict=True):
        figures("sample", "--drums", "-n", 2, "--seed", seed, "-o", path)
    first, again, other = (path.read_bytes() for path in made)
    assert first == again != other
    told = figures("vary", BACKBEAT, "--drums", "-n", 2, "--seed", 1, "-o", tmp_path / "variations")
    assert len(told["files"]) == 2 and told["seed"] == 1


def test_groove_plays_a_straight_pattern(tmp_path: Path):
    out = tmp_path / "played.mid"
    figures("groove", BACKBEAT, "--style", "funk", "-o", out)
    straight, played = read_drums(BACKBEAT).excerpt(), read_drums(out).excerpt()
    assert np.array_equal(straight.hits, played.hits) and played.lateness.any()
    figures("groove", TOMS, "--like", out, "--amount", 0.5, "-o", tmp_path / "toms.mid")
    assert read_drums(tmp_path / "toms.mid").excerpt().lateness.any()


def test_drums_that_are_on_another_channel_are_named_by_their_track(tmp_path: Path):
    """Once for both files of a groove, or for each."""
    elsewhere = mido.MidiFile(BACKBEAT)
    for track in elsewhere.tracks:
        track[:] = [each.copy(channel=3) if each.type.startswith("note") else each for each in track]
    elsewhere.save(tmp_path / "elsewhere.mid")
    asked = ["groove", tmp_path / "elsewhere.mid", "-o", tmp_path / "out.mid"]
    refused = run(*asked)
    assert refused.exit_code == 1 and "--track" in refused.output
    figures(*asked, "--track", 1)
    assert np.array_equal(read_drums(tmp_path / "out.mid").excerpt().hits, read_drums(BACKBEAT).excerpt().hits)
    figures(*asked, "--like", tmp_path / "elsewhere.mid", "--track", 1)
    figures(*asked, "--like", BACKBEAT, "--track", 1, "--track", 1)
    assert run(*asked, "--track", 1, "--track", 1).exit_code != 0


def test_a_passage_in_which_nothing_is_struck_is_written_and_told(tmp_path: Path):
    beat = read_drums(BACKBEAT).excerpt()
    late = replace(beat, velocities=np.concatenate([0 * beat.velocities, beat.velocities]), offsets=None)
    write_drums(tmp_path / "late.mid", [late], GENERAL_MIDI.note_of)
    for arguments in (["reconstruct", "--drums"], ["groove"]):
        out = tmp_path / "out.mid"
        said = run(*arguments, tmp_path / "late.mid", "--bars", "1:2", "-o", out, "--force")
        assert said.exit_code == 0 and "it has no hits" in said.output
        assert not [message for message in mido.MidiFile(out) if message.type == "note_on"]


def test_what_becomes_of_drums_in_another_metre_is_told(tmp_path: Path):
    beat, waltz, out = read_drums(BACKBEAT).excerpt(), tmp_path / "waltz.mid", tmp_path / "out.mid"
    inside = {"velocities": beat.velocities[:24], "offsets": beat.lateness[:24]}
    write_drums(waltz, [replace(beat, **inside, metre=(3, 4))], GENERAL_MIDI.note_of)
    late = int(beat.hits.reshape(2, 16, -1)[:, 12:].sum())
    first, second = figures("mix", waltz, BACKBEAT, "--drums", "-o", out)["inputs"]
    assert (first["metre"], first["rebarred"]) == ("3/4", "")
    assert second["rebarred"] == f"each bar of 4/4 is cut off to one of 3/4, by which {late} hits are left out"
    assert second["rebarred"] in run("mix", waltz, BACKBEAT, "--drums", "-o", out, "--force").output
    heard = figures("groove", waltz, "--like", BACKBEAT, "-o", out, "--force")["inputs"]
    assert [each["rebarred"] for each in heard] == ["", ""]  # who is listened to stays in bars of their own


def test_info_says_what_drums_there_are(tmp_path: Path):
    told = figures("info", BACKBEAT, "--drums")
    assert told["drums"]["snare"] == 5 and told["bars_in_file"] == 2 and told["mean_distance_steps"] == 0.0
    said = run("info", TOMS, "--drums")
    assert said.exit_code == 0 and "2 bars of 4/4, 92 BPM" in said.stdout and "mid tom" in said.stdout


def test_a_kit_of_ones_own_is_read_and_written(tmp_path: Path):
    kit = tmp_path / "kit.toml"
    kit.write_text("kick = [60]\nsnare = [36]\n")
    told = figures("groove", BACKBEAT, "--kit", kit, "--amount", 0, "-o", tmp_path / "out.mid")
    pitches = {note["pitch"] for track in read_drums(tmp_path / "out.mid").tracks for note in track.notes}
    assert 36 in pitches and 38 not in pitches and told["inputs"][0]["notes_unknown"] == 5  # the snares of General MIDI


@pytest.mark.parametrize("arguments", [["groove"], ["info", "--drums"], ["reconstruct", "--drums"]])
def test_a_file_without_notes_has_no_drums(tmp_path: Path, arguments: list):
    silent = tmp_path / "silent.mid"
    mido.MidiFile(tracks=[mido.MidiTrack()]).save(silent)
    result = run(*arguments, silent, *([] if arguments[0] == "info" else ["-o", tmp_path / "out.mid"]))
    assert result.exit_code == 1 and "silent.mid: expected drums, found no notes in the file" in result.output


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["mix", EXAMPLES / "jig.mid", TOMS, "--drums"], 1, "expected drums"),
        (["mix", BACKBEAT, TOMS, "--drums", "--grid", "3x3"], 2, "4 files"),
        (["mix", BACKBEAT, TOMS, "--drums", "--spherical"], 2, "--spherical"),
        (["mix", BACKBEAT, TOMS, "--drums", "--key", "C:maj"], 2, "--key"),
        (["mix", BACKBEAT, TOMS, "--drums", "--model", "nowhere"], 1, "drums_2bar"),
        (["mix", BACKBEAT, TOMS, "--kit", BACKBEAT], 2, "--drums"),
        (["groove", BACKBEAT, "--kit", BACKBEAT], 1, "TOML"),
        (["groove", BACKBEAT, "--style", "polka"], 1, "funk"),
        (["groove", BACKBEAT, "--bars", "9:12"], 1, "bars 1 to 2"),
        (["groove", BACKBEAT, "--like", "none.mid"], 1, "none.mid"),
        (["vary", EXAMPLES / "jig.mid", "--drums"], 1, "channel 10"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: list, status: int, says: str):
    result = run(*arguments, "-o", tmp_path / "out.mid")
    assert result.exit_code == status and says in result.output and "Traceback" not in result.output
    assert not list(tmp_path.iterdir())
