"""What authors signed, run again as the vectors tell it."""

from __future__ import annotations

from typing import Any

import pytest

from covey.model import (
    Add,
    AppEvent,
    Batch,
    Call,
    ContextId,
    Delete,
    DeltaId,
    Denied,
    DeviceId,
    Effect,
    HybridTime,
    MemberId,
    Put,
    ReplayWord,
    Signed,
)
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries
from tests.vectors.files import invalid, valid


@pytest.fixture(scope="module")
def executor() -> BlockingExecutor:
    """The default engine; the contract suite compares the engines."""
    return BlockingExecutor()


def effect(row: list[Any]) -> Effect:
    kind, collection, key = row[0], row[1], bytes.fromhex(row[2])
    if kind == 0:
        return Put(collection, key, bytes.fromhex(row[3]))
    return Delete(collection, key) if kind == 1 else Add(collection, key, int(row[3]))


def word(case: dict[str, Any], executor: BlockingExecutor) -> ReplayWord:
    executor.install(RELEASE, bytes.fromhex(case["module"]))
    batch = Batch(
        context=ContextId(bytes.fromhex(case["context"])),
        release=RELEASE,
        member=MemberId(bytes.fromhex(case["member"])),
        device=DeviceId(bytes.fromhex(case["device"])),
        sequence=case["sequence"],
        previous=DeltaId(bytes.fromhex(case["previous"])) if case["previous"] else None,
        time=HybridTime(int(case["time"])),
        roles=(),
        calls=tuple(Call(method, bytes.fromhex(given)) for method, given in case["calls"]),
    )
    signed = Signed(
        batch,
        tuple(tuple(map(effect, effects)) for effects in case["effects"]),
        tuple(
            tuple(AppEvent(name, bytes.fromhex(data)) for name, data in events)
            for events in case["events"]
        ),
        tuple(case["fuel"]),
    )
    state = Entries(*[("n", b"k", bytes.fromhex(case["state"]))] if case["state"] else ())
    (said,) = executor.replay((signed,), state)
    return said


@valid("replay")
def test_honest_calls_agree(case: dict[str, Any], executor: BlockingExecutor):
    assert word(case, executor) is None


@invalid("replay")
def test_what_differs_is_told_by_its_code(case: dict[str, Any], executor: BlockingExecutor):
    said = word(case, executor)
    assert isinstance(said, Denied)
    assert said.code == case["code"]
