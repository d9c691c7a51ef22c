"""Every hostile module is refused with a reason or stopped within its limits, and harms nobody."""

from __future__ import annotations

import dataclasses
import time

import pytest

from covey.errors import ConfigError
from covey.model import Call, Completed, Failed, Put, ReleaseId
from covey.runtime import BlockingExecutor
from tests.contract.runtime.guests import RELEASE, Entries, Script, batch
from tests.contract.runtime.hostile.cases import CASES
from tests.contract.runtime.hostile.sources import Refused, Stopped, Survived

_HONEST = ReleaseId(b"h" * 36)
_SECONDS_MAX = 10.0
"""Of processor time for a case, generous for a machine that does other things too."""

_EFFECT = Put("items", b"count", b"\1")


@pytest.fixture(scope="module")
def honest() -> bytes:
    """A module that counts in memory and in a global, and would show what is left of others."""
    script = Script()
    body = (
        "(if (i32.load (i32.const 1000)) (then unreachable))"
        "(if (global.get $g) (then unreachable))"
        "(i32.store (i32.const 1000) (i32.const 1)) (global.set $g (i32.const 1))"
    )
    return script.build(
        body + script.put("items", "count", b"\1"), rest="(global $g (mut i32) (i32.const 0))"
    )


def require_honest_call(executor: BlockingExecutor, honest: bytes) -> int:
    """The executor still does its work. Gives the fuel of the call."""
    executor.install(_HONEST, honest)
    asked = dataclasses.replace(batch(), release=_HONEST)
    (outcome,) = executor.run_batch(asked, Entries())
    assert isinstance(outcome, Completed), outcome
    assert outcome.effects == (_EFFECT,)
    return outcome.fuel


@pytest.mark.parametrize("name", CASES)
def test_hostile_module(executor: BlockingExecutor, honest: bytes, name: str) -> None:
    """Its end is the one that was foreseen, soon, and nothing is left of it."""
    case = CASES[name]
    module = case.module()
    base = Entries(("items", b"kept", b"as it was"), ("sums", b"s", bytes(8)))
    before = dict(base.entries)
    fuel = require_honest_call(executor, honest)
    started = time.process_time()
    match case.end:
        case Refused(rule):
            with pytest.raises(ConfigError, match=r"^the module is refused: ") as refused:
                executor.install(RELEASE, module)
            assert _rule(refused.value) == rule
        case Stopped(failure, word):
            executor.install(RELEASE, module)
            (outcome,) = executor.run_batch(batch(Call("run", case.arguments)), base)
            assert isinstance(outcome, Failed), outcome
            assert outcome.failure is failure, outcome
            assert word in outcome.message
            assert outcome.message.isprintable()
        case Survived(effects):
            executor.install(RELEASE, module)
            (outcome,) = executor.run_batch(batch(Call("run", case.arguments)), base)
            assert isinstance(outcome, Completed), outcome
            assert len(outcome.effects) == effects
    assert time.process_time() - started < _SECONDS_MAX
    assert base.entries == before
    assert require_honest_call(executor, honest) == fuel


def _rule(refusal: ConfigError) -> str:
    return str(refusal).rsplit("(", 1)[1].rstrip(")").split(",")[0]


def test_there_are_enough_cases() -> None:
    """The suite promises at least forty, of every kind."""
    assert len(CASES) >= 40
    for kind in (Refused, Stopped, Survived):
        assert any(isinstance(case.end, kind) for case in CASES.values())
