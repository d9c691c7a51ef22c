"""What a join waits for, told apart: each of these is mended by somebody else."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from covey.model import PeerId
from covey.node.held import Held
from covey.node.links import Links
from covey.node.waiting import wait_of

ONE, OTHER = (PeerId(f"12D3KooW{name}") for name in ("one", "other"))
ADDRESSES = tuple(f"/ip4/192.0.2.{n}/tcp/4001/p2p/{ONE}" for n in (1, 2))


def held(*addresses: str, problem: str = "") -> Held:
    """A context of which nothing is here yet."""
    record = SimpleNamespace(id=b"context", addresses=addresses)
    joining = SimpleNamespace(record=record, problem=problem, driver=None, charter=None)
    return cast("Held", joining)


def said(joining: Held, *, sharing: tuple[PeerId, ...] = (), connected: tuple[PeerId, ...] = ()):
    links = cast("Links", SimpleNamespace(sharing=lambda _: sharing))
    return wait_of(joining, links, connected)


@pytest.mark.parametrize(
    ("addresses", "sharing", "connected", "what", "advice"),
    [
        (ADDRESSES, (), (), "none of the 2 addresses in the ticket answers", "a new ticket"),
        (ADDRESSES[:1], (), (OTHER,), "the address in the ticket does not answer", "a new ticket"),
        (ADDRESSES, (), (ONE,), "has not shown the context yet", "ask another member"),
        (ADDRESSES, (OTHER,), (OTHER,), "are on their way", ""),
        ((), (), (OTHER,), "no node that has the context was found yet", "ask for a ticket"),
    ],
)
def test_who_joins_is_told_where_it_stands(addresses, sharing, connected, what, advice):
    """A dead ticket, one that led to another, and a slow member look the same from outside."""
    wait = said(held(*addresses), sharing=sharing, connected=connected)
    assert wait is not None
    assert what in wait.what
    assert advice in wait.advice


def test_what_can_never_be_joined_waits_for_nothing():
    """Its own words say what is wrong."""
    assert said(held(*ADDRESSES, problem="the context is encrypted: upgrade covey")) is None
