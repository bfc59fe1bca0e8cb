"""Address patterns of OSC 1.0: `/latentmix/weight/*`, `/latentmix/{x,y}`, `/latentmix/weight/[1-3]`.

Of the OSC 1.0 specification, "OSC Message Dispatching and Pattern Matching": `?` is any character, `*` any sequence of
them, `[a-c]` one of those and `[!a-c]` one of the others, `{foo,bar}` one of those strings; none of them goes beyond a
part of the address, between two `/`. Of OSC 1.1: `//` is any number of parts, also none.
"""

from __future__ import annotations

import functools

SPECIAL = frozenset("?*[{")
MAX_LENGTH = 255  # characters of a pattern; our addresses have some thirty


def is_pattern(text: str) -> bool:
    """Whether there is anything in it that stands for something else; not in a text too long to be matched."""
    return len(text) <= MAX_LENGTH and ("//" in text or not SPECIAL.isdisjoint(text))


def matches(pattern: str, text: str) -> bool:
    """Whether an address is one of those that a pattern means; one that is broken (no `]` or `}`) means none.

    >>> matches("/mix/weight/[1-3]", "/mix/weight/2"), matches("/mix/*", "/mix/weight/2"), matches("/{x,y}", "/y")
    (True, False, True)
    """

    @functools.cache  # so that many stars take no longer than the product of both lengths
    def fits(at: int, here: int) -> bool:
        if at == len(pattern):
            return here == len(text)
        kind = pattern[at]
        if kind == "*":
            return fits(at + 1, here) or (here < len(text) and text[here] != "/" and fits(at, here + 1))
        if kind == "{":
            end = pattern.find("}", at)
            return end > 0 and any(
                text.startswith(each, here) and fits(end + 1, here + len(each))
                for each in pattern[at + 1 : end].split(",")
            )
        if here == len(text):
            return False
        if pattern.startswith("//", at):
            return text[here] == "/" and any(
                fits(at + 2, after + 1) for after in range(here, len(text)) if text[after] == "/"
            )
        if kind == "[":
            end = pattern.find("]", at)
            return (
                end > 0 and text[here] != "/" and _is_in(pattern[at + 1 : end], text[here]) and fits(end + 1, here + 1)
            )
        return (text[here] == kind or (kind == "?" and text[here] != "/")) and fits(at + 1, here + 1)

    return fits(0, 0)


def _is_in(listed: str, character: str) -> bool:
    """Whether a character is one of those listed, `a-c` being a range and `!` in front turning it round.

    >>> _is_in("a-c", "b"), _is_in("!a-c", "b"), _is_in("x-", "-")
    (True, False, True)
    """
    negated, at, found = listed.startswith("!"), 0, False
    listed = listed[negated:]
    while at < len(listed):
        if at + 2 < len(listed) and listed[at + 1] == "-":
            found |= listed[at] <= character <= listed[at + 2]
            at += 3
        else:
            found |= listed[at] == character
            at += 1
    return found != negated
