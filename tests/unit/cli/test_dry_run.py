"""`covey context upgrade --dry-run`: what it shows, and that it asks for nothing else."""

from __future__ import annotations

import pytest

UPGRADE = ("context", "upgrade", "notes", "org.example.kv")


def test_changes_are_shown_and_counted(covey, node):
    """For people the first ones, for scripts all of them."""
    ran = covey(*UPGRADE, "--migrate", "{}", "--dry-run", "--show", "2")
    assert ran.code == 0
    for shown in ("would come into force now", "staff (register, written by clerk)", "(none)"):
        assert shown in ran.out
    assert "1,234 used, 49,998,766 left" in ran.out
    assert "it said: renamed" in ran.out
    assert "and 1 more" in ran.out
    assert "Nothing was written" in ran.out
    told = covey(*UPGRADE, "--migrate", "{}", "--dry-run", "--json").json
    assert [change["op"] for change in told["changes"]] == ["put", "put", "delete"]
    assert told["counts"] == [{"collection": "entries", "put": 2, "delete": 1, "add": 0}]
    assert (node.node.tried, node.node.wishes) == ([("org.example.kv", "{}")] * 2, [])


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_what_would_be_refused_is_1_and_says_why(covey, node, options):
    """The result is there all the same."""
    ran = covey(*UPGRADE, "--dry-run", *options)
    assert ran.code == 1
    assert "locked" in ran.out
    assert node.node.wishes == []


def test_count_without_a_dry_run_is_2(covey, node):
    """Nothing is upgraded by somebody who meant to look."""
    ran = covey(*UPGRADE, "--show", "5")
    assert (ran.code, ran.out, node.node.wishes) == (2, "", [])
