"""The vectors of protocols/, judged by a decoder in another language that knows only protocols/."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.interop.judging import judge, value_of

VECTORS = Path(__file__).resolve().parents[2] / "protocols" / "vectors"

# What a case gives to the decoder; everything else in it is what the decoder has to find.
GIVEN: dict[str, set[str]] = {
    "announcement": {"context", "frame"},
    "certificate": {"context", "certificate", "join"},
    "delta": {"context", "frame", "seed"},
    "encoding": set(),
    "envelope": {"context", "nonce"},
    "frontier": {"context"},
    "gossip": {"frame"},
    "hashing": {
        "context", "author", "sequence", "previous", "index", "method", "arguments", "tag", "parts",
        "message", "seed",
    },
    "identifiers": {"kind", "context", "content", "topic", "unix_s", "publisher", "package"},
    "payload": set(),
}  # fmt: skip


@cache
def _judged() -> dict[tuple[str, str], dict[str, Any]]:
    return {(line["file"], line["name"]): line for line in judge(VECTORS, *GIVEN)}


def _cases(kind: str) -> list[Any]:
    return [
        pytest.param(name, case, id=f"{name}: {case['name']}")
        for name in GIVEN
        for case in json.loads((VECTORS / f"{name}.json").read_text("utf-8"))[kind]
    ]


@pytest.mark.parametrize(("name", "case"), _cases("valid"))
def test_valid_case_is_accepted_with_its_values(name: str, case: dict[str, Any]) -> None:
    """Values, ids, keys and hashes are the same; what was decoded encodes to the same bytes."""
    gave = _judged()[name, case["name"]].get("gave")
    assert gave is not None, _judged()[name, case["name"]]
    assert case.keys() - GIVEN[name] - {"name"} <= gave.keys()
    assert {key: value_of(value) for key, value in gave.items()} == {
        key: value_of(case[key]) for key in gave
    }


@pytest.mark.parametrize(("name", "case"), _cases("invalid"))
def test_invalid_case_is_refused_with_its_code(name: str, case: dict[str, Any]) -> None:
    """The code decides who is blamed: an unknown version must not count against anybody."""
    assert _judged()[name, case["name"]].get("code") == case["code"]
