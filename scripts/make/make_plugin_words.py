"""The words of music in `midi_vae.midi.names` -> a table for the plugins' reader of MIDI files.

python scripts/make/make_plugin_words.py          # writes plugins/midi/words.inc
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from midi_vae.midi import names

OUT = Path(__file__).resolve().parents[2] / "plugins" / "midi" / "words.inc"
KINDS = ("melody", "lead voice", "voice", "lead", "theme", "solo", "right hand", "first part",
         "other", "neutral", "title", "nothing")  # fmt: skip
ENCODINGS = ("utf-8", "shift_jis", "euc_kr", "gb18030", "big5")
FOLDED = range(0xC0, 0x530)  # Latin, Greek, Cyrillic letters


def c_text(data: bytes) -> str:
    """A string of C that is nothing but ASCII."""
    return '"' + "".join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else f"\\{b:03o}" for b in data) + '"'


def text_of(name: str, texts: Iterable[bytes]) -> list[str]:
    """A constant of C that holds them all: an array of pointers would be as large again."""
    lines = lines_of(c_text(text)[:-1] + '\\0"' for text in texts)
    return [
        f"constexpr char {name}[] =",
        *(line.replace('",', '"') for line in lines[:-1]),
        lines[-1].replace('",', '"') + ";",
    ]


def lines_of(items: Iterable[str]) -> list[str]:
    """As many items on a line as 130 columns hold."""
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) > 124:
            lines.append("")
        lines[-1] += f"{' ' if lines[-1] else '    '}{item},"
    return lines


def table() -> str:
    """The text of the file."""
    number = {kind: index for index, kind in enumerate(KINDS)}
    words = sorted((word.encode(), number[kind]) for word, kind in names._KIND_OF_WORD.items())
    phrases = sorted(
        {
            (phrase.encode(encoding), number[kind])
            for kind, each in names._PHRASES.items()
            for phrase in each.split()
            for encoding in ENCODINGS
            if can_be_in(phrase, encoding)
        }
    )
    terms = [(f" {term} ".encode(), number[kind]) for kind, each in names._TERMS.items() for term in each]
    sets = {
        "TITLE_WORDS": names._TITLE_WORDS,
        "TITLES": names._TITLES,
        "SIDED": names._SIDED,
        "COUNTED": names._COUNTED,
        "LATER": names._LATER,
    }
    plain = [names._plain(chr(code)) for code in FOLDED]
    said = ["// Made by scripts/make/make_plugin_words.py of `midi_vae.midi.names`; by the bytes of UTF-8, ascending."]
    said.append(f"enum Kind {{ {', '.join(kind.upper().replace(' ', '_') for kind in KINDS)} }};")
    claims = [names._CLAIMS.get(kind, 0) for kind in KINDS]
    said.append(f"constexpr double CLAIMS[] = {{{', '.join(map(str, claims))}}};")
    said.append(
        "// One after another, each with a NUL behind it; where it has a kind, A for the first stands before it."
    )
    for name, rows in (("WORDS", words), ("PHRASES", phrases), ("TERMS", terms)):
        said += text_of(name, (bytes([65 + kind]) + text for text, kind in rows))
    for name, content in sets.items():
        said += text_of(name, sorted(word.encode() for word in content))
    said.append("// Letters from U+00C0 to U+052F in lower case and without accents.")
    folded = (str(ord(each)) if len(each) == 1 else "0" for each in plain)
    said += ["constexpr std::uint16_t PLAIN[] = {", *lines_of(folded), "};"]
    return "\n".join(said) + "\n"


def can_be_in(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    OUT.write_text(table(), encoding="ascii")


if __name__ == "__main__":
    main()
