"""The pure inspection never crashes, whatever bytes it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covey.errors import ConfigError
from covey.runtime import inspect_module
from covey.runtime.abi.covey1.host import Host
from covey.runtime.abi.covey1.signatures import IMPORTS

KV = (Path(__file__).parents[3] / "apps" / "kv" / "kv.wasm").read_bytes()


def accepted(module: bytes) -> bool:
    """Inspection has two answers: an interface, or one sentence."""
    reason = ""
    try:
        inspect_module(module)
    except ConfigError as refused:
        reason = str(refused)
    assert not reason or reason.startswith("the module is refused: ")
    return not reason


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused(content: bytes) -> None:
    """Also behind the right header."""
    assert not accepted(content)
    assert not accepted(KV[:8] + content)


@given(st.integers(0, len(KV) - 1), st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_changed_byte_gives_an_answer(at: int, byte: int) -> None:
    """Every reader is bounded: no crash, no endless loop."""
    accepted(KV[:at] + bytes([byte]) + KV[at + 1 :])


@pytest.mark.parametrize("size", range(0, len(KV), 97))
def test_truncated_module_is_refused(size: int) -> None:
    """A download that broke off never installs."""
    assert not accepted(KV[:size])


def test_every_import_has_its_function() -> None:
    """The table of signatures and the host's functions are one list."""
    for name in IMPORTS:
        assert callable(getattr(Host, name))
