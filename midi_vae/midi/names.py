"""What the name of a track says of its part: words of music in the languages that files come in."""

from __future__ import annotations

import re
import unicodedata

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
    "hauptmelodie cantilena melodylead leadmelody topline",
    "voice": "vocal vocals vocalist voc vocs vox vo voice voices sing sings singer singers singing song "
    "sung tune gesang stimme singstimme sanger sangerin voix chant chanteur chanteuse voz voces "
    "canto cantante cante voce voci cantor cantora vozes zang stem zanger zangstem sang sangen "
    "rost sangstemme sangare stemme spiew wokal glos wokale zpev hlas vokal вокал голос пение "
    "песня солист cantus soprano sopran sop sopr soprani sopranos laulu enek karaoke",
    "lead": "lead leads ld leadvox leadvocal lv lvox lead1 main principal hauptspur chorsolo führung fuhrung",
    "theme": "theme thema themes tema temat tèma тема motiv",
    "solo": "solo soli soliste solist solista soloist соло",
    "right hand": "rh righthand rechts rechte droite md derecha destra direita rechterhand hoger hojre prawa "
    "prava правая right upper treble discant diskant violinschlussel",
    "first part": "violin violins violini violino violine violon violonchelo flute flauto flote floete oboe "
    "clarinet trumpet",
    "other": "backing background back backup bv bvs bvox bgv bg harmony harmonies harm harmonie harmonia "
    "armonia chord chords akkord akkorde akkorden accord accords acordes accordi ackord akordy "
    "pad pads accompaniment acc accomp acco comp comping rhythm rhythmic strum bass basse basso "
    "bajo baixo bas bassi basy бас drum drums drumset drumkit perc percussion percussions "
    "schlagzeug batterie bateria batteria perkusja bici ударные барабаны choir choirs chorus "
    "choeur choeurs coro coros chor koor kor sbor хор begleitung accompagnement acompanamiento "
    "accompagnamento acompanhamento begeleiding ackompanjemang akkompagnement akompaniament "
    "doprovod аккомпанемент arpeggio arp arpeggios counter countermelody counterpoint gegenstimme "
    "echo delay alto tenor baritone baryton bariton tenore contralto second seconda deuxieme "
    "segunda zweite unterstimme fill fills riff left lh links linke gauche izquierda sinistra "
    "esquerda linkerhand vanster venstre lewa leva левая lower viola bratsche alt cello "
    "violoncello contrabass kontrabass strings click metronome metronom count",
    "neutral": "the a an main part parts track spur piste pista spor sciezka stopa line voice1 channel ch "
    "midi guitar gitarre guitare guitarra chitarra piano klavier pianoforte keyboard synth "
    "synthesizer organ orgel sax saxophone flute trumpet staff hand hande mano mao rechterhand "
    "reka ruka рука female male woman man girl boy first primary st nd rd copy new dry wet mono "
    "stereo audio instrument gm stave clef en la le il el o de s i ii iii iv l r und and e y et",
}
_PHRASES = {
    "melody": "メロディ 主旋律 旋律 メロ ﾒﾛﾃﾞｨ ﾒﾛ 멜로디 선율 가락",
    "voice": "ボーカル ヴォーカル ボカロ 歌 うた 唄 ﾎﾞｰｶﾙ 人声 人聲 主唱 演唱 보컬 노래 가창",
    "lead": "リード 主奏 리드",
    "theme": "テーマ 主题 主題 테마",
    "solo": "ソロ 独奏 獨奏 솔로",
    "right hand": "右手 오른손",
    "other": "コーラス 合唱 和声 和聲 코러스 ベース 贝斯 貝斯 베이스 ドラム 鼓 드럼 伴奏 반주 左手 왼손 "
    "コード 和音 ハモ",
}
_KIND_OF_WORD: dict[str, str] = {}
for _kind, _text in _WORDS.items():
    for _word in _text.split():
        _KIND_OF_WORD.setdefault(_word, _kind)
