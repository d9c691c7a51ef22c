"""Bytes, members and states are written exactly, both ways."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.errors import ConfigError
from covey.model import (
    Add,
    Collection,
    Delete,
    Interface,
    Put,
    Rule,
)
from covey.workbench.people import NAMES, People
from covey.workbench.rows import EffectRow, EventRow, effect_row
from covey.workbench.state import State, read_state
from covey.workbench.text import bytes_of, json_bytes, one_line, text_of

INTERFACE = Interface(
    "covey/1",
    (
        Collection("notes", Rule.REGISTER, ()),
        Collection("counts", Rule.COUNTER, ()),
    ),
    (),
)


@given(st.binary(max_size=80))
def test_bytes_are_read_back_as_they_were(content):
    people = People()
    assert bytes_of(text_of(content, people), people) == content


@given(st.binary(max_size=40), st.sampled_from(NAMES))
def test_keys_of_members_are_read_back_as_they_were(rest, name):
    """Also where what follows the member looks like a form of its own."""
    people = People()
    content = people.member(name) + rest
    text = text_of(content, people)
    assert text.startswith(f"member:{name}")
    assert bytes_of(text, People()) == content


@given(st.text(max_size=40))
def test_texts_that_look_like_another_form_are_not_taken_for_it(text):
    people = People()
    for lookalike in (f"base64:{text}", f"member:{text}"):
        content = lookalike.encode("utf-8", "surrogatepass")
        assert bytes_of(text_of(content, people), people) == content


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", ""),
        (b"tea", "tea"),
        ("é🙂".encode(), "é🙂"),
        (b"a\n", "base64:YQo="),
        (b"\xff", "base64:/w=="),
        (b"base64:", "base64:YmFzZTY0Og=="),
    ],
)
def test_form_of_bytes(content, text):
    assert text_of(content, People()) == text


@pytest.mark.parametrize(
    "text", ["base64:?", "base64:YQ", "member:", "member:Bob", "member:a b", "\ud800", "member:é"]
)
def test_what_stands_for_no_bytes_is_refused(text):
    with pytest.raises(ConfigError):
        bytes_of(text, People())


def test_members_have_the_same_key_in_every_run_and_each_its_own():
    keys = [People().member(name) for name in NAMES]
    assert keys == [People().member(name) for name in NAMES]
    assert len(set(keys)) == len(NAMES)


def test_state_is_read_back_as_it_was():
    people = People()
    state = State(INTERFACE)
    state.apply((Put("notes", b"a", b"\0\1"), Put("notes", people.member("bob"), b"x")))
    state.apply((Add("counts", b"n", 2**63 - 1), Add("counts", b"n", 5), Put("notes", b"b", b"")))
    state.apply((Delete("notes", b"b"),))
    written = state.written(people)
    assert written["notes"] == {"a": "base64:AAE=", "member:bob": "x"}
    assert written["counts"] == {"n": 2**63 + 4}
    again = read_state(json.dumps(written).encode(), "s.json", INTERFACE, People())
    assert again.written(people) == written
    assert again.get("counts", b"n") == (2**63 - 1).to_bytes(8, "little")


def test_state_is_scanned_in_order():
    state = State(INTERFACE)
    state.apply(tuple(Put("notes", key, b"") for key in (b"b1", b"b3", b"a", b"b2")))
    assert [key for key, _ in state.scan("notes", b"b", b"b1")] == [b"b2", b"b3"]


@pytest.mark.parametrize(
    ("written", "about"),
    [
        ("[]", "state such as"),
        ("{", "state such as"),
        ('{"nosuch": {}}', "nosuch"),
        ('{"notes": {"a": 1}}', "number"),
        ('{"counts": {"a": "1"}}', "whole numbers"),
        ('{"counts": {"a": 1.5}}', "state such as"),
        ('{"notes": {"": "x"}}', "key of 0 bytes"),
        ('{"notes": {"a": "base64:?"}}', "base64"),
        (json.dumps({"notes": {"k" * 1025: ""}}), "key of 1025"),
        (json.dumps({"notes": {"k": "v" * (2**20 + 1)}}), "value of 1048577"),
    ],
)
def test_state_that_cannot_be_is_refused(written, about):
    with pytest.raises(ConfigError, match=about):
        read_state(written.encode(), "s.json", INTERFACE, People())


def test_effects_are_equal_however_they_are_written():
    people = People()
    effect = Put("notes", people.member("bob"), b"x")
    row = EffectRow("put", "notes", text_of(bytes(effect.key), People()), value="base64:eA==")
    assert row.normal(people) == effect_row(effect, people)
    assert EventRow("e", "base64:eA==").normal(people) == EventRow("e", "x")


@pytest.mark.parametrize(
    "row",
    [
        EffectRow("put", "notes", "a"),
        EffectRow("put", "notes", "a", amount=1),
        EffectRow("put", "notes", "a", value="x", amount=1),
        EffectRow("add", "counts", "a", value="x"),
        EffectRow("add", "counts", "a"),
        EffectRow("delete", "notes", "a", value="x"),
        EffectRow("delete", "notes", "a", amount=0),
    ],
)
def test_effects_that_cannot_be_are_refused(row):
    with pytest.raises(ConfigError):
        row.normal(People())


def test_json_has_one_form():
    assert json_bytes({"a": ["é", 1]}) == '{"a":["é",1]}'.encode()
    for value in (float("nan"), {1, 2}, "\ud800"):
        with pytest.raises(ConfigError):
            json_bytes(value)


def test_one_line_is_one_line():
    assert one_line("a\n b") == "a b"
    assert len(one_line("x" * 1000)) == 96
