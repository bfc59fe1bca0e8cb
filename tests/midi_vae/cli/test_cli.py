"""The command `midi-vae`: every command on real files, with a small model of random weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw
import soundfile
import torch
from fork_server import run_forked
from matplotlib.image import imread
from typer.testing import CliRunner, Result

from midi_vae.cli import app as cli
from midi_vae.cli import jobs
from midi_vae.interpolation import partners
from midi_vae.midi.reader import read_tune
from midi_vae.model.config import MelodyVAEConfig
from midi_vae.music.attributes import ATTRIBUTES
from midi_vae.music.key import estimate_key, parse_key
from midi_vae.music.melody import Melody
from midi_vae.vae import MelodyVAE

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
LIVELY, LYRICAL, WALTZ, JIG = (str(EXAMPLES / f"{name}.mid") for name in ("lively", "lyrical", "waltz", "jig"))


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a small random model, the same in every run, whose directions do something."""
    folder = tmp_path_factory.mktemp("model")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = MelodyVAE(MelodyVAEConfig(width=32, latent_size=8, decoder_blocks=4, prior_width=16, fusion=0.0))
        torch.nn.init.normal_(made.attribute_directions)
    made.save_pretrained(folder)
    return str(folder)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [str(argument) for argument in arguments])


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLES.parent), os.environ.get("PYTHONPATH", "")])}


def figures(*arguments: object) -> dict:
    """What a command says with --json."""
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def read(path: Path, bars: int | None = 2) -> Melody:
    return Melody.from_midi(path, bars, start_bar=0)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


# mix


def test_mix_makes_one_file_of_all_steps(model: str, tmp_path: Path):
    out = tmp_path / "mix.mid"
    said = figures("mix", LIVELY, LYRICAL, "--steps", 5, "-o", out, "--model", model)
    tune = read_tune(out)
    first = Melody.from_midi(LIVELY)
    assert tune.length == 5 * 8 and tune.tempo_at(0) == pytest.approx(138, rel=1e-4)
    assert tune.tracks[0].program == first.program == said["program"]
    whole = read(out, 10).tokens.reshape(5, 32)
    assert np.array_equal(whole[0], first.tokens)
    assert [int((row >= 2).sum()) for row in whole] == said["onsets"]
    assert said["melodies"] == 5 and said["files"] == [str(out)] and said["key"] is None
    assert said["path"] >= 1 and 0 < said["largest_jump"] <= said["path"] and said["decode_seconds"] > 0
    assert [each["last_bar"] for each in said["inputs"]] == [2, 2]


def test_ends_are_the_inputs_unless_told_otherwise(model: str, tmp_path: Path):
    pair = partners([Melody.from_midi(LIVELY), Melody.from_midi(LYRICAL)])
    figures("mix", LIVELY, LYRICAL, "--separate", "-o", tmp_path / "a", "--model", model, "--key", "Db:maj")
    figures("mix", LIVELY, LYRICAL, "--separate", "-o", tmp_path / "b", "--model", model, "--no-exact-ends")
    assert sorted(contents(tmp_path / "a")) == [f"step-{k:02}.mid" for k in range(1, 10)]
    for name, end in zip(("step-01.mid", "step-09.mid"), pair, strict=True):
        assert np.array_equal(read(tmp_path / "a" / name).tokens, end.tokens)
        assert not np.array_equal(read(tmp_path / "b" / name).tokens, end.tokens)
    assert {round(read(path).tempo, 2) for path in (tmp_path / "a").iterdir()} == {138.0}


def test_a_journey_gives_each_joint_once(model: str, tmp_path: Path):
    files = [LIVELY, LYRICAL, WALTZ, JIG]
    said = figures("mix", *files, "--steps", 3, "--separate", "-o", tmp_path, "--model", model)
    assert said["melodies"] == len(said["files"]) == 3 * 2 + 1
    inputs = partners([Melody.from_midi(file) for file in files])
    for index, melody in enumerate(inputs):
        assert np.array_equal(read(Path(said["files"][2 * index])).tokens, melody.tokens)


