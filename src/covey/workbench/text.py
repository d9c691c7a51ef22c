"""Bytes as an author writes and reads them, exactly both ways.

`base64:…` is what it says, `member:NAME` the 32 bytes of a member's key and `member:NAME/REST`
these and then the rest; any other text stands for its UTF-8.
"""

from __future__ import annotations

import base64
import binascii
import json

from covey.codec import BASE64_PREFIX, readable
from covey.errors import ConfigError
from covey.workbench.people import People

__all__ = ["bytes_of", "json_bytes", "one_line", "text_of"]

_MEMBER = "member:"
_MEMBER_SIZE_BYTES = 32
_SHOWN_CHARS = 96


def text_of(content: bytes, people: People) -> str:
    """How some bytes are written."""
    name = people.name(content[:_MEMBER_SIZE_BYTES])
    if name is None:
        return _plain(content)
    rest = content[_MEMBER_SIZE_BYTES:]
    return f"{_MEMBER}{name}/{_plain(rest)}" if rest else f"{_MEMBER}{name}"


def bytes_of(text: str, people: People) -> bytes:
    """What is written. Raises ConfigError."""
    if not text.startswith(_MEMBER):
        return _plain_bytes(text)
    name, _, rest = text.removeprefix(_MEMBER).partition("/")
    return people.member(name) + _plain_bytes(rest)


def json_bytes(value: object) -> bytes:
    """A value as JSON without spaces. Raises ConfigError for one that has no such form."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"a value has no form in JSON: {error}") from error


def one_line(text: str) -> str:
    """The beginning of a text, for a line in a table."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN_CHARS else line[: _SHOWN_CHARS - 1] + "…"


def _plain(content: bytes) -> str:
    return readable(content, _MEMBER)


def _plain_bytes(text: str) -> bytes:
    if not text.startswith(BASE64_PREFIX):
        try:
            return text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise ConfigError("a text holds half a character") from error
    try:
        return base64.b64decode(text.removeprefix(BASE64_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{text[:80]!r} is no base64") from error
