"""What the name of a track says of its part: words of music in the languages that files come in."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

# Words, without accents and in lower case, and how strongly a track of that name claims the melody.
_CLAIMS = {
    "melody": 6,
    "lead voice": 5,
    "voice": 4,
    "lead": 4,
    "theme": 3,
    "solo": 3,
    "right hand": 2,
    "first part": 1,
}
_WORDS: dict[str, str] = {
    "melody": "melody melodies mel melo mld melodia melodias melodie melodien melodi melodin melodii "
    "melodik dallam melodiya мелодия мелодии мелодію мелодія leitmelodie hauptstimme oberstimme "
    "cantilena topline melodija",
    "voice": "vocal vocals vocalist voc vocs vox vx vo guide voice voices sing sings singer singers singing song "
    "sung tune gesang stimme singstimme sanger sangerin voix chant chanteur chanteuse voz voces "
    "canto cantante cantato cante voce voci cantor cantora vozes zang stem zanger sang sangen forsanger "
    "rost sangare stemme stamma spiew wokal wokalna wokalu glos glosu wokale zpev hlas vokal вокал голос голоса пение "
    "песня солист cantus soprano sopran sop sopr soprani sopranos laulu enek karaoke",
    "lead": "lead leads ld lv lvox lead1 main principal principale principali haupt chorsolo fuhrung hlavni glowny "
    "glowna glowne главный главная главное",
    "theme": "theme thema themes tema temat tèma тема motiv",
    "solo": "solo soli soliste solist solista soloist соло",
    "right hand": "rh righthand rechts rechte droite md derecha destra direita rechterhand hoger hojre prawa "
    "prava правая right upper treble discant diskant violinschlussel",
    "first part": "violin violins violini violino violine violon vln vlns vl vn geige fiddle viool fiol skrzypce "
    "housle скрипка flute flauto flote floete oboe hautbois clarinet klarinette clarinette clarinetto clarinete "
    "trumpet trompete trompette trompeta tromba",
    "other": "backing background back backup bkg bkgd bv bvs bvox bgv bg ooh oohs aah aahs chop chops "
    "descant harmony harmonies harm harmonie harmonia "
    "armonia chord chords akkord akkorde akkorden accord accords acordes accordi ackord akordy "
    "pad pads accompaniment acc accomp acco comp comping rhythm rhythmic strum bass basse basso "
    "bajo baixo bas bassi basy бас drum drums drumset drumkit perc percussion percussions "
    "schlagzeug batterie bateria batteria perkusja bici ударные барабаны choir choirs chorus "
    "choeur choeurs coro coros cori chor koor kor sbor хор begleitung accompagnement acompanamiento "
    "accompagnamento acompanhamento begeleiding ackompanjemang akkompagnement akompaniament "
    "doprovod komp аккомпанемент arpeggio arp arpeggios counter countermelody counterpoint gegenstimme "
    "echo delay alto tenor baritone baryton bariton tenore contralto second seconda deuxieme "
    "segunda seconde zweite tweede andra anden andre druhy druga drugi второй вторая бэк бек подпевка fx "
    "secondaire secundaria secondaria secundario secondario secundar support assist sub "
    "begleit unter neben hintergrund achtergrond tegen stam contrechant controcanto contracanto contramelodia "
    "fill fills riff left lh links linke gauche izquierda sinistra "
    "esquerda linkerhand vanster venstre lewa leva левая lower viola bratsche alt cello "
    "violoncello contrabass kontrabass strings click metronome metronom count",
    "neutral": "the a an main part parts partij parti partia партия lijn linie linje linia linea linha ligne hoofd "
    "hoved huvud track spur piste pista spor sciezka stopa line voice1 channel ch "
    "midi guitar gitarre guitare guitarra chitarra piano klavier pianoforte keyboard synth "
    "synthesizer organ orgel sax saxophone flute trumpet staff hand hande mano mao rechterhand "
    "reka ruka рука female male woman man girl boy first primary st nd rd copy new dry wet mono "
    "stereo audio instrument gm stave clef en la le il el o de s i ii iii iv l r und and e y et",
}
_PHRASES = {
    "melody": "メロディ 主旋律 旋律 メロ ﾒﾛﾃﾞｨ ﾒﾛ 멜로디 선율 가락",
    "voice": "ボーカル ヴォーカル ボカロ 歌 うた 唄 唱 ﾎﾞｰｶﾙ 人声 人聲 主唱 演唱 独唱 獨唱 女声 女聲 男声 男聲 "
    "보컬 노래 가창 독창",
    "lead": "リード 主奏 主音 領唱 领唱 리드",
    "theme": "テーマ 主题 主題 테마",
    "solo": "ソロ 独奏 獨奏 솔로",
    "right hand": "右手 오른손",
    "other": "コーラス 合唱 和声 和聲 코러스 ベース 贝斯 貝斯 베이스 ドラム 鼓 드럼 伴奏 반주 左手 왼손 "
    "コード 和音 和弦 화음 ハモ 対旋律 对旋律 副旋律 バック 伴唱 백보컬 백코러스 부선율",
}
_TERMS = {  # of several words, each of which may stand for something else; without accents
    "melody": (
        "top line",
        "linea melodica",
        "linha melodica",
        "ligne melodique",
        "linia melodyczna",
        "melodische linie",
    ),
    "right hand": ("mano der", "m der"),
    "nothing": ("voice oohs", "synth voice", "synth vox", "solo vox"),  # programs of General MIDI
}


def _plain(text: str) -> str:
    """Lower case without accents; kana keep theirs."""
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c) or ord(c) > 0x3000)
    text = text.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("Ø", "O").replace("ß", "ss")
    text = text.lower().replace("œ", "oe").replace("æ", "ae")
    return unicodedata.normalize("NFC", text)


_KIND_OF_WORD: dict[str, str] = {}
for _kind, _text in _WORDS.items():
    for _word in _text.split():
        _KIND_OF_WORD.setdefault(_plain(_word), _kind)
for _word in "song sung tune".split():
    _KIND_OF_WORD[_word] = "title"  # a claim only where nothing else stands beside it
_LATER = frozenset(("nd", "rd", "th", "eme", "ieme"))  # after a number
_ORDINALS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "first": 1, "erste": 1, "primo": 1, "prima": 1}
_TITLE_WORDS = frozenset(
    "of my your me you we in on for from with to is are this that der die das des dem von zu les del il un una no love"
    " the la le los las lo gli het den det os as une ein eine".split()
)
_TITLES = frozenset("my your mein dein mon ma mes ton sa mi tu mio mia meu minha moj moja мой моя title".split())
_TITLES_IN_CJK = re.compile(".[のノ之的의] ?(歌|唄|うた|노래|곡|曲)$")  # somebody's song
_SIDED = frozenset("guitar guitars gitarre guitare guitarra chitarra gtr gtrs".split())  # right is where it is heard
_COUNTED = frozenset(
    "track channel ch midi staff stave instrument spur piste pista spor sciezka stopa softsynth".split()
)
_MIN_PART = 4  # letters of a part of a compound


def words_of(name: str) -> list[str]:
    """The words and numbers of a name, in lower case and without accents; CamelCase and digits are taken apart.

    >>> words_of("LeadVox_2"), words_of("Mélodie (R.H.)")
    (['lead', 'vox', '2'], ['melodie', 'rh'])
    """
    name = re.sub(r"\b(\w)\.\s?(\w)\.?(?!\w)", r"\1\2", name)  # R.H.
    name = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+|\d+", _plain(name))


def melody_claim(name: str, may_be_title: bool = False) -> float:
    """How strongly a track of this name is meant as the melody: 0 says nothing, below 0 that it is another part.

    A melody goes before a lead voice, that before a voice, all of them before a theme or solo, these before a right
    hand, and that before a first part of a score; a number makes a claim weaker. A name with words that are none of
    music, such as the title of a song, claims nothing.

    Args:
        name: of a track.
        may_be_title: it stands where files have the title: then one word that is none of music makes it one.

    >>> melody_claim("Melody") > melody_claim("Lead vocals") > melody_claim("Vocals 2") > 0
    True
    >>> melody_claim("Song of the Sea"), melody_claim("Backing vocals"), melody_claim("Tidal Melody", may_be_title=True)
    (0.0, -1.0, 0.0)
    """
    kinds = _phrases(name)
    words = words_of(name)
    if "nothing" in kinds or _TITLES_IN_CJK.search(name) or not _TITLES.isdisjoint(words):
        return 0.0
    numbers = [int(word) for word in words if word.isdecimal() and len(word) < 4] + [
        _ORDINALS[word] for word in words if word in _ORDINALS
    ]
    letters = [word for word in words if not word.isdecimal() and word not in _ORDINALS]
    found = [_kind_of(part) for word in letters for part in _parts(word)]
    unknown = 0 if kinds else sum(kind is None for kind in found)
    kinds |= {kind for kind in found if kind}
    if "other" in kinds or _is_a_later_one(words):
        return -1.0
    if "title" in kinds and "melody" not in kinds:
        if len(letters) > 1:
            return 0.0
        kinds.add("voice")
    if unknown > 1 or (unknown and (may_be_title or any(word in _TITLE_WORDS for word in letters))):
        return 0.0
    if not _SIDED.isdisjoint(letters):
        kinds.discard("right hand")
    if {"lead", "voice"} <= kinds:
        kinds.add("lead voice")
    best = max((_CLAIMS[kind] for kind in kinds if kind in _CLAIMS), default=0)
    if best == _CLAIMS["first part"] and 1 not in numbers:
        return 0.0
    return max(best - 0.5 * unknown - 0.5 * bool(numbers), 0.5) if best else 0.0


def _is_a_later_one(words: list[str]) -> bool:
    """Whether an ordinal above the first says that a part is not the leading one: the 2nd voice."""
    return any(word in _LATER and number.isdecimal() and int(number) > 1 for number, word in pairwise(words))


def _kind_of(word: str) -> str | None:
    return _KIND_OF_WORD.get(word) or _KIND_OF_WORD.get(word[:-1] if word.endswith("s") else "")


def _parts(word: str) -> tuple[str, ...]:
    """A word, or the two known ones that it is put together from, as in German, Dutch and Swedish.

    >>> _parts("gesangsmelodie"), _parts("zanglijn"), _parts("songbird")
    (('gesangs', 'melodie'), ('zang', 'lijn'), ('songbird',))
    """
    if _kind_of(word) is None and word != "copyright":
        for at in range(_MIN_PART, len(word) - _MIN_PART + 1):
            if _kind_of(word[:at]) and _kind_of(word[at:]):
                return word[:at], word[at:]
    return (word,)


def are_parts(names: Sequence[str]) -> bool:
    """Whether names number the parts of a score: they differ by nothing else, and it is not tracks that are counted.

    >>> are_parts(["Part 1", "Part 2"]), are_parts(["Part 1", "Sax 2"]), are_parts(["Track 1", "Track 2"])
    (True, False, False)
    """
    words = {frozenset(w for w in words_of(name) if not w.isdecimal() and w not in _ORDINALS) for name in names}
    is_numbered = len({part_number(name) for name in names} - {None}) == len(names)
    return len(names) > 1 and len(words) == 1 and is_numbered and _COUNTED.isdisjoint(*words)


def part_number(name: str) -> int | None:
    """The number in the name of a part, None without one.

    >>> part_number("Violino I"), part_number("Vocals2"), part_number("Vocals")
    (1, 2, None)
    """
    for word in words_of(name):
        if word in _ORDINALS or (word.isdecimal() and len(word) < 3):
            return _ORDINALS.get(word) or int(word)
    return None


def is_part_name(text: str) -> bool:
    """Whether a name has a word of music in it; what tells an encoding from others."""
    return bool(_phrases(text)) or any(_KIND_OF_WORD.get(word, "neutral") != "neutral" for word in words_of(text))


def _phrases(name: str) -> set[str]:
    words = f" {' '.join(words_of(name))} "
    kinds = {kind for kind, terms in _TERMS.items() if any(f" {each} " in words for each in terms)}
    if name.isascii():
        return kinds
    name = unicodedata.normalize("NFC", name)
    return kinds | {kind for kind, phrases in _PHRASES.items() if any(each in name for each in phrases.split())}
