"""Where in a TOML file a value is set: readers of TOML keep no places, and people want lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

__all__ = ["Place", "deep_line_of", "line_of", "tables_of"]

Place: TypeAlias = tuple[str, ...]
"""The keys that lead to a value, from the outermost table."""

_STRING: Final = (
    r'"""(?:\\.|[^\\])*?"{3,5}|'
    r"'''.*?'{3,5}|"
    r'"(?:\\.|[^"\\\n])*"|'
    r"'[^'\n]*'"
)
_TOKEN: Final = re.compile(rf"(?:{_STRING}|\#[^\n]*)|([\[{{])|([\]}}])|(\n)", re.DOTALL)
_KEY: Final = r"""(?:[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')"""
_PATH: Final = rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*"
_DOTTED: Final = r"(?<![A-Za-z0-9_-])(?:[A-Za-z0-9_-]+\s*\.\s*){{{}}}"
_HEADER: Final = re.compile(rf"\s*\[{{1,2}}{_PATH}\]")
_ASSIGNMENT: Final = re.compile(rf"{_PATH}=")


def line_of(text: str, place: Place) -> int | None:
    """The line of valid TOML that sets a value; else of the innermost table around it, or None.

    Where a table is only made by what is in it, the first line that does.
    """
    table: Place = ()
    around: int | None = None
    inside: int | None = None
    length = 0
    for line, statement in _statements(text):
        header = _HEADER.match(statement)
        assignment = _ASSIGNMENT.match(statement)
        if header is not None:
            named = table = _keys(header[1])
        elif assignment is not None:
            named = (*table, *_keys(assignment[1]))
        else:
            continue
        if named == place:
            return line
        if place[: len(named)] == named and len(named) > length:
            around, length = line, len(named)
        if place and named[: len(place)] == place and inside is None:
            inside = line
    return around if inside is None else inside


def tables_of(text: str, name: str) -> list[tuple[int, int]]:
    """Of each `[[name]]` in valid TOML its line, and that of the next header or past the end."""
    spans: list[tuple[int, int]] = []
    begun = 0
    for line, statement in _statements(text):
        header = _HEADER.match(statement)
        if header is None:
            continue
        if begun:
            spans.append((begun, line))
        is_one = statement.lstrip().startswith("[[") and _keys(header[1]) == (name,)
        begun = line if is_one else 0
    if begun:
        spans.append((begun, text.count("\n") + 2))
    return spans


def deep_line_of(text: str, depth_max: int) -> int | None:
    """The first line with a deeper key or more brackets in one another; for any text.

    Readers of TOML take a minute for what is deep enough, or fail in whatever they call.
    """
    depth, line = 0, 1
    for token in _TOKEN.finditer(text):
        opens, closes, _ = token.groups()
        depth += bool(opens) - bool(closes)
        if depth > depth_max:
            return line
        line += token[0].count("\n")
    keys_alone = _TOKEN.sub(_without_text, text)
    deep = re.search(_DOTTED.format(depth_max), keys_alone)
    return None if deep is None else keys_alone.count("\n", 0, deep.start()) + 1


def _without_text(token: re.Match[str]) -> str:
    """A comment is nothing, and a string a key like another; lines stay lines."""
    if token.lastindex is not None:
        return token[0]
    return "" if token[0].startswith("#") else "k" + "\n" * token[0].count("\n")


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Each header and assignment, with the line it begins on: values may go over several."""
    line, start, depth = 1, 0, 0
    for token in _TOKEN.finditer(f"{text}\n"):
        opens, closes, ends = token.groups()
        depth += bool(opens) - bool(closes)
        if ends and depth == 0:
            statement = text[start : token.start()]
            yield line, statement
            line, start = line + statement.count("\n") + 1, token.end()


def _keys(path: str) -> Place:
    """The keys of a dotted one, without quotes and escapes."""
    keys: list[str] = re.findall(_KEY, path)
    return tuple(msgspec.toml.decode(f"k = {k}")["k"] if k[0] in "\"'" else k for k in keys)
