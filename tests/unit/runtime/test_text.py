"""What application code says is shown and judged with care."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.model import Add, Delete, Put, limits
from covey.runtime.abi.covey1.text import effects_as_json, json_fault, shown

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