def test_a_blend_is_one_melody(model: str, tmp_path: Path):
    out = tmp_path / "a.mid"
    said = figures("mix", LIVELY, LYRICAL, WALTZ, "--weights", "1,2,0.5", "-o", out, "--model", model)
    assert said["melodies"] == 1 and read_tune(out).length == 8 and "path" not in said
    figures("mix", LIVELY, LYRICAL, "--weights", "1,0", "-o", tmp_path / "b.mid", "--model", model)
    figures("reconstruct", LIVELY, "-o", tmp_path / "c.mid", "--model", model)
    assert read(tmp_path / "b.mid") == read(tmp_path / "c.mid")


def test_a_blend_with_weights_of_their_own_for_pitches(model: str, tmp_path: Path):
    out, both = tmp_path / "a.mid", (LIVELY, LYRICAL)
    said = figures("mix", *both, "--weights", "1,0", "--pitch-weights", "1,3", "-o", out, "--model", model)
    assert said["melodies"] == 1 and read_tune(out).length == 8
    for wrong in (["--pitch-weights", "1,0"], ["--weights", "1,1", "--pitch-weights", "1"]):
        result = run("mix", *both, *wrong, "-o", tmp_path / "b.mid", "--model", model)
        assert result.exit_code == 2 and "--pitch-weights" in result.output


def test_what_has_no_notes_is_told(tmp_path: Path, model: str):
    alone = tmp_path / "alone.mid"
    Melody.from_notes([(0, 4, 60), (64, 68, 62)], bars=5).to_midi(alone)
    result = run("mix", alone, LIVELY, "--bars", "2:3", "--steps", 2, "-o", tmp_path / "out.mid", "--model", model)
    assert result.exit_code == 0 and "1 of 2 has no notes" in result.output


def test_a_grid_has_the_inputs_at_its_corners(model: str, tmp_path: Path):
    files = [LIVELY, LYRICAL, WALTZ, JIG]
    said = figures(
        "mix",
        *files,
        "--grid",
        "2x3",
        "--separate",
        "-o",
        tmp_path,
        "--model",
        model,
        "--png",
        tmp_path / "g.png",
    )
    inputs = partners([Melody.from_midi(file) for file in files])
    for index, melody in zip((0, 2, 3, 5), inputs, strict=True):
        assert np.array_equal(read(Path(said["files"][index])).tokens, melody.tokens)
    assert said["melodies"] == 6 and said["files"][-1] == str(tmp_path / "g.png")


def test_spherical_is_another_way(model: str, tmp_path: Path):
    for name, option in (("a.mid", []), ("b.mid", ["--spherical"])):
        figures("mix", LIVELY, LYRICAL, "-o", tmp_path / name, "--model", model, *option)
    assert (tmp_path / "a.mid").read_bytes() != (tmp_path / "b.mid").read_bytes()


# passages


def test_bars_count_from_one_and_include_both_ends(model: str, tmp_path: Path):
    figures("mix", LIVELY, LYRICAL, "--bars", "3:6", "--separate", "-o", tmp_path, "--model", model)
    assert np.array_equal(read(tmp_path / "step-01.mid", 4).tokens, Melody.from_midi(LIVELY, 4, start_bar=2).tokens)


def test_bars_and_tracks_may_be_given_for_each_file(model: str, tmp_path: Path):
    options = ("--bars", "all", "--bars", "7:", "--track", "Melody", "--track", 1)
    said = figures("mix", LIVELY, LYRICAL, *options, "-o", tmp_path / "a.mid", "--model", model)
    passages = [(each["first_bar"], each["last_bar"], each["reason"]) for each in said["inputs"]]
    assert passages == [(1, 8, "asked for"), (7, 8, "asked for")]
    assert said["bars"] == 8


