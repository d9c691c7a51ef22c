"""What application code says is shown and judged with care."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model import Add, Delete, Put, limits
from covey.runtime.abi.covey1.text import effects_as_json, json_fault, shown
from covey.runtime.overlay import COUNTER_SIZE_BYTES, EFFECT_OVERHEAD_BYTES, Overlay

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


@given(JSON, st.booleans())
def test_every_json_text_is_accepted(value: object, ascii_only: bool) -> None:
    """Escaped or not, whatever its strings hold."""
    assert json_fault(json.dumps(value, ensure_ascii=ascii_only).encode()) is None


@given(st.binary(max_size=40))
def test_no_bytes_crash_the_judge(content: bytes) -> None:
    """It says yes or gives a reason; yes only to what a JSON reader reads."""
    if json_fault(content) is None:
        json.loads(content.decode("utf-8"))


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'["[",{"]":'])
def test_depth_is_judged_before_a_recursive_reader_sees_it(opening: bytes) -> None:
    """A million brackets do not exhaust the stack."""
    fault = json_fault(opening * 1_000_000)
    assert fault is not None
    assert str(limits.RESULT_DEPTH_MAX) in fault


@pytest.mark.parametrize("inner", [b'"[["', b'"\\"[", "", "{\\\\"', b"1"])
def test_depth_is_that_of_brackets_outside_strings(inner: bytes) -> None:
    """Exactly the bound passes, whatever strings hold and wherever a word of eight ends."""
    most = limits.RESULT_DEPTH_MAX
    for depth in (most - 1, most, most + 1):
        for before in range(9):
            content = b"[" + b"[]," * before + b"[" * (depth - 1) + inner + b"]" * depth
            assert (json_fault(content) is None) == (depth <= most)


@pytest.mark.parametrize(
    "text", [rb'"\ud800"', rb'"\uDFFF\ud800"', rb'"\\\\\uD83D\\u"', rb'"\\ud8"']
)
def test_surrogates_need_no_pair(text: bytes) -> None:
    """The grammar of RFC 8259 has no opinion about them."""
    assert json_fault(text) is None


@pytest.mark.parametrize(
    "text", [rb"\ud800", rb'"\ud80"', rb'"\\\ud8"', rb'\\ud800""', b'"\\\\', b"NaN"]
)
def test_what_only_looks_like_an_escape_is_refused(text: bytes) -> None:
    """Taking escapes out of the way makes nothing JSON that was none."""
    assert json_fault(text) is not None


@pytest.mark.parametrize(
    "unit", [rb"\"", rb"\ud800", b'"', b"[]", b"[[[[]]]]", b'"[",', b'{"":', rb"\\", b"0,"]
)
@pytest.mark.parametrize("head", [b"", b"[", b'["'])
def test_a_large_result_is_judged_soon(head: bytes, unit: bytes) -> None:
    """In time like its size: a string without an end once took hours, with the whole node."""
    started = time.process_time()
    json_fault(head + unit * (limits.CALL_RESULT_BYTES_MAX // len(unit) - 1))
    assert time.process_time() - started < 3


@given(st.binary(max_size=60), st.integers(0, 40))
def test_shown_text_is_one_bounded_line(raw: bytes, size_bytes_max: int) -> None:
    """No escape sequence, no line break, no more than its share."""
    text = shown(raw, size_bytes_max)
    assert len(text) <= size_bytes_max
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in text)


def test_effects_as_json_have_one_form() -> None:
    """Every node gives `validate` the same bytes."""
    effects = (Add("c", b"\0", -1), Delete("r", b"k"), Put("r", b"l", b"\xff"))
    assert effects_as_json(effects) == (
        b'[{"collection":"c","op":"add","key":"AA==","amount":-1},'
        b'{"collection":"r","op":"delete","key":"aw=="},'
        b'{"collection":"r","op":"put","key":"bA==","value":"/w=="}]'
    )
    assert effects_as_json(()) == b"[]"


class _Below:
    """Every entry is there, so that deletes are effects."""

    def get(self, _collection: str, _key: bytes) -> bytes:
        return b"x"

    def scan(self, *_range: object) -> Iterator[tuple[bytes, bytes]]:
        return iter(())


@pytest.mark.parametrize("what", ["put", "put large", "add", "delete"])
def test_effects_of_one_call_as_json_are_bounded(what: str) -> None:
    """By what a call may have: the most effects, of the most bytes that many may have."""
    overlay = Overlay(_Below())
    count = 3 if what == "put large" else limits.CALL_EFFECTS_MAX
    room = limits.CALL_PAYLOAD_BYTES_MAX // count - EFFECT_OVERHEAD_BYTES - len("c")
    for number in range(count):
        key = number.to_bytes(2, "big")
        if what == "put":
            overlay.put("c", key, bytes(room - len(key)))
        elif what == "put large":
            overlay.put("c", key, bytes(limits.VALUE_BYTES_MAX))
        elif what == "add":
            overlay.add("c", key.rjust(room - COUNTER_SIZE_BYTES, b"k"), -(2**63))
        else:
            overlay.delete("c", key.rjust(room - COUNTER_SIZE_BYTES, b"k"))
    assert overlay.payload_size_bytes <= limits.CALL_PAYLOAD_BYTES_MAX
    told = effects_as_json(overlay.effects())
    assert overlay.payload_size_bytes < len(told) <= limits.VALIDATE_INPUT_BYTES_MAX
    assert len(json.loads(told)) == count
