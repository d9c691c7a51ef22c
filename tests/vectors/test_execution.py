"""Application code as the vectors tell it: the end, the result and the exact fuel."""

from __future__ import annotations

import re
from typing import Any

import pytest

from covey.errors import ConfigError
from covey.model import Completed
from covey.runtime import BlockingExecutor, inspect_module
from covey.runtime.module.opcodes import OPCODES
from tests.contract.runtime.guests import RELEASE, Entries, batch
from tests.vectors.files import FOLDER, invalid, valid

SPECIFICATION = (FOLDER.parent / "execution.md").read_text("utf-8")


@pytest.fixture(scope="module")
def executor() -> BlockingExecutor:
    """The default engine; the contract suite compares the engines."""
    return BlockingExecutor()


@valid("execution")
def test_call_ends_as_the_vector_says(case: dict[str, Any], executor: BlockingExecutor):
    """Twice: what the first call left behind is not seen by the second."""
    executor.install(RELEASE, bytes.fromhex(case["module"]))
    for _ in range(2):
        (outcome,) = executor.run_batch(batch(), Entries())
        ended = "completed" if isinstance(outcome, Completed) else outcome.failure.value
        result = outcome.result.decode() if isinstance(outcome, Completed) else ""
        assert (ended, result, outcome.fuel) == (case["ends"], case["result"], case["fuel"])


@invalid("execution")
def test_module_is_refused_by_the_rule(case: dict[str, Any]):
    """Every node refuses the same modules."""
    with pytest.raises(ConfigError, match=rf"\({case['code']}(, at byte \d+)?\)$"):
        inspect_module(bytes.fromhex(case["module"]))


def test_prices_of_the_specification_are_those_of_the_code():
    """Every instruction is in the table once, and no other."""
    rows = re.findall(r"^\| (\d+) \| (`.+`) \|$", SPECIFICATION, re.MULTILINE)
    told = [(name, int(price)) for price, row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert sorted(told) == sorted((opcode.name, opcode.price) for opcode in OPCODES.values())
