"""A founder whose device is not the one in the charter is told, for it has no role."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.codec import did_text
from covey.node import ContextRow
from covey.testkit.identities import identity
from tests.integration.api.fake_ids import CERTIFICATE, DEVICE, NEAR_ID
from tests.integration.api.fake_node import FakeNode

OTHER = did_text(identity("ann", "second").device)


@pytest.fixture
def row(monkeypatch: pytest.MonkeyPatch):
    """`row(…)`: the one context has these fields."""
    usual = FakeNode.context

    def become(**fields: object) -> None:
        def context(self: FakeNode, name: str) -> ContextRow:
            return replace(usual(self, name), **fields)

        monkeypatch.setattr(FakeNode, "context", context)

    return become


@pytest.mark.parametrize("command", [["join", NEAR_ID], ["context", "show", "notes"]])
def test_founder_with_another_device_is_told_when_it_joins_and_looks(covey, row, command):
    """It would find out when the first thing that takes an admin is refused."""
    row(device=OTHER, roles=())
    ran = covey(*command)
    assert ran.code == 0
    assert f"the charter names you an admin with another device, {DEVICE}: " in ran.err
    assert f"`covey context role notes {OTHER} --give admin`" in ran.err


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"device": OTHER, "roles": ("admin",)},
        {"device": OTHER, "roles": (), "admins": ()},
        {"device": OTHER, "roles": (), "admins": ((OTHER, DEVICE),)},
    ],
)
def test_others_are_told_nothing(covey, row, fields):
    """The device of the charter, one that got the role, and who is no founder."""
    row(**fields)
    assert "charter names you" not in covey("context", "show", "notes").err


def test_certificate_says_what_makes_it_useless(covey):
    """Beside it, so that what is copied stays what it is."""
    ran = covey("context", "certificate")
    assert ran.out == f"{CERTIFICATE}\n"
    assert "a new device takes over" in ran.err
