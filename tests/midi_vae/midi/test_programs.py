"""The same eight bars, written by real notation programs: a pickup, a grace note before bar 1, a trill, a chord,
a triplet and a repeat."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
import raw_midi as raw
from programs import EIGHT_BARS, program

from midi_vae import Melody
from midi_vae.importing import read_passage
from midi_vae.midi.reader import read_tune

LILYPOND = r"""\version "2.22.0"
\score {
  \relative c'' {
    \time 3/4 \tempo 4 = 100 \key g \major
    GRACE \partial 4 d,4 | g4 a b | c4\trill b a | <b d g>2 d,4 | \tuplet 3/2 { e8 fis g } a4 b | g2 d4 |
    \repeat unfold 2 { g4 b d | } g,2.
  }
  \midi { }
}
"""
ABC = """X:1
T:Eight bars
M:3/4
L:1/4
Q:1/4=100
K:G
D | G A B | Tc B A | [Bdg]2 D | (3E/F/G/ A B | G2 D |: G B d :| G3 |]
"""


def notes(path: Path) -> list[tuple[float, float, int]]:
    melody = Melody.from_midi(path, bars=None, start_bar=0)
    return [(start / 4, (end - start) / 4, pitch) for start, end, pitch in melody.notes()]


def by_mma(folder: Path, text: str) -> Path:
    mma = program("mma")
    (folder / "tune.mma").write_text(text)
    made = subprocess.run([mma, "tune.mma"], cwd=folder, timeout=300, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return folder / "tune.mid"


def by_musescore(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    musescore = program("musescore3")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.setenv("HOME", str(folder))
    run = [musescore, "-o", "exported.mid", source]
    done = subprocess.run(run, cwd=folder, timeout=300, capture_output=True, text=True)
    assert (folder / "exported.mid").exists(), done.stderr
    return folder / "exported.mid"


@pytest.mark.parametrize("grace", [r"\grace a16", r"\grace { a32 b }"])
def test_lilypond(tmp_path: Path, grace: str):
    lilypond = program("lilypond")
    (tmp_path / "tune.ly").write_text(LILYPOND.replace("GRACE", grace))
    subprocess.run([lilypond, "-s", "-o", "tune", "tune.ly"], cwd=tmp_path, check=True, timeout=300)
    path = next(tmp_path.glob("tune.mid*"))
    assert notes(path) == later(EIGHT_BARS, 2)
    passage = read_passage(str(path))
    assert passage.source.pickup is not None and passage.source.pickup.source == "estimate"
    assert passage.melody.metre == (3, 4) and passage.melody.tempo == 100 and not passage.grid.free
    assert str(passage.key()) == "G:maj" and bool(passage.grid.lateness_beats) == bool(grace)


LILYPOND_TUNES = {
    "6/8 with an eighth": (r"\partial 8 d8 | g4 b8 a4 fis8 | g4 b8 d4. | c4 a8 b4 g8 | a4. d,4 d8 | "
                           r"g4 b8 a4 fis8 | g4 b8 d4. | c8 b a a8 g fis | g4. ~ g4", "6/8", 0.5),
    "4/4 with three eighths": (r"\partial 4. d8 e fis | g2 b4 a | g4. fis8 e2 | a2 c4 b | a2 r8 d, e fis | "
                               r"g2 d'4 c | b4. a8 g2 | c4 b a fis | g2 ~ g8", "4/4", 1.5),
    "4/4 without": (r"g2 b4 a | g4. fis8 e2 | a2 c4 b | a2. d,4 | g2 d'4 c | b4. a8 g2 | c4 b a fis | g1", "4/4", 0.0),
    "3/4 without": (r"g4 b d | g2 d4 | e4 d c | b2. | c4 b a | b2 g4 | a4 b fis | g2.", "3/4", 0.0),
    "a new metre": (r"\partial 4 d4 | g4 b a | g2 d4 | e4 c' b | \time 4/4 a2 d,4 e | g1 | \time 3/4 b4 a fis | g2",
                    "3/4", 1.0),
}  # fmt: skip


def test_pickups_of_lilypond(tmp_path: Path):
    lilypond = program("lilypond")
    scores = [
        rf"\score {{ \relative c' {{ \time {metre} {music} }} \midi {{ }} }}"
        for music, metre, _ in LILYPOND_TUNES.values()
    ]
    (tmp_path / "tunes.ly").write_text("\n".join(['\\version "2.22.0"', *scores]))
    subprocess.run([lilypond, "-s", "-o", "tunes", "tunes.ly"], cwd=tmp_path, check=True, timeout=300)
    paths = [next(tmp_path.glob(f"tunes{f'-{n}' * (n > 0)}.mid*")) for n in range(len(scores))]
    pickups = [read_passage(str(path)).source.pickup for path in paths]
    found = {name: pickup.beats if pickup else 0.0 for name, pickup in zip(LILYPOND_TUNES, pickups, strict=True)}
    assert found == {name: beats for name, (_, _, beats) in LILYPOND_TUNES.items()}


def by_abc2midi(folder: Path, text: str) -> Path:
    abc2midi = program("abc2midi")
    (folder / "tune.abc").write_text(text)
    run = [abc2midi, "tune.abc", "-o", "tune.mid"]
    subprocess.run(run, cwd=folder, check=True, timeout=300, capture_output=True)
    return folder / "tune.mid"


def later(bars: list[tuple[float, float, int]], beats: float) -> list[tuple[float, float, int]]:
    return [(start + beats, length, pitch) for start, length, pitch in bars]


@pytest.mark.parametrize("grace", ["", "{a}"])
def test_abc2midi(tmp_path: Path, grace: str):
    """Every note a tick late, notes of a chord ten ticks apart, a grace note that takes a sixteenth of its main one,
    and a pickup of which only accents tell."""
    path = by_abc2midi(tmp_path, ABC.replace("K:G\n", f"K:G\n{grace}"))
    expected = later(EIGHT_BARS, 2)
    if grace:
        expected[:1] = [(2, 0.25, 81), (2.25, 0.75, 62)]
    assert notes(path) == expected
    passage = read_passage(str(path))
    assert passage.melody.metre == (3, 4) and passage.melody.tempo == 100 and not passage.grid.free
    assert read_tune(path).remarks == ()


def test_abc2midi_without_accents(tmp_path: Path):
    """Then nothing tells of the pickup but the notes."""
    path = by_abc2midi(tmp_path, ABC.replace("K:G\n", "%%MIDI nobeataccents\nK:G\n"))
    assert notes(path) == later(EIGHT_BARS, 2)
    pickup = read_passage(str(path)).source.pickup
    assert pickup is not None and (pickup.beats, pickup.source) == (1.0, "estimate")


@pytest.mark.parametrize(
    ("plain", "held"),
    [
        ("G A B |", "G A HB |"),  # a quarter
        ("[Bdg]2 D", "H[Bdg]2 D"),  # a chord
        (":| G3", ":| HG3"),  # the last note: nothing after it tells, and it stays as long as it is played
        ("|: G B d :|", "|: G B Hd :|"),  # twice, for it is repeated
        ("D | G A B | Tc B A | [Bdg]2 D", "D | G A HB | Tc B A | H[Bdg]2 D"),
    ],
)
def test_abc2midi_holds_notes_under_fermatas(tmp_path: Path, plain: str, held: str):
    assert plain in ABC
    found = notes(by_abc2midi(tmp_path, ABC.replace(plain, held)))
    expected = later(EIGHT_BARS, 2)
    if "HG3" in held:
        expected[-1] = (24, 6, 67)
    assert found == expected


VOICES = """X:1
T:Two voices
M:{metre}
L:1/8
Q:1/4=100
K:C
V:1
{treble}
V:2
{bass}
"""


@pytest.mark.parametrize(
    ("metre", "treble", "bass"),
    [
        (
            "4/4",
            "c2 d2 e2 f2 | g4 He4 | d2 c2 B2 A2 | G6 z2 | A2 B2 c2 Hd2 | e4 c4 |]",
            "C4 G,4 | C4 HC4 | F,4 G,4 | C8 | F,4 F,2 HG,2 | C8 |]",
        ),
        (
            "6/8",
            "c | e2c g2e | dcd He2c | B2G A2G | [FAc]3 Hd2c | e2d c2B | c3 H[ceg]2 |]",
            "z | C3 C3 | G,3 HG,2C | D3 D3 | F,3 HG,2z | C3 G,3 | C3 HC2 |]",
        ),
    ],
)
def test_fermatas_of_two_voices(tmp_path: Path, metre: str, treble: str, bass: str):
    """The same piece with fermatas and without is the same music."""
    tunes = []
    for mark in ("H", ""):
        (folder := tmp_path / (mark or "plain")).mkdir()
        text = VOICES.format(metre=metre, treble=treble.replace("H", mark), bass=bass.replace("H", mark))
        tunes.append(read_tune(by_abc2midi(folder, text)))
    held, plain = tunes
    assert held.remarks and not plain.remarks and held.metres == plain.metres
    for one, other in zip(held.tracks, plain.tracks, strict=True):
        for key in ("start", "end", "pitch"):
            assert np.allclose(one.notes[key], other.notes[key], rtol=0, atol=1 / 24)


# MMA knows neither grace notes nor trills: the rest of the eight bars.
EIGHT_BARS_OF_MMA = r"""Tempo 100
Time 3
TimeSig 3 4
Solo Voice Flute
Solo Octave 5
1 G {2r;4d;}
2 G {4g;4a;4b;}
3 C {4c+;4b;4a;}
4 G {2bd+g+;4d;}
5 G {3e;3f#;3g;4a;4b;}
6 G {2g;4d;}
Repeat
7 G {4g;4b;4d+;}
RepeatEnd
8 G {2.g;}
"""


def test_mma_writes_the_eight_bars(tmp_path: Path):
    """Long notes are cut by a tenth, as MMA plays them; the pickup stands at the end of a bar of its own."""
    path = by_mma(tmp_path, EIGHT_BARS_OF_MMA)
    assert [(start - 2, pitch) for start, _, pitch in notes(path)] == [(start, pitch) for start, _, pitch in EIGHT_BARS]
    passage = read_passage(str(path))
    assert passage.melody.metre == (3, 4) and passage.melody.tempo == 100 and not passage.grid.free


MMA = r"""Tempo 100
Time 6
TimeSig 6 8
Solo Voice Flute
Solo Octave 5
1 G {4g;4a;4b;2g;4d;}
2 G {2.b;2.a;}
3 C {4c;4d;4e;2c;4g;}
4 G {1g;2r;}
"""


def test_mma(tmp_path: Path):
    """6/8 in quarters under a signature of 6/8: bars of six quarters, not two bars of three."""
    path = by_mma(tmp_path, MMA)
    passage = read_passage(str(path))
    assert (passage.melody.metre, passage.bars, passage.melody.tempo) == ((6, 4), 4, 100)
    assert [start for start, _, _ in notes(path)] == [0, 1, 2, 3, 5, 6, 9, 12, 13, 14, 15, 17, 18]
    assert read_tune(path).remarks == ("bars of 6 quarters under a signature of 6/8, as MMA writes",)


@pytest.mark.parametrize(("overlap", "written"), [(20, 0), (60, 12), (120, 12)])  # ticks of 480; how many become long
def test_musescore_exports_what_overlaps(
    tmp_path: Path, overlap: int, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quarters that overlap a little, imported and exported: those by an eighth and more of them are two quarters long,
    and give way to the next."""
    pitches = [62, 67, 69, 71, 72, 71, 69, 67, 62, 64, 66, 67]
    played = raw.notes([(480 * i, 480 * (i + 1) + overlap, pitch) for i, pitch in enumerate(pitches)])
    (tmp_path / "played.mid").write_bytes(raw.file(raw.tempo(600_000) + raw.metre(3, 2) + played))
    exported = by_musescore(tmp_path, "played.mid", monkeypatch)
    found = read_tune(exported).tracks[0].notes
    assert np.count_nonzero(found["end"] - found["start"] > 1.9) == written
    expected = [(i, 1, pitch) for i, pitch in enumerate(pitches)]
    assert notes(tmp_path / "played.mid")[:-1] == notes(exported)[:-1] == expected[:-1]
    assert read_passage(str(exported)).melody.metre == (3, 4)


def test_musescore_exports_a_single_note_that_overlaps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is two quarters long, over a lower one of a quarter, which is of the tune all the same."""
    pitches = [62, 67, 69, 71, 72, 71, 69, 67, 62, 64, 66, 67]
    played = raw.notes([(480 * i, 480 * (i + 1) + 60 * (pitch == 72), pitch) for i, pitch in enumerate(pitches)])
    (tmp_path / "played.mid").write_bytes(raw.file(raw.tempo(600_000) + raw.metre(3, 2) + played))
    exported = by_musescore(tmp_path, "played.mid", monkeypatch)
    found = read_tune(exported).tracks[0].notes
    assert (found["end"] - found["start"]).max() > 1.9
    assert notes(exported) == [(i, 1, pitch) for i, pitch in enumerate(pitches)]


IMPLICIT = ' implicit="yes"'


def music_xml() -> str:
    """The eight bars as MusicXML, which notation programs exchange: twelve divisions in a quarter."""

    def note(pitch: str, quarters: float = 1.0, kind: str = "quarter", more: str = "", before: str = "") -> str:
        step, alter, octave = pitch[0], "<alter>1</alter>" * ("#" in pitch), pitch[-1]
        return (
            f"<note>{before}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
            f"<duration>{round(12 * quarters)}</duration><voice>1</voice><type>{kind}</type>{more}</note>"
        )

    grace = (
        '<note><grace slash="yes"/><pitch><step>A</step><octave>5</octave></pitch>'
        "<voice>1</voice><type>16th</type></note>"
    )
    trill = "<notations><ornaments><trill-mark/></ornaments></notations>"
    triplet = "<time-modification><actual-notes>3</actual-notes><normal-notes>2</normal-notes></time-modification>"
    repeat = '<barline location="{}"><repeat direction="{}"/></barline>'
    bars = [
        grace + note("D4"),
        note("G4") + note("A4") + note("B4"),
        note("C5", more=trill) + note("B4") + note("A4"),
        note("B4", 2, "half") + "".join(note(p, 2, "half", before="<chord/>") for p in ("D5", "G5")) + note("D4"),
        "".join(note(p, 1 / 3, "eighth", triplet) for p in ("E4", "F#4", "G4")) + note("A4") + note("B4"),
        note("G4", 2, "half") + note("D4"),
        repeat.format("left", "forward") + note("G4") + note("B4") + note("D5") + repeat.format("right", "backward"),
        note("G4", 3, "half", "<dot/>"),
    ]
    bars[0] = (
        "<attributes><divisions>12</divisions><key><fifths>1</fifths></key><time><beats>3</beats>"
        '<beat-type>4</beat-type></time></attributes><direction><sound tempo="100"/></direction>' + bars[0]
    )
    measures = "".join(f'<measure number="{i}"{IMPLICIT * (i == 0)}>{bar}</measure>' for i, bar in enumerate(bars))
    return (
        '<?xml version="1.0"?><score-partwise version="3.1"><part-list><score-part id="P1"><part-name>Flute</part-name>'
        f'</score-part></part-list><part id="P1">{measures}</part></score-partwise>'
    )


def test_musescore_writes_the_eight_bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A pickup under a signature of 1/4; its grace note takes half of the note that it stands before."""
    (tmp_path / "tune.musicxml").write_text(music_xml())
    path = by_musescore(tmp_path, "tune.musicxml", monkeypatch)
    expected = [(0, 0.5, 81), (0.5, 0.5, 62), *EIGHT_BARS[1:]]
    assert [(start - 2, length, pitch) for start, length, pitch in notes(path)] == expected
    passage = read_passage(str(path))
    assert passage.melody.metre == (3, 4) and passage.melody.tempo == 100 and not passage.grid.free
    assert str(passage.key()) == "G:maj"
