"""Arguments for the methods of an application: as its schemas want them, and not quite."""

from __future__ import annotations

import json
import random
from typing import Any, Final, TypeAlias

__all__ = ["draw_arguments"]

_Schema: TypeAlias = Any  # a JSON value that somebody else wrote
_DEPTH_MAX: Final = 6
_ITEMS_MAX: Final = 6
_WORDS: Final = ("a", "b", "key", "k1", "\u00e4\u00f6", "\U0001f426", "", " ", '"', "\\", "x" * 70)
_STRANGE: Final[tuple[object, ...]] = (None, True, -1, 1.5, 2**63, 10**400, "", [], {}, [[]])
_HEX: Final = "0123456789abcdef"


def draw_arguments(rng: random.Random, schema: str) -> bytes:
    """A JSON text that fits the schema of a method mostly, and sometimes is none at all."""
    choice = rng.random()
    if choice < 0.03:
        return rng.randbytes(rng.randint(0, 200))
    value = _draw(rng, json.loads(schema) if schema else {}, 0)
    text = json.dumps(value, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    if choice < 0.13 and text:
        broken = bytearray(text)
        for _ in range(rng.randint(1, 3)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        return bytes(broken)
    return text


def _draw(rng: random.Random, schema: _Schema, depth: int) -> object:
    if rng.random() < 0.02 or depth > _DEPTH_MAX or not isinstance(schema, dict):
        return rng.choice(_STRANGE)
    if "anyOf" in schema:
        return _draw(rng, rng.choice(schema["anyOf"]), depth + 1)
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "object")
    match kind if isinstance(kind, str) else rng.choice(kind):
        case "string":
            return _string(rng, schema)
        case "integer":
            low, high = schema.get("minimum", -5), schema.get("maximum", 2**53)
            near = min(high, low + rng.choice((0, 1, 3, 20, 300)))
            return rng.choice((near, near, near, high, rng.randint(low, high)))
        case "array":
            return _array(rng, schema, depth)
        case "object":
            needed = schema.get("required", ())
            return {
                name: _draw(rng, part, depth + 1)
                for name, part in schema.get("properties", {}).items()
                if name in needed or rng.random() < 0.5
            }
        case _:
            return rng.choice(_STRANGE)


def _string(rng: random.Random, schema: _Schema) -> str:
    pattern = schema.get("pattern", "")
    if "{64}" in pattern or "{96}" in pattern:
        return "".join(rng.choice(_HEX) for _ in range(96 if "{96}" in pattern else 64))
    if rng.random() < 0.1:
        return chr(rng.randrange(0x20, 0x3000)) * rng.choice((1, 100, 5_000))
    return rng.choice(_WORDS)


def _array(rng: random.Random, schema: _Schema, depth: int) -> list[object]:
    fixed = schema.get("prefixItems")
    if fixed is not None:
        return [_draw(rng, part, depth + 1) for part in fixed]
    count = rng.randint(0, _ITEMS_MAX)
    return [_draw(rng, schema.get("items", {}), depth + 1) for _ in range(count)]
