"""Which track is the melody: names in the field's languages and encodings, lyrics, and what stands in the notes."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
import raw_midi as raw

from midi_vae.midi.melody_track import TrackChoice, choose_track
from midi_vae.midi.names import is_part_name, melody_claim
from midi_vae.midi.reader import read_tune
from midi_vae.midi.text import to_text

# a plain line and one that looks more like a melody, so that a name has to win
LINE = raw.notes([(480 * i, 480 * i + 240, 50 + i % 3) for i in range(16)], 1)
RICHER = raw.notes(
    [(480 * i + (120 if i % 3 else 0), 480 * i + 400, 60 + i * 5 % 12) for i in range(16)], 2
)  # fmt: skip
NAMES = (
    "Melody", "Main Melody", "Lead Vocals", "LeadVox", "Vox", "mel.", "VOCALS", "Singer", "Voice", "Theme",
    "Right Hand", "R.H.", "Melodie", "Gesang", "Singstimme", "Hauptstimme", "Rechte Hand", "Mélodie", "Chant",
    "Voix", "Main droite", "Melodía", "Voz", "Mano derecha", "Canto", "Voce", "Melodia", "Mano destra",
    "Voz principal", "Zang", "Zangstem", "Sång", "Röst", "Melodi", "Sang", "Melodia", "Śpiew", "Wokal", "Zpěv",
    "Hlas", "Мелодия", "Вокал", "Голос", "メロディー", "ボーカル", "主旋律", "旋律", "人声", "人聲", "主唱",
    "멜로디", "보컬", "melodies", "Voices", "Violin 1", "Violino I", "Flute 1",
    "Melodiestimme", "Gesangsmelodie", "Solostimme", "Leadgesang", "Ligne mélodique", "Línea melódica", "Mano der.",
    "Linea melodica", "Cantato", "Linha melódica", "Melodielijn", "Zangpartij", "Leadzang", "Hoofdstem",
    "Sångstämma", "Högerhand", "Hovedmelodi", "Forsanger", "Linia melodyczna", "Partia wokalna", "Партия голоса",
    "独唱", "女声", "领唱", "독창",
    "Top Line", "Sung melody", "Linia wokalu", "Guide", "1st Voice",
    "Voix principale", "Voce principale", "Vln. 1", "Trompete 1",
)  # fmt: skip
OTHERS = (
    "Backing Vocals", "Bass", "Harmony", "Choeur", "Begleitung", "Accompagnement", "Coro", "Bajo",
    "Linke Hand", "Main gauche", "Mano izquierda", "Kör", "Doprovod", "Аккомпанемент", "Хор", "コーラス",
    "伴奏", "左手", "베이스", "Arpeggio", "Left Hand", "L.H.", "Violin 2", "Viola",
    "Vocal FX", "Begleitstimme", "Nebenstimme", "Tweede stem", "Achtergrondzang", "Anden stemme", "Körsång", "Stämsång",
    "Drugi głos", "Druhý hlas", "Второй голос", "Бэк-вокал", "対旋律", "副旋律", "バックボーカル", "백보컬",
    "Voice Oohs", "2nd voice", "Melody 2nd voice", "3rd Vocal", "2ème voix", "Bkg Vox", "Chœurs", "Oohs",
    "Vocal Chops", "Cori", "Voix secondaire", "Voz secundaria", "Melody Support", "Mel.sub", "Copyright 1994",
    "Guitar (Right)",
)  # fmt: skip


def choice(tmp_path: Path, *tracks: bytes, wanted: int | None = None) -> TrackChoice:
    path = tmp_path / "tune.mid"
    path.write_bytes(raw.file(*tracks))
    return choose_track(read_tune(path), wanted)


def named(content: bytes) -> bytes:
    return raw.meta(0x03, content)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_means_the_melody(tmp_path: Path, name: str):
    found = choice(tmp_path, RICHER, named(name.encode()) + LINE)
    assert found.track.index == 2 and found.reason == f"it is named {found.track.name!r}"


@pytest.mark.parametrize("name", OTHERS)
def test_a_name_that_means_another_part(tmp_path: Path, name: str):
    assert choice(tmp_path, named(name.encode()) + RICHER, LINE).track.index == (2 if melody_claim(name) < 0 else 1)
    assert melody_claim(name) <= 0


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("Mélodie", "latin-1"), ("Sång", "latin-1"), ("Melodía", "utf-16"),
        ("Zpěv", "utf-16-le"), ("メロディ", "shift_jis"),
        ("ボーカル", "shift_jis"), ("主旋律", "utf-16"),
        ("旋律", "gb18030"), ("멜로디", "euc_kr"), ("Мелодия", "cp1251"),
        ("Śpiew", "cp1250"), ("歌", "shift_jis"), ("唱", "gb18030"),
        ("Мелодия", "utf-16-le"), ("Правая рука", "utf-16-be"), ("ボーカル", "utf-16-le"), ("主旋律", "utf-16-be"),
        ("보컬", "utf-16-le"),
    ],
)  # fmt: skip
def test_names_in_the_encodings_of_their_countries(tmp_path: Path, name: str, encoding: str):
    found = choice(tmp_path, RICHER, named(name.encode(encoding)) + LINE)
    assert found.track.index == 2 and found.track.name == name


@pytest.mark.parametrize("name", ["Line 1\r\n", "Strings\n", "a\tb"])
def test_control_characters_are_no_encoding(name: str):
    assert to_text(name.encode(), is_part_name) == " ".join(
        "".join(c if c.isprintable() else " " for c in name).split()
    )


def test_letters_taken_apart_are_put_together(tmp_path: Path):
    found = choice(tmp_path, RICHER, named(unicodedata.normalize("NFD", "Mélodie").encode()) + LINE)
    assert found.track.index == 2 and found.track.name == "Mélodie"


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("Melody", "Vocals 2"), ("Lead vocal", "Vocal 1"), ("Melodie", "Stimme 3"),
        ("Piano right", "Piano left"),
        ("Violin 1", "Viola"), ("Voz principal", "Voz 2"), ("Melody", "Melody 2"), ("Lead Vox", "Solo"),
        ("Vocals", "Guitar solo"),
        ("Gesang", "Rechte Hand"), ("Right hand", "Violin 1"),
    ],
)  # fmt: skip
def test_which_of_two_names_goes_before(better: str, worse: str):
    assert melody_claim(better) > melody_claim(worse)


@pytest.mark.parametrize(
    "title",
    [
        "Song of the Sea",
        "Theme from a Film",
        "Lead me home",
        "The Voice of the Wind",
        "La voix de mon coeur",
        "Leader",
        "The Voice Within",
        "Canto a la vida",
        "La Voix Humaine",
        "Mon chant",
        "Main Title",
        "x³",
        "恋の歌",
        "月光之歌",
        "사랑의 노래",
    ],
)
def test_a_title_claims_nothing(tmp_path: Path, title: str):
    assert melody_claim(title) == 0
    assert choice(tmp_path, named(title.encode()) + LINE, RICHER).track.index == 2


def test_the_title_of_the_file_is_none_of_a_part(tmp_path: Path):
    """Files have it as the name of their first track, and some programs repeat it on others."""
    title = named(b"Unfinished Melody")
    assert choice(tmp_path, title + LINE, RICHER).track.index == 2
    assert choice(tmp_path, title, title + LINE, RICHER).track.index == 2
    assert choice(tmp_path, named(b"A song"), title + LINE, RICHER).track.index == 1
    assert choice(tmp_path, named(b"Melody") + LINE, RICHER).track.index == 1


def test_the_first_of_numbered_parts_goes_before(tmp_path: Path):
    first, second = named(b"Part 1"), named(b"Part 2")
    assert choice(tmp_path, second + LINE, first + LINE).track.index == 2
    assert choice(tmp_path, named(b"Track 2") + LINE, named(b"Track 1") + LINE).track.index == 1


def test_a_name_that_all_tracks_bear_claims_nothing(tmp_path: Path):
    voice = named(b"Voice")
    other = raw.notes([(960 * i, 960 * i + 240, 40) for i in range(8)], 4)
    assert choice(tmp_path, voice + LINE, voice + RICHER, voice + other).reason.startswith("the most melodic (")


def sung(kind: int, ticks: list[int]) -> bytes:
    out, now = b"", 0
    for tick in ticks:
        out += raw.meta(kind, b"la ", tick - now)
        now = tick
    return out


@pytest.mark.parametrize("kind", [0x01, 0x05])
@pytest.mark.parametrize("late", [0, 40, 310, 700])
def test_the_track_that_meets_the_syllables_is_sung(tmp_path: Path, kind: int, late: int):
    tune = [(480 * i * 3 // 2, 480 * i * 3 // 2 + 400, 50 + i % 4) for i in range(20)]
    words = raw.meta(0x01, b"@KMIDI KARAOKE FILE") + sung(kind, [start + late for start, _, _ in tune])
    found = choice(tmp_path, words, raw.notes(tune, 3), named(b"Melody") + RICHER)
    assert found.track.channel == 3 and "of the lyrics" in found.reason
    assert [each.track.channel for each in found.runners_up] == [2]


@pytest.mark.parametrize(("more", "is_soprano"), [(6, True), (20, False)])
def test_a_voice_named_so_need_not_meet_the_lyrics_best(tmp_path: Path, more: int, is_soprano: bool):
    """A hymn: soprano and alto on one staff, whose onsets meet the syllables less than the tenor's do."""
    tune = [(960 * i, 960 * i + 900, 60 + i % 4) for i in range(24)]
    alto = [(960 * i + 480, 960 * i + 900, 57) for i in range(more)]
    words = sung(0x05, [start for start, _, _ in tune])
    upper = named(b":soprano") + raw.notes(sorted(tune + alto), 2)
    found = choice(tmp_path, words, named(b":tenor") + raw.notes([(s, e, p - 12) for s, e, p in tune], 3), upper)
    assert "of the lyrics" in found.reason and (found.track.name == ":soprano") == is_soprano