def test_bars_are_told_as_the_file_counts_them(model: str, tmp_path: Path):
    # two bars of 4/4, then four of 2/4, which are laid in two of 4/4
    path, out = tmp_path / "changes.mid", tmp_path / "out.mid"
    notes = raw.notes([(480 * beat, 480 * beat + 400, 60 + beat) for beat in range(16)])
    path.write_bytes(raw.file(raw.metre(4, 2) + raw.metre(2, 2, delta=480 * 8), notes, division=480))
    for asked, last in (("all", 6), ("1:2", 2), ("1:3", 4), ("2:", 6)):
        (said,) = figures("reconstruct", path, "--bars", asked, "-o", out, "--model", model, "--force")["inputs"]
        assert (said["last_bar"], said["bars_in_file"]) == (last, 6)
        assert said["metres"] == ["4/4", "2/4"][: 1 + (last > 2)]
    told = "the metre changes to 2/4 in these bars; all is laid in bars of 4/4"
    for bars, is_told in (("all", True), ("1:2", False)):
        assert (told in run("vary", path, "--bars", bars, "-o", out, "--model", model, "--force").output) is is_told


def test_what_becomes_of_a_partner_in_another_metre_is_told(model: str, tmp_path: Path):
    out = tmp_path / "a.mid"
    late = sum(start % 16 >= 12 for start, _, _ in Melody.from_midi(LIVELY, None).notes())
    assert late
    said = run("mix", WALTZ, LIVELY, "--bars", "all", "-o", out, "--model", model)
    left_out = f"{late} notes are left out" if late > 1 else "1 note is left out"
    assert f"each bar of 4/4 is cut off to one of 3/4, by which {left_out}" in said.output
    for options in ([], ["--form"]):
        both = figures("mix", LIVELY, WALTZ, "-o", out, "--model", model, "--force", *options)["inputs"]
        assert [each["metre"] for each in both] == ["4/4", "3/4"]
        assert [each["rebarred"] for each in both] == [
            "",
            "each bar of 3/4 stands in a bar of 4/4, which ends in silence",
        ]
    assert "bar of" not in run("mix", LIVELY, LYRICAL, "-o", out, "--model", model, "--force").output


def test_bars_that_no_window_holds_are_refused_by_the_name_of_the_file(model: str, tmp_path: Path):
    path = tmp_path / "chant.mid"
    Melody.from_notes([(0, 24, 60), (24, 48, 62)], metre=(6, 2)).to_midi(path)
    for asked in (["reconstruct", path], ["vary", path], ["mix", path, LIVELY]):
        said = run(*asked, "-o", tmp_path / "out.mid", "--model", model)
        assert said.exit_code == 1 and said.exception.__class__ is not ValueError
        line = " ".join(said.output.split())
        assert "chant: expected bars of at most 32 sixteenths, found 6/2" in line and "write it in shorter bars" in line
        assert not (tmp_path / "out.mid").exists()
    (_, second) = figures("mix", LIVELY, path, "-o", tmp_path / "out.mid", "--model", model)["inputs"]
    assert second["rebarred"] == "what stands in bars of 6/2 goes on in bars of 4/4"


@pytest.mark.parametrize(
    ("metre", "bars"), [((2, 4), 4), ((3, 4), 2), ((6, 8), 2), ((8, 4), 1), ((4, 4), 2), ((1, 4), 8)]
)
def test_the_default_passage_of_a_partner_is_as_long(model: str, tmp_path: Path, metre: tuple[int, int], bars: int):
    other = tmp_path / "other.mid"
    size = 16 * metre[0] // metre[1]
    notes = [(step, step + 2, 60 + step % 12) for step in range(0, 16 * size, 2)]
    # from the second bar on, and in a metre that holds from the start
    Melody.from_notes([(s + size, e + size, p) for s, e, p in notes], metre=metre).to_midi(other)
    said = figures("mix", LIVELY, other, "-o", tmp_path / "a.mid", "--model", model)
    if metre != (1, 4):  # read as 4/4, see grid.bar_sections
        assert (said["inputs"][1]["first_bar"], said["inputs"][1]["last_bar"]) == (2, 1 + bars)
    assert said["bars"] == 2


