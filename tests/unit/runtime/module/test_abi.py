"""The interface that a module declares reads the same on every Python, or not at all."""

from __future__ import annotations

import json

import pytest

from covey.errors import ConfigError
from covey.model import limits
from covey.runtime.module.abi import ABI_SECTION, Declaration, read_abi


def declared(**more: bytes) -> Declaration:
    """What is read of a declaration with these fields, already JSON, replaced or added."""
    schema = b'[{"name": "run", "kind": "call", "args": %s}]' % more.pop("args", b"{}")
    fields = {"abi": b'"covey/1"', "collections": b"[]", "methods": schema, **more}
    members = b",".join(json.dumps(name).encode() + b":" + raw for name, raw in fields.items())
    return read_abi([(ABI_SECTION, b"{" + members + b"}")])


def test_depth_is_bounded_by_a_number() -> None:
    """Not by what this Python's stack happens to bear, which its versions do not agree on."""
    around = 3  # the document, its methods, one of them
    deepest = limits.RESULT_DEPTH_MAX - around - 1
    nested = b"[" * deepest + b"]" * deepest
    args = declared(args=b'{"a":%s}' % nested).interface.methods[0].arguments_schema
    assert args == f'{{"a":{nested.decode()}}}'
    with pytest.raises(ConfigError, match=r"nested deeper than 64 \(abi\)$"):
        declared(args=b'{"a":[%s]}' % nested)
    with pytest.raises(ConfigError, match=r"nested deeper than 64 \(abi\)$"):
        declared(args=b"[" * (limits.ABI_SIZE_BYTES_MAX // 2))


def test_a_number_may_have_any_digits() -> None:
    """How many Python converts can be set from outside, so none is converted."""
    digits = "9" * 50_000
    assert (
        declared(args=b'{"a":%s}' % digits.encode())
        .interface.methods[0]
        .arguments_schema.endswith("9}")
    )
    assert (
        declared(args=b'{"a":-1.5e999999999}')
        .interface.methods[0]
        .arguments_schema.startswith('{"a":-')
    )


def test_refusal_is_one_line_whatever_a_field_is_called() -> None:
    """It is shown on terminals, and logged."""
    with pytest.raises(ConfigError) as refused:
        declared(**{"\x1b[31m\nok \u202e": b"1"})
    assert str(refused.value).isprintable()


@pytest.mark.parametrize("raw", [b"NaN", b'"\x01"', b'"\xff"', b"01", b'{"a":1,"\\u0061":2}'])
def test_what_strict_readers_refuse_is_refused(raw: bytes) -> None:
    """Also where only people and tools read it."""
    with pytest.raises(ConfigError, match=r"\(abi\)$"):
        declared(args=b'{"b":%s}' % raw)