@pytest.mark.parametrize("is_chordal", [False, True])
def test_lyrics_that_drift_are_sung_by_one_voice_with_as_many_notes(tmp_path: Path, is_chordal: bool):
    """Five of nine syllables are a fifth of a beat late or more, as words timed by hand are; no chords are sung."""
    tune = [(480 * i * 3 // 2, 480 * i * 3 // 2 + 400, 50 + i % 4) for i in range(1, 40)]
    words = sung(0x05, [start + (100 + 35 * (i % 5) if i % 9 < 5 else 0) for i, (start, _, _) in enumerate(tune)])
    chords = [(start, end, pitch + 7) for start, end, pitch in tune] if is_chordal else []
    found = choice(tmp_path, words, raw.notes(tune + chords, 3), named(b"Melody") + RICHER)
    assert ("of the lyrics" in found.reason) == (found.track.channel == 3) == (not is_chordal)


def test_lyrics_timed_letter_by_letter(tmp_path: Path):
    tune = [(480 * i * 3 // 2, 480 * i * 3 // 2 + 400, 50 + i % 4) for i in range(1, 20)]
    words, now = b"", 0
    for start, _, _ in tune:
        for number, letter in enumerate((b"s", b"i", b"n", b"g", b" ")):
            words += raw.meta(0x05, letter, start + 70 * number - now)
            now = start + 70 * number
    found = choice(tmp_path, words, raw.notes(tune, 3), named(b"Melody") + RICHER)
    assert found.track.channel == 3 and "of the lyrics" in found.reason


@pytest.mark.parametrize("early", [480, 960])
def test_lyrics_a_beat_early_are_not_those_of_what_plays_on_every_beat(tmp_path: Path, early: int):
    tune = [(480 * t, 480 * t + 400, 60 + t % 5) for bar in range(1, 12) for t in (4 * bar, 4 * bar + 1, 4 * bar + 3)]
    bass = [(480 * i, 480 * i + 400, 40 + i % 3) for i in range(50)]
    words = sung(0x05, [start - early for start, _, _ in tune])
    assert choice(tmp_path, words, raw.notes(bass, 1), raw.notes(tune, 3)).track.channel == 3


@pytest.mark.parametrize(
    "texts",
    [
        (b"Am", b"F#m7/E", b"G7sus4", b"Bbmaj7", b"C"),
        (b"%Am", b"%Dm7", b"<a line of the song that is sung here", b"%E7"),
        (b"this is the first line", b"that was the second one of all"),
        (b"1", b"2", b"3:1", b"4"),
    ],
)
def test_names_of_chords_lines_and_numbers_are_no_syllables(tmp_path: Path, texts: tuple[bytes, ...]):
    chords = [(960 * i, 960 * i + 900, pitch) for i in range(1, 25) for pitch in (48, 52, 55)]
    events = b"".join(raw.meta(0x01, texts[i % len(texts)], 960) for i in range(24))
    found = choice(tmp_path, events, raw.notes(chords, 1), named(b"Melody") + LINE)
    assert found.track.name == "Melody" and "lyrics" not in found.reason


def test_a_few_words_are_no_lyrics(tmp_path: Path):
    words = sung(0x01, [480, 960, 1440])
    assert choice(tmp_path, words, LINE, named(b"Melody") + RICHER).track.name == "Melody"


def test_runners_up_are_told(tmp_path: Path):
    found = choice(tmp_path, LINE, named(b"Melody") + RICHER, named(b"Voice 2") + LINE)
    assert found.track.index == 2 and [each.track.index for each in found.runners_up] == [3, 1]
    assert "it is named 'Voice 2'" in found.runners_up[0].reason


@pytest.mark.parametrize("lowest", [48, 60])
def test_a_tune_with_rests_goes_before_an_arpeggio(tmp_path: Path, lowest: int):
    arpeggio = [(240 * i, 240 * i + 240, lowest + (0, 4, 7, 12, 16, 12, 7, 4)[i % 8]) for i in range(64)]
    tune = [
        (480 * s, 480 * s + 220, p) for s, p in ((0, 67), (1, 69), (1.5, 71), (2, 72), (16, 71), (17, 69), (18.5, 67))
    ]
    ticks = [(round(start), round(end), pitch) for start, end, pitch in tune]
    assert choice(tmp_path, raw.notes(arpeggio, 1), raw.notes(ticks, 0)).track.channel == 0


def test_a_melody_on_the_drums_channel_by_its_number(tmp_path: Path):
    flute = raw.notes([(480 * i, 480 * i + 400, 67 + i % 5) for i in range(8)], 9)
    assert choice(tmp_path, flute, LINE).track.index == 2
    assert choice(tmp_path, flute, LINE, wanted=1).track.channel == 9