# changes


def test_files_that_are_there_are_replaced_and_that_is_said(model: str, tmp_path: Path):
    for path in ("a.mid", "a.wav", "a.png", "steps/step-02.mid"):
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"mine")
    for words in (("a.mid",), ("b.mid", "--wav", "a.wav"), ("c.mid", "--png", "a.png"), ("steps", "--separate")):
        given = [tmp_path / word if "." in word or word == "steps" else word for word in words]
        result = run("mix", LIVELY, LYRICAL, "--steps", 3, "--model", model, "-o", *given)
        assert result.exit_code == 0 and ": will be replaced" in result.stderr
    assert b"mine" not in contents(tmp_path).values()
    again = run("mix", LIVELY, LYRICAL, "--steps", 3, "--model", model, "-o", tmp_path / "a.mid", "--force")
    assert "replaced" not in again.stderr


def test_key_lock(model: str, tmp_path: Path):
    for option, key in (("Ab:maj", "Ab:maj"), ("auto", "D:maj")):
        options = ("--bars", "all", "--key", option, "-o", tmp_path / "a.mid", "--model", model, "--force")
        said = figures("reconstruct", LIVELY, *options)
        assert said["key"] == key
        pitches = {pitch % 12 for _, _, pitch in read(tmp_path / "a.mid", None).notes()}
        assert pitches and pitches <= parse_key(key).pitch_classes
    assert str(estimate_key([Melody.from_midi(LIVELY, None)])) == "D:maj"


def test_tempo_and_program(model: str, tmp_path: Path):
    options = ("--tempo", 90, "--program", 56, "-o", tmp_path / "a.mid", "--model", model, "--force")
    for command in (["mix", LIVELY, LYRICAL], ["reconstruct", JIG], ["sample"], ["vary", WALTZ]):
        figures(*command, *options)
        tune = read_tune(tmp_path / "a.mid")
        assert tune.tempi == ((0.0, pytest.approx(90, rel=1e-4)),) and tune.tracks[0].program == 56


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_change_what_is_made(model: str, tmp_path: Path, name: str):
    figures("reconstruct", LIVELY, "-o", tmp_path / "a.mid", "--model", model)
    options = ("--attribute", f"{name}=+2", "--attribute", f"{ATTRIBUTES[0]}=-0.5")
    figures("reconstruct", LIVELY, "-o", tmp_path / "b.mid", "--model", model, *options)
    assert read(tmp_path / "a.mid") != read(tmp_path / "b.mid")
    assert name in run("reconstruct", "--help").output


# sample, vary, reconstruct


def test_sample(model: str, tmp_path: Path):
    said = figures("sample", "-n", 3, "--temperature", 0.8, "--seed", 1, "-o", tmp_path / "s", "--model", model)
    names = [f"sample-0{k}.mid" for k in (1, 2, 3)]
    assert sorted(contents(tmp_path / "s")) == names
    assert said["files"] == [str(tmp_path / "s" / name) for name in names]
    expected = MelodyVAE.from_pretrained(model).sample(3, temperature=0.8, seed=1)
    assert [read(tmp_path / "s" / name) for name in names] == expected


def test_vary(model: str, tmp_path: Path):
    said = figures("vary", JIG, "-n", 4, "--amount", 0.5, "-o", tmp_path / "v.mid", "--model", model)
    assert said["melodies"] == 4 and len(said["changed"]) == 4 and read_tune(tmp_path / "v.mid").length == 4 * 6
    figures("vary", JIG, "-n", 1, "--amount", 0, "-o", tmp_path / "v0.mid", "--model", model)
    figures("reconstruct", JIG, "-o", tmp_path / "r.mid", "--model", model)
    assert read(tmp_path / "v0.mid") == read(tmp_path / "r.mid")


