"""What people see of a context that is not whole here yet, or in which this node only carries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.node import ContextRow, ContextStatus
from tests.integration.api.fake_node import CONTEXT_ID, FakeNode

NOTHING = {"application": "", "digest": "", "deltas": 0, "members": 0, "in_sync_with": ()}
NO_TERMS = {"admission": "", "encryption": "", "verification": ""}


@pytest.fixture
def standing(monkeypatch):
    """`standing(…)`: the status of the one context has these fields."""

    def stand(**fields: object) -> None:
        usual = FakeNode.status

        def status(self):
            told = usual(self)
            (row,) = told.contexts
            assert isinstance(row, ContextStatus)
            return replace(told, contexts=(replace(row, **fields),))

        monkeypatch.setattr(FakeNode, "status", status)

    return stand


def test_context_that_is_being_joined_has_no_empty_words(covey, standing):
    """Parentheses around nothing, and terms of nothing, look like a defect."""
    standing(phase="joining", as_of=None, **NOTHING, **NO_TERMS)
    out = covey("status").out
    assert "joining, charter not here yet" in out
    assert "()" not in out
    assert "admission" not in out
    assert "digest" not in out


def test_context_whose_module_is_missing_tells_its_terms(covey, standing):
    standing(phase="joining", as_of=None, **NOTHING)
    out = covey("status").out
    assert "open admission, not encrypted" in out
    assert "charter" not in out


def test_context_that_cannot_be_joined_says_where_to_look(covey, standing):
    standing(phase="refused", as_of=None, **NOTHING, **NO_TERMS)
    assert "it cannot be joined: the node's log says why" in covey("status").out


def test_nobody_in_sync_has_no_time(covey, standing):
    """A time beside an empty list would say that somebody was heard then."""
    standing(in_sync_with=(), as_of=None)
    assert covey("status", "--json").json["contexts"][0]["as_of"] is None
    assert "nobody known" in covey("status").out


def test_carrier_is_seen_in_the_status(covey, standing):
    """Whoever wonders why a call is refused looks there first."""
    assert covey("status", "--json").json["contexts"][0]["role"] == "full"
    standing(role="carrier")
    assert covey("status", "--json").json["contexts"][0]["role"] == "carrier"
    assert "carrier: it holds, checks and serves" in covey("status").out


def test_show_says_what_this_node_may_do_and_which_code_runs(covey, monkeypatch):
    """Not what the charter said once: roles are taken, and releases replaced."""
    out = " ".join(covey("context", "show", "notes").out.split())
    assert "in force 1.2.0, number 2, release bafkreirelease" in out
    assert "roles here admin, editor" in out
    usual = FakeNode.context

    def context(self, name):
        row = usual(self, name)
        return replace(row, devices=(replace(row.devices[0], roles=()),), roles=())

    monkeypatch.setattr(FakeNode, "context", context)
    out = " ".join(covey("context", "show", "notes").out.split())
    assert "roles here none" in out
    assert "admin," not in out


def test_show_of_a_context_without_its_charter_says_so(covey, monkeypatch):
    usual = FakeNode.context
    empty = {"application": "", "package": "", "release": "", "execution": "", **NO_TERMS}

    def context(self, name):
        row = usual(self, name)
        assert isinstance(row, ContextRow)
        return replace(row, phase="joining", admins=(), devices=(), in_force=None, **empty)

    monkeypatch.setattr(FakeNode, "context", context)
    out = covey("context", "show", "notes").out
    assert "charter not here yet" in out
    assert "release" not in out
    assert "encrypted" not in out
    assert CONTEXT_ID in out
