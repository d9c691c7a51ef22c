"""The committed vectors, read as another implementation would read them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "protocols" / "vectors"
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> dict[str, Any]:
    """One file."""
    return json.loads((FOLDER / f"{name}.json").read_text("utf-8"))


def valid(name: str) -> pytest.MarkDecorator:
    """A test for each valid case of a file."""
    return _each(load(name)["valid"])


def invalid(name: str) -> pytest.MarkDecorator:
    """A test for each invalid case of a file."""
    return _each(load(name)["invalid"])


def _each(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


def value_of(shown: Any) -> Any:
    """The value behind its JSON form."""
    match shown:
        case {"bin": text}:
            return bytes.fromhex(text)
        case {"int": text}:
            return int(text)
        case list():
            return tuple(value_of(item) for item in shown)
        case _:
            return shown


def packed(*parts: Any) -> bytes:
    """The canonical encoding, without our codec."""
    return msgpack.packb(parts, use_bin_type=True)


def hashed(tag: str, *parts: Any) -> bytes:
    """The tagged hash by the words of encoding.md, without our crypto."""
    return hashlib.sha256(bytes((len(tag),)) + tag.encode() + packed(*parts)).digest()


def message(tag: str, *parts: bytes) -> bytes:
    """What a signature covers, by the words of encoding.md."""
    return bytes((len(tag),)) + tag.encode() + b"".join(parts)