def test_reconstruct_whole_tunes(model: str, tmp_path: Path):
    said = figures("reconstruct", WALTZ, "--bars", "all", "-o", tmp_path / "r.mid", "--model", model)
    melody = read(tmp_path / "r.mid", None)
    assert (said["bars"], said["metre"], melody.metre) == (8, "3/4", (3, 4))
    assert melody.tempo == pytest.approx(150, rel=1e-4)


@pytest.mark.parametrize("command", [["sample", "-n", 2], ["vary", LIVELY, "-n", 2]])
def test_a_seed_gives_the_same_files(model: str, tmp_path: Path, command: list):
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        options = ("--png", tmp_path / name / "p.png", "--wav", tmp_path / name / "p.wav")
        (tmp_path / name).mkdir()
        figures(*command, "--seed", seed, "-o", tmp_path / name, "--model", model, *options)
    assert contents(tmp_path / "a") == contents(tmp_path / "b") != contents(tmp_path / "c")
    assert len(contents(tmp_path / "a")) == 4


@pytest.mark.parametrize("command", [["sample", "-n", 2], ["vary", LIVELY, "-n", 2]])
def test_a_seed_that_was_drawn_is_told(model: str, tmp_path: Path, command: list):
    seed = figures(*command, "-o", tmp_path / "a", "--model", model)["seed"]
    figures(*command, "-o", tmp_path / "b", "--model", model, "--seed", seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_mixing_is_the_same_every_time(model: str, tmp_path: Path):
    for name in ("a.mid", "b.mid"):
        figures("mix", LIVELY, WALTZ, "-o", tmp_path / name, "--model", model, "--seed", len(name))
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


# sound, pictures and words


def test_sound_and_picture_beside_the_mix(model: str, tmp_path: Path):
    out = {name: tmp_path / f"mix.{name}" for name in ("mid", "wav", "png")}
    options = ("-o", out["mid"], "--wav", out["wav"], "--png", out["png"])
    result = run("mix", LIVELY, LYRICAL, *options, "--model", model)
    assert result.exit_code == 0 and result.stderr == ""
    sound = soundfile.info(str(out["wav"]))
    assert sound.frames == round(9 * 8 * 60 / Melody.from_midi(LIVELY).tempo * sound.samplerate)
    height, width = imread(out["png"]).shape[:2]
    assert width > 2000 and 200 < height < 600
    for path in out.values():
        assert f"wrote {path}" in result.stdout
    assert f"{LIVELY}: bars 1 to 2 of 8, 4/4, 138 quarter notes a minute" in result.stdout
    assert "track 1 'Melody': the only track with pitched notes" in result.stdout
    assert "off the grid by 0.00 of a sixteenth" in result.stdout
    assert "9 melodies" in result.stdout and "largest jump" in result.stdout


def test_info(tmp_path: Path):
    said = figures("info", WALTZ)
    assert (said["key"], said["metres"], said["tempi"], said["bars"]) == ("G:min", ["3/4"], [150.0], 8)
    assert said["tracks"][0]["chosen"] and said["tracks"][0]["instrument"] == "Accordion"
    text = run("info", WALTZ).stdout
    for part in (
        "8 bars of 3/4, 150 quarter notes a minute",
        "Melody",
        "Accordion",
        "G4 to Bb5",
        "key G:min",
    ):
        assert part in text


def test_names_are_shown_as_they_are(tmp_path: Path):
    Melody.from_notes([(0, 4, 60)], name="[b]x[/] :cat: 旋律").to_midi(tmp_path / "[red]a.mid")
    text = run("info", tmp_path / "[red]a.mid").stdout
    assert "[b]x[/] :cat: 旋律" in text and "[red]a.mid" in text


def test_help_and_version():
    for command in ("mix", "reconstruct", "sample", "vary", "info"):
        result = run(command, "--help")
        assert result.exit_code == 0 and f"midi-vae {command}" in result.output
        assert command in run("--help").output
    assert run("--version").stdout.startswith("midi-vae")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["mix", "-h"], ["info", LIVELY]])
