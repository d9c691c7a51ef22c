"""What of a peer's words about addresses counts."""

from __future__ import annotations

import pytest
from libp2p.peer.id import ID
from multiaddr import Multiaddr

from covey.network.hearsay import is_dialable, is_usable, place

HOME, LAN, WORLD = (f"/ip4/{ip}/tcp/1" for ip in ("127.0.0.1", "192.168.1.5", "8.8.8.8"))
RELAY = ID(bytes([0, 36, 8, 1, 18, 32]) + bytes(32)).to_base58()


@pytest.mark.parametrize(
    ("address", "teller", "may"),
    [
        (WORLD, WORLD, True),
        (WORLD, HOME, True),
        (LAN, LAN, True),
        (LAN, HOME, True),
        (HOME, HOME, True),
        (HOME, LAN, False),
        (HOME, WORLD, False),
        (LAN, WORLD, False),
        ("/ip6/fe80::1/tcp/1", WORLD, False),
        ("/ip6/::ffff:127.0.0.1/tcp/1", WORLD, False),
        ("/ip4/169.254.169.254/tcp/80", WORLD, False),
        ("/ip4/0.0.0.0/tcp/1", HOME, False),
        ("/ip4/224.0.0.1/tcp/1", HOME, False),
        ("/dns4/example.org/tcp/1", HOME, False),
        (LAN, "", False),
        ("/ip6/64:ff9b::a09:807/tcp/1", WORLD, False),
        ("/ip6/64:ff9b::808:808/tcp/1", WORLD, True),
        ("/ip6/2002:a09:807::1/tcp/1", WORLD, False),
        ("/ip6/::a09:807/tcp/1", WORLD, False),
        ("/ip6/::1/tcp/1", "/ip6/::1/tcp/2", True),
        (LAN, "/ip6/2002:808:808::1/tcp/1", False),
    ],
)
def test_strangers_cannot_make_a_node_knock_at_its_own_doors(address, teller, may):
    assert is_dialable(address, teller) is may


@pytest.mark.parametrize(
    ("address", "places", "may"),
    [
        (WORLD, (), True),
        (LAN, (), False),
        (LAN, (WORLD, LAN), True),
        ("/dns4/example.org/tcp/1", (LAN,), False),
        (f"{LAN}/p2p/{RELAY}/p2p-circuit", (WORLD,), False),
        (f"{LAN}/p2p/{RELAY}/p2p-circuit", (LAN,), True),
        (f"{WORLD}/p2p/{RELAY}/p2p-circuit", (), True),
        (f"/dns4/example.org/tcp/1/p2p/{RELAY}/p2p-circuit", (LAN,), False),
        (f"/p2p/{RELAY}/p2p-circuit", (), True),
        ("/ip4/8.8.8.8/udp/1", (WORLD,), False),
    ],
)
def test_what_leads_through_a_relay_is_judged_by_the_relay(address, places, may):
    assert is_usable(Multiaddr(address), places) is may


def test_who_comes_through_a_relay_is_no_nearer_than_the_relay():
    """A stranger behind a relay elsewhere must not name addresses in this house."""
    assert place(Multiaddr(f"{WORLD}/p2p/{RELAY}/p2p-circuit")) == WORLD
    assert place(Multiaddr(f"/p2p/{RELAY}/p2p-circuit")) == ""
    assert place(Multiaddr(LAN)) == LAN
