"""The guide to the simulator says what its code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from covey.testkit.sim import builtin_names, load_scenario, parse_scenario
from covey.testkit.sim.faults import KINDS
from covey.testkit.sim.scenario import Scenario, Workload

_ROOT = Path(__file__).parents[4]
_GUIDE = (_ROOT / "docs" / "guides" / "simulation.md").read_text("utf-8")
_ROWS = dict(re.findall(r"^\| `([\w.]+)` \| (.*?) \|", _GUIDE, re.MULTILINE))
_FIELDS = {
    **{name: getattr(Scenario("x"), name) for name in Scenario.__struct_fields__},
    **{f"workload.{name}": getattr(Workload(), name) for name in Workload.__struct_fields__},
}


_TOLD_IN_WORDS = {"name", "faults", "misdeeds", "workload"}


@pytest.mark.parametrize("field", sorted(_FIELDS.keys() - _TOLD_IN_WORDS))
def test_guide_says_what_holds_where_a_field_is_left_out(field: str) -> None:
    """Whoever leaves it out reads nothing else."""
    value = _FIELDS[field]
    expected = list(value) if isinstance(value, tuple) else value
    assert json.loads(_ROWS[field].strip("`")) == expected


def test_guide_names_every_scenario_with_its_size() -> None:
    """Of some a seed takes an hour."""
    for name in builtin_names():
        scenario = load_scenario(name)
        assert _ROWS[name].startswith(str(scenario.nodes[0]))


def test_guide_names_every_kind_of_fault() -> None:
    """What is not there nobody switches on."""
    assert [kind for kind in KINDS if f"`{kind}`" not in _GUIDE] == []


def test_scenario_of_the_guide_is_one() -> None:
    """It is copied first of all."""
    (text,) = re.findall(r"```toml\n(.*?)```", _GUIDE, re.DOTALL)
    assert parse_scenario(text.encode(), "mine.toml").name == "mine"


def test_kept_schedule_of_the_guide_is_there() -> None:
    """It is tried next."""
    (path,) = re.findall(r"--replay (tests/\S+\.json)", _GUIDE)
    assert (_ROOT / path).is_file()