def test_what_needs_no_model_does_not_wait_for_torch(arguments: list[str]):
    code = """if True:
        import sys
        from midi_vae.cli.app import main
        try:
            main()
        finally:
            assert "torch" not in sys.modules
    """
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, env=environment())
    assert done.returncode == 0 and done.stderr == b""


# what a user gets wrong


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good and bad things, as the current one."""
    monkeypatch.chdir(tmp_path)
    good = Path(LIVELY).read_bytes()
    for name, content in (
        ("bad.mid", b"no MIDI"),
        ("cut.mid", good[:100]),
        ("empty.mid", b""),
        ("a.mid", good),
    ):
        Path(name).write_bytes(content)
    Melody(np.zeros(16, np.int16)).to_midi("silent.mid")
    Path("folder").mkdir()
    Path("not-a-font.sf2").write_text("no soundfont")
    return tmp_path


SLOW = ["vary", "a.mid", "-n", "10", "--bars", "all", "--tempo", "10", "-o", "x.mid"]
MIX = ["mix", "a.mid", LYRICAL, "-o", "x.mid"]
BAD = [
    (["info", "nowhere.mid"], "nowhere.mid: cannot read"),
    (["info", "folder"], "folder: cannot read"),
    (["info", "bad.mid"], "bad.mid: expected a MIDI file"),
    (["info", "empty.mid"], "empty.mid: expected a MIDI file"),
    (["info", "cut.mid"], "cut.mid: "),
    (["info", "silent.mid"], "silent.mid: expected a melody"),
    (["info", "a.mid", "--track", "7"], "a.mid: there is no track '7'"),
    (["mix", "a.mid", "bad.mid", "-o", "x.mid"], "bad.mid: expected a MIDI file"),
    (["mix", "a.mid", "silent.mid", "--separate", "-o", "new"], "silent.mid: expected a melody"),
    ([*MIX, "--bars", "7:12"], "a.mid: expected a passage within bars 1 to 8"),
    ([*MIX, "--bars", "1:2", "--bars", "1:2", "--bars", "1:2"], "expected one passage for all files"),
    ([*MIX, "--track", "7"], "a.mid: there is no track"),
    ([*MIX, "--attribute", "colour=1"], "density, height"),
    ([*MIX, "--model", "folder"], "folder: expected a bundled model"),
    ([*MIX, "--device", "cuda"], "--device cuda: expected a GPU"),
    ([*MIX, "--wav", "x.mp3"], "x.mp3: expected a name that ends in .wav"),
    ([*MIX, "--wav", "x.wav", "--soundfont", "no.sf2"], "no.sf2: cannot read the soundfont"),
    ([*MIX, "--wav", "x.wav", "--soundfont", "not-a-font.sf2"], "not-a-font.sf2: expected a soundfont"),
    ([*MIX, "--soundfont", "not-a-font.sf2"], "not-a-font.sf2: expected a sound file"),
    ([*MIX, "--png", "x.jpg"], "x.jpg: expected a name that ends in .png"),
    ([*MIX, "--png", "nowhere/x.png"], "nowhere: expected a folder"),
    ([*MIX[:-1], "nowhere/x.mid"], "nowhere: expected a folder"),
    ([*MIX[:-1], "a.mid/x.mid"], "a.mid: expected a folder"),
    ([*MIX[:-1], "x"], "x: expected the name of a MIDI file"),
    ([*MIX[:-1], "a.mid"], "a.mid: expected another name"),
    ([*MIX[:-1], "folder/../a.mid"], "expected another name"),
    ([*MIX, "--separate"], "x.mid: expected a folder"),
    (["sample", "-o", "a.mid/deep"], "expected a folder"),
    (["sample", "-o", "folder/sub/x.mid"], "sub: expected a folder"),
    ([*SLOW, "--wav", "x.wav"], "x.wav: expected at most 20 minutes"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[message for _, message in BAD])
def test_bad_input_is_one_line_and_leaves_nothing(
    work: Path, model: str, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = contents(work)
    with_model = [] if "--model" in arguments or arguments[0] == "info" else ["--model", model]
    result = run(*arguments, *with_model)
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("midi-vae: ") and message in result.stderr
    assert result.stderr.count("\n") == 1 and result.stdout == ""
    assert contents(work) == before and not (work / "new").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["remix"],
        ["mix", "a.mid", "-o", "x.mid"],
        ["mix", *["a.mid"] * 9, "-o", "x.mid"],
        ["mix", "a.mid", LYRICAL],
        [*MIX, "--steps", "1"],
        [*MIX, "--steps", "many"],
        [*MIX, "--bars", "3:1"],
        [*MIX, "--bars", "0:1"],
        [*MIX, "--bars", "some"],
        [*MIX, "--weights", "1"],
        [*MIX, "--weights", "0,0"],
        [*MIX, "--weights", "1,-1"],
        [*MIX, "--weights", "1,nan"],
        [*MIX, "--grid", "5x5"],
        [*MIX, "--key", "H:maj"],
        [*MIX, "--attribute", "density"],
        [*MIX, "--attribute", "density=inf"],
        [*MIX, "--device", "tpu"],
        [*MIX, "--program", "128"],
        ["mix", LIVELY, LYRICAL, WALTZ, JIG, "-o", "x.mid", "--grid", "99x99"],
        ["mix", LIVELY, LYRICAL, WALTZ, JIG, "-o", "x.mid", "--grid", "5x5", "--weights", "1,1,1,1"],
        ["vary", "a.mid", "--amount", "1.5", "-o", "x.mid"],
        ["sample", "-n", "0", "-o", "x.mid"],
        ["sample", "--key", "auto", "-o", "x.mid"],
    ],
    ids=" ".join,
)
def test_wrong_use_ends_with_status_2(work: Path, arguments: list[str]):
    before = contents(work)
    result = run(*arguments)
    assert result.exit_code == 2 and "Traceback" not in result.output
    assert contents(work) == before


def test_an_input_is_not_written_over_by_a_step(work: Path, model: str):
    Path("a.mid").rename("folder/step-02.mid")
    before = contents(work)
    result = run("mix", "folder/step-02.mid", LYRICAL, "--separate", "-o", "folder", "--model", model)
    assert result.exit_code == 1 and "expected another name" in result.stderr
    assert contents(work) == before


def test_more_than_fits_into_memory_is_refused(work: Path, model: str):
    Melody(np.tile(Melody.from_midi(LIVELY).tokens, 1000)).to_midi("long.mid")
    result = run("mix", "long.mid", LYRICAL, "--bars", "all", "--steps", 1000, "-o", "x.mid", "--model", model)
    assert result.exit_code == 1 and "choose fewer steps or bars" in result.stderr


def test_verbose_shows_the_traceback(work: Path, model: str):
    for command in (["info", "bad.mid"], ["mix", "a.mid", "bad.mid", "-o", "x.mid", "--model", model]):
        result = run(*command, "--verbose")
        assert result.exit_code == 1 and "Traceback" in result.stderr
        assert result.stderr.splitlines()[-1].startswith("midi-vae: bad.mid")


def test_interrupted_quietly(work: Path, model: str, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "journey", interrupt)
    result = run(*MIX, "--model", model)
    assert (result.exit_code, result.output) == (130, "midi-vae: stopped; nothing is left half-written\n")
    assert not Path("x.mid").exists()


def test_the_command_itself(work: Path, model: str):
    """As a process of its own: status, streams and a name that is not UTF-8."""
    name = os.fsdecode(b"b\xff.mid")
    try:
        Path("a.mid").rename(name)
    except OSError:
        pytest.skip("this file system takes no such name")
    program = [sys.executable, "-c", "from midi_vae.cli.app import main; main()"]
    done = run_forked([*program, "reconstruct", name, "-o", "x.mid", "--model", model], env=environment())
    assert done.returncode == 0 and done.stderr == b"" and b"wrote x.mid" in done.stdout
    done = run_forked([*program, "info", "bad.mid"], env=environment())
    assert done.returncode == 1 and done.stdout == b""
    assert done.stderr.startswith(b"midi-vae: bad.mid: expected") and done.stderr.count(b"\n") == 1


def test_info_says_why_what_else_and_what_is_lost(tmp_path: Path):
    """32nds lose half of their notes; a controller above 127 is read and said."""
    fast = raw.name("Melody") + b"\x00\xb0\x07\xff" + raw.notes([(60 * i, 60 * i + 60, 60 + i % 12) for i in range(64)])
    other = raw.name("Voice 2") + raw.notes([(480 * i, 480 * i + 400, 60 + i % 5) for i in range(8)], 1)
    path = tmp_path / "tune.mid"
    path.write_bytes(raw.file(fast, other))
    said = json.loads(run("info", str(path), "--json").stdout)
    assert (said["track"], said["reason"], said["notes_dropped"], said["melody_notes"]) == (
        1,
        "it is named 'Melody'",
        32,
        64,
    )
    assert [each["track_name"] for each in said["runners_up"]] == ["Voice 2"]
    assert said["remarks"] == ["1 event with a data byte above 127"]
    told = run("info", str(path)).stdout
    assert "32 of 64 notes left out" in told and "or track 2 'Voice 2'" in told and "above 127" in told
    first, second = said["tracks"]
    assert (first["place"], second["place"], first["first_bar"], second["last_bar"]) == (1, 2, 1, 2)
    assert (
        second["reason"].startswith("it is named 'Voice 2', score 0.53 (it runs on evenly)")
        and len(second["roll"]) == 40
    )
    slow = json.loads(run("info", str(path), "--json", "--bpm", "60").stdout)
    assert slow["tempi"] == [60.0]


def test_rhythm_and_pitch_are_taken_from_two_files(model: str, tmp_path: Path):
    told = figures("mix", "--rhythm", LIVELY, "--pitch", LYRICAL, "-o", tmp_path / "crossed.mid", "--model", model)
    assert told["melodies"] == 1 and [each["file"] for each in told["inputs"]] == [LIVELY, LYRICAL]
    pair = ["--rhythm", LIVELY, "--pitch", LYRICAL]
    told = figures("mix", *pair, "--grid", "2x3", "-o", tmp_path / "grid.mid", "--model", model)
    assert told["melodies"] == 6 and told["tempo"] == pytest.approx(Melody.from_midi(LIVELY).tempo, abs=0.01)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--rhythm", LIVELY],
        ["--pitch", LIVELY],
        [LIVELY, "--rhythm", LIVELY, "--pitch", LYRICAL],
        ["--rhythm", LIVELY, "--pitch", LYRICAL, "--weights", "1,1"],
        ["--rhythm", LIVELY, "--pitch", LYRICAL, "--drums"],
    ],
)
def test_rhythm_and_pitch_go_together_and_with_nothing_else(model: str, tmp_path: Path, arguments: list[str]):
    result = run("mix", *arguments, "-o", tmp_path / "out.mid", "--model", model)
    assert result.exit_code == 2 and "--rhythm FILE and --pitch FILE together" in result.output
    assert not list(tmp_path.iterdir())