for _word in "song sung tune".split():
    _KIND_OF_WORD[_word] = "title"  # a claim only where nothing else stands beside it
_ORDINALS = {"i": 1, "ii": 2, "iii": 3, "iv": 4, "first": 1, "erste": 1, "primo": 1, "prima": 1}
_TITLE_WORDS = frozenset(
    "of my your me you we in on for from with to is are this that der die das des dem von zu mein les del mi il un una"
    " no love".split()
)


def words_of(name: str) -> list[str]:
    """The words and numbers of a name, in lower case and without accents; CamelCase and digits are taken apart.

    >>> words_of("LeadVox_2"), words_of("Mélodie (R.H.)")
    (['lead', 'vox', '2'], ['melodie', 'rh'])
    """
    name = re.sub(r"\b(\w)\.\s?(\w)\.?(?!\w)", r"\1\2", name)  # R.H.
    name = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])", " ", name)
    plain = "".join(c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c) or ord(c) > 0x3000)
    plain = plain.replace("ł", "l").replace("Ł", "L").replace("ø", "o").replace("Ø", "O").replace("ß", "ss").lower()
    return re.findall(r"[^\W\d_]+|\d+", unicodedata.normalize("NFC", plain))


def melody_claim(name: str) -> float:
    """How strongly a track of this name is meant as the melody: 0 says nothing, below 0 that it is another part.

    A melody goes before a lead voice, that before a voice, all of them before a theme or solo, these before a right
    hand, and that before a first part of a score; a number makes a claim weaker. A name with words that are none of
    music, such as the title of a song, claims nothing.

    >>> melody_claim("Melody") > melody_claim("Lead vocals") > melody_claim("Vocals 2") > 0
    True
    >>> melody_claim("Song of the Sea"), melody_claim("Backing vocals")
    (0.0, -1.0)
    """
    kinds = _phrases(name)
    words = words_of(name)
    numbers = [int(word) for word in words if word.isdigit() and len(word) < 4] + [
        _ORDINALS[word] for word in words if word in _ORDINALS
    ]
    letters = [word for word in words if not word.isdigit() and word not in _ORDINALS]
    found = [
        (_KIND_OF_WORD.get(word) or _KIND_OF_WORD.get(word[:-1] if word.endswith("s") else "")) for word in letters
    ]
    unknown = 0 if kinds else sum(kind is None for kind in found)
    kinds |= {kind for kind in found if kind}
    if "other" in kinds:
        return -1.0
    if "title" in kinds:
        if len(letters) > 1:
            return 0.0
        kinds.add("voice")
    if unknown > 1 or (unknown and any(word in _TITLE_WORDS for word in letters)):
        return 0.0
    if {"lead", "voice"} <= kinds:
        kinds.add("lead voice")
    best = max((_CLAIMS[kind] for kind in kinds if kind in _CLAIMS), default=0)
    if best == _CLAIMS["first part"] and 1 not in numbers:
        return 0.0
    return max(best - 0.5 * unknown - 0.5 * bool(numbers), 0.5) if best else 0.0


def part_number(name: str) -> int | None:
    """The number in the name of a part, None without one.

    >>> part_number("Violino I"), part_number("Vocals2"), part_number("Vocals")
    (1, 2, None)
    """
    for word in words_of(name):
        if word in _ORDINALS or (word.isdigit() and len(word) < 3):
            return _ORDINALS.get(word) or int(word)
    return None


def is_part_name(text: str) -> bool:
    """Whether a name has a word of music in it; what tells an encoding from others."""
    return bool(_phrases(text)) or any(_KIND_OF_WORD.get(word, "neutral") != "neutral" for word in words_of(text))


def _phrases(name: str) -> set[str]:
    name = unicodedata.normalize("NFC", name)
    return {kind for kind, phrases in _PHRASES.items() if any(each in name for each in phrases.split())}
