"""Texts for the simple regular expressions that schemas use, such as `^[0-9a-f]{64}$`.

An expression is a row of characters and classes, each with a count. Any other one is not followed:
running a stranger's expression could take for ever.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

__all__ = ["text_like"]

_PART = re.compile(
    r"(?:\[(?P<set>[^\]^\\][^\]\\]*)\]|\\(?P<kind>[dw])|\\(?P<escaped>[^a-zA-Z0-9])"
    r"|(?P<plain>[^\\()\[\]{}*+?.|^$])|(?P<any>\.))"
    r"(?:\{(?P<low>\d{1,4})(?P<comma>,(?P<high>\d{1,4})?)?\}|(?P<sign>[*+?]))?"
)
_DIGITS = "0123456789"
_WORD = "abcABC012_"
_MORE = 3


@dataclass(frozen=True, slots=True)
class _Part:
    """Characters of which one is taken `low` to `high` times."""

    characters: str
    low: int
    high: int


def text_like(pattern: str, rng: random.Random, notable: tuple[str, ...]) -> str:
    """A text that a simple pattern matches, a notable one where one does; else "a"."""
    parts = _parts(pattern.removeprefix("^").removesuffix("$"))
    if parts is None:
        return "a"
    fitting = [text for text in notable if _is_like(text, parts)]
    if fitting and rng.random() < 0.7:
        return rng.choice(fitting)
    texts = []
    for part in parts:
        # One character for the whole part: of all possible texts few are drawn, so that calls meet.
        character = rng.choice(part.characters[:_MORE])
        texts.append(character * rng.randint(part.low, min(part.high, part.low + _MORE)))
    return "".join(texts)


def _is_like(text: str, parts: tuple[_Part, ...]) -> bool:
    """Whether a text has each part's characters in turn, as many as there are."""
    at = 0
    for part in parts:
        end = at
        while end < len(text) and end - at < part.high and text[end] in part.characters:
            end += 1
        if end - at < part.low:
            return False
        at = end
    return at == len(text)


def _parts(pattern: str) -> tuple[_Part, ...] | None:
    parts: list[_Part] = []
    at = 0
    while at < len(pattern):
        found = _PART.match(pattern, at)
        if found is None:
            return None
        characters = _characters(found)
        if not characters:
            return None
        parts.append(_Part(characters, *_counts(found)))
        at = found.end()
    return tuple(parts)


def _characters(found: re.Match[str]) -> str:
    if found["set"] is not None:
        spans = re.findall(r"(.)-(.)|(.)", found["set"])
        drawn = [
            single or "".join(map(chr, range(ord(low), min(ord(high), ord(low) + 256) + 1)))
            for low, high, single in spans
        ]
        return "".join(drawn)
    if found["kind"] is not None:
        return _DIGITS if found["kind"] == "d" else _WORD
    if found["any"] is not None:
        return _WORD
    return found["escaped"] or found["plain"]


def _counts(found: re.Match[str]) -> tuple[int, int]:
    if found["sign"] is not None:
        return {"*": (0, _MORE), "+": (1, _MORE), "?": (0, 1)}[found["sign"]]
    if found["low"] is None:
        return 1, 1
    low = int(found["low"])
    if found["comma"] is None:
        return low, low
    return low, max(low, int(found["high"])) if found["high"] else low + _MORE
