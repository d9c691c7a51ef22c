"""Arguments keep to their schema, are few, and the same for the same seed."""

from __future__ import annotations

import json
import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.workbench.conformance.pattern import text_like
from covey.workbench.conformance.schema import Arguments

MEMBERS = ("ab" * 32, "cd" * 32)


def draws(schema: object, count: int = 200) -> list[object]:
    arguments = Arguments(random.Random(7), MEMBERS)
    return [arguments.draw(json.dumps(schema)) for _ in range(count)]


def test_required_properties_are_there_and_others_sometimes():
    schema = {
        "properties": {"key": {"type": "string", "minLength": 1}, "n": {"type": "integer"}},
        "required": ["key"],
    }
    drawn = draws(schema)
    assert all(len(value["key"]) >= 1 for value in drawn)
    assert {"n" in value for value in drawn} == {True, False}


def test_keys_are_few_so_that_calls_meet():
    keys = [value["key"] for value in draws({"properties": {"key": {}}, "required": ["key"]})]
    assert len({json.dumps(key) for key in keys}) < 10
    texts = draws({"properties": {"k": {"type": "string"}}, "required": ["k"]})
    assert sum(value["k"] in ("a", "b", "c") for value in texts) > 150


def test_bounds_are_kept_and_reached():
    schema = {"properties": {"n": {"type": "integer", "minimum": 2, "maximum": 900}}}
    numbers = [value["n"] for value in draws({**schema, "required": ["n"]}, 400)]
    assert set(numbers) <= set(range(2, 901))
    assert {2, 900} <= set(numbers)


@pytest.mark.parametrize(
    ("schema", "is_right"),
    [
        ({"enum": ["x", 1]}, lambda v: v in ("x", 1)),
        ({"const": None}, lambda v: v is None),
        ({"type": ["null", "boolean"]}, lambda v: v in (None, True, False)),
        ({"type": "array", "items": {"type": "null"}, "minItems": 2}, lambda v: len(v) >= 2),
        (
            {"type": "array", "prefixItems": [{"const": "i"}, {"type": "integer"}], "items": False},
            lambda v: len(v) == 2 and v[0] == "i",
        ),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, lambda v: v in (1, 2)),
        ({"allOf": [{"type": "integer"}, {"minimum": 5, "maximum": 6}]}, lambda v: v in (5, 6)),
        ({"type": "integer", "multipleOf": 10}, lambda v: v % 10 == 0),
        ({"type": "string", "maxLength": 0}, lambda v: v == ""),
        ({"type": "string", "pattern": "^[0-9a-f]{64}$"}, lambda v: re.fullmatch("[0-9a-f]+", v)),
        ({"type": "number"}, lambda v: isinstance(v, int | float)),
    ],
)
def test_each_part_of_a_schema(schema, is_right):
    drawn = draws({"properties": {"x": schema}, "required": ["x"]}, 50)
    assert all(is_right(value["x"]) for value in drawn)


def test_references_are_followed_and_a_circle_ends():
    """Also one that would grow fourfold at every step."""
    schema = {
        "$defs": {"tree": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "minItems": 1}},
        "properties": {"tree": {"$ref": "#/$defs/tree"}},
        "required": ["tree"],
    }
    assert all(isinstance(value["tree"], list) for value in draws(schema, 3))
    assert all(len(json.dumps(value)) < 10_000 for value in draws(schema))
    assert draws({"properties": {"x": {"$ref": "#/nosuch"}}, "required": ["x"]}, 3)


KEYWORDS = st.sampled_from((
    "type", "properties", "required", "items", "prefixItems", "minItems", "maxItems", "enum",
    "const", "examples", "default", "pattern", "minLength", "maxLength", "minimum", "maximum",
    "multipleOf", "anyOf", "oneOf", "allOf", "$ref", "a",
))  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS, inner, max_size=5),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYWORDS, JSON, max_size=6), st.integers())
def test_any_schema_gives_some_arguments(schema, seed):
    """Schemas are for people: a node does not check them, so anything may stand there."""
    text = json.dumps(schema)
    drawn = Arguments(random.Random(seed), MEMBERS).draw(text)
    spoilt = Arguments(random.Random(seed), MEMBERS).spoil(drawn)
    json.dumps((drawn, spoilt))


def test_same_seed_draws_the_same():
    schema = {"properties": {"a": {"type": "string"}, "b": {"type": "integer"}}}
    assert draws(schema) == draws(schema)


@pytest.mark.parametrize(
    "pattern",
    ["^[0-9a-f]{8}$", r"\d+", r"^\w{2,4}-[A-Z]$", "^a?b*c+$", r"^[a-c.]{3}\.x$", "^.{5}$", ""],
)
def test_text_is_like_its_pattern(pattern):
    rng = random.Random(3)
    for _ in range(50):
        assert re.fullmatch(pattern.strip("^$"), text_like(pattern, rng, ()))


def test_notable_texts_are_taken_where_they_fit():
    """Ids of members are found by a pattern: drawn ones would be nobody's."""
    rng = random.Random(3)
    drawn = [text_like("^[0-9a-fA-F]{64}$", rng, (*MEMBERS, "x")) for _ in range(100)]
    assert sum(text in MEMBERS for text in drawn) > 50
    assert "x" not in drawn


@pytest.mark.parametrize("pattern", ["(a+)+$", "a|b", "[^a]", "[", r"\p{L}", "a{99999}", "^^"])
def test_pattern_that_is_not_followed_is_not_run(pattern):
    """A stranger's expression could take for ever."""
    assert text_like(pattern, random.Random(3), ("a" * 64,)) == "a"
