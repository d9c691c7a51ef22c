"""Text and JSON that come from application code: made safe to show, checked before use."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NoReturn

from covey.model import Add, Delete, Effect, Put, limits

__all__ = ["effects_as_json", "json_fault", "shown"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown(raw: bytes, size_bytes_max: int) -> str:
    """Bytes as one line of text; control characters could drive a terminal, so none is left."""
    return _CONTROL.sub("\ufffd", raw[:size_bytes_max].decode("utf-8", errors="replace"))


def json_fault(content: bytes) -> str | None:
    """Why bytes are no JSON text by RFC 8259 of bounded depth, or None if they are."""
    # Depth first: a recursive parser must not see what it could not return from.
    if b"[" in content or b"{" in content:
        brackets = _STRING.sub(b"", content).translate(None, _NOT_BRACKETS)
        depth = max(accumulate(_STEPS[b] for b in brackets), default=0)
        if depth > limits.RESULT_DEPTH_MAX:
            return f"it is nested deeper than {limits.RESULT_DEPTH_MAX}"
    try:
        _DECODER.decode(content.decode("utf-8"))
    except ValueError as error:
        return str(error)
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


# Numbers stay text: their size is no concern of the grammar.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=_no_constant)


def effects_as_json(effects: Sequence[Effect]) -> bytes:
    """The input of `validate`: a list of objects, keys and values in base64."""
    return json.dumps([_effect(effect) for effect in effects], separators=(",", ":")).encode()


def _effect(effect: Effect) -> dict[str, str | int]:
    shared: dict[str, str | int] = {
        "collection": effect.collection,
        "op": type(effect).__name__.lower(),
        "key": _base64(effect.key),
    }
    match effect:
        case Put(value=value):
            return {**shared, "value": _base64(value)}
        case Add(amount=amount):
            return {**shared, "amount": amount}
        case Delete():
            return shared


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
