"""Arguments by a method's JSON Schema: few different ones, so that calls meet.

What a schema says beyond type, enum, bounds, items, properties and simple patterns is ignored:
an application refuses what it does not take, and a refusal is no fault.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any, Final

from covey.workbench.conformance.pattern import text_like

__all__ = ["Arguments"]

_TEXTS: Final = ("a", "b", "c")
_ODD_TEXTS: Final = ("", "é", "a/b", "A", " ", "0", "a\u0000b")
_NUMBERS: Final = (0, 1, 2, 3, -1)
_LONG_CHARS_MAX = 1_000
_DEPTH_MAX = 12
_VALUES_MAX = 500  # of one draw: a schema that refers to itself grows with the depth
_ITEMS_MAX = 3
_Schema = dict[str, Any]


class Arguments:
    """Draws arguments; notable: texts with a meaning in the context, such as keys of members."""

    def __init__(self, rng: random.Random, notable: tuple[str, ...]) -> None:
        self._rng = rng
        self._notable = notable
        self._root: _Schema = {}
        self._values_left = 0

    def draw(self, schema_text: str) -> object:
        """Arguments that keep to a schema, "" for one that says nothing."""
        schema = json.loads(schema_text) if schema_text else {}
        self._root = schema
        self._values_left = _VALUES_MAX
        if not schema:
            return {}
        return self._value({"type": "object", **schema}, 0)

    def spoil(self, arguments: object) -> object:
        """The same arguments with something wrong in them."""
        if not isinstance(arguments, dict) or not arguments or self._rng.random() < 0.2:
            return self._rng.choice(([], None, "a", 7, {"nosuch": 1}))
        key = self._rng.choice(sorted(arguments))
        rest = {name: value for name, value in arguments.items() if name != key}
        if self._rng.random() < 0.4:
            return rest
        wrong: tuple[object, ...] = (None, [], {}, "", -1, 1.5, 2**70, "a" * 5_000, True)
        return {**rest, key: self._rng.choice(wrong)}

    def _value(self, schema: object, depth: int) -> object:
        self._values_left -= 1
        if self._values_left < 0:
            return None
        if not isinstance(schema, dict) or depth > _DEPTH_MAX:
            return self._rng.choice((None, True, "a", 1))
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        listed = _list(schema, "enum") or _list(schema, "examples")
        if listed:
            return self._rng.choice(listed)
        kind = schema.get("type") or _implied_type(schema)
        if isinstance(kind, list) and kind:
            kind = self._rng.choice(kind)
        if not isinstance(kind, str) or kind not in self._makers():
            return self._value(None, depth)
        return self._makers()[kind](schema, depth)

    def _makers(self) -> dict[str, Callable[[_Schema, int], object]]:
        return {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, _: self._text(schema),
            "integer": lambda schema, _: self._integer(schema),
            "number": lambda schema, _: self._number(schema),
            "boolean": lambda _schema, _: self._rng.random() < 0.5,
            "null": lambda _schema, _: None,
        }

    def _resolved(self, schema: _Schema) -> _Schema:
        """The schema with what it refers to, one alternative chosen."""
        for _ in range(_DEPTH_MAX):
            reference = schema.get("$ref")
            choices = _list(schema, "anyOf") or _list(schema, "oneOf")
            parts = _list(schema, "allOf")
            rest = {k: v for k, v in schema.items() if k not in ("$ref", "anyOf", "oneOf", "allOf")}
            if isinstance(reference, str):
                schema = {**self._referred(reference), **rest}
            elif choices:
                chosen = self._rng.choice(choices)
                schema = {**rest, **(chosen if isinstance(chosen, dict) else {})}
            elif parts:
                for part in parts:
                    rest.update(part if isinstance(part, dict) else {})
                schema = rest
            else:
                break
        return schema

    def _referred(self, reference: str) -> _Schema:
        found: object = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            found = found.get(part) if isinstance(found, dict) else None
        return found if isinstance(found, dict) else {}

    def _object(self, schema: _Schema, depth: int) -> object:
        properties = schema.get("properties")
        required = _list(schema, "required")
        if not isinstance(properties, dict):
            return {}
        return {
            name: self._value(part, depth + 1)
            for name, part in properties.items()
            if name in required or self._rng.random() < 0.4
        }

    def _array(self, schema: _Schema, depth: int) -> object:
        leading = _list(schema, "prefixItems")
        low = _bound(schema, "minItems", 0)
        items = [self._value(part, depth + 1) for part in leading]
        if schema.get("items") is False:
            return items
        high = min(_bound(schema, "maxItems", low + _ITEMS_MAX), low + _ITEMS_MAX)
        count = self._rng.randint(min(low, high), max(low, high, 0))
        more = min(count, _LONG_CHARS_MAX) - len(items)
        return items + [self._value(schema.get("items", {}), depth + 1) for _ in range(more)]

    def _text(self, schema: _Schema) -> str:
        pattern = schema.get("pattern")
        if isinstance(pattern, str):
            return text_like(pattern, self._rng, self._notable)
        low, high = _bound(schema, "minLength", 0), _bound(schema, "maxLength", 64)
        low, high = min(low, _LONG_CHARS_MAX), min(high, _LONG_CHARS_MAX)
        drawn = self._rng.random()
        if drawn < 0.03:
            return "x" * high
        choices = _ODD_TEXTS if drawn < 0.12 else _TEXTS
        if drawn < 0.2 and isinstance(schema.get("default"), str):
            return str(schema["default"])
        text = self._rng.choice(choices)
        return (text + "a" * max(0, low - len(text)))[: max(high, 0)]

    def _integer(self, schema: _Schema) -> int:
        low = _bound(schema, "minimum", _bound(schema, "exclusiveMinimum", -(2**31)))
        high = _bound(schema, "maximum", _bound(schema, "exclusiveMaximum", 2**31))
        choices = [n for n in _NUMBERS if low <= n <= high]
        if not choices or self._rng.random() < 0.1:
            choices += [low, high, _bound(schema, "default", low)]
        number = self._rng.choice(choices)
        step = _bound(schema, "multipleOf", 1)
        return number * step if step > 1 else number

    def _number(self, schema: _Schema) -> float:
        whole = self._integer(schema)
        return whole if self._rng.random() < 0.5 else whole + 0.5


def _implied_type(schema: _Schema) -> str:
    if "properties" in schema or "required" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    if "minLength" in schema or "maxLength" in schema or "pattern" in schema:
        return "string"
    if "minimum" in schema or "maximum" in schema:
        return "integer"
    return ""


def _list(schema: _Schema, name: str) -> list[Any]:
    found = schema.get(name)
    return found if isinstance(found, list) else []


def _bound(schema: _Schema, name: str, default: int) -> int:
    found = schema.get(name)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return default
    return int(max(-(2**63), min(2**63, found)))
