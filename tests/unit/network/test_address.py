"""Multiaddr text at the border."""

from __future__ import annotations

import pytest
from multiaddr import Multiaddr

from covey.errors import ConfigError
from covey.network.address import (
    dialable,
    parse_listen_address,
    parse_peer_address,
    parse_peer_id,
    with_peer,
)

PEER = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"


@pytest.mark.parametrize(
    "transport",
    ["/ip4/10.0.0.1/tcp/4001", "/ip6/::1/tcp/4001", "/dns4/example.org/tcp/4001"],
)
def test_peer_address_is_taken_apart_and_put_together(transport):
    """What a ticket carries is what is dialled."""
    peer, address = parse_peer_address(f"{transport}/p2p/{PEER}")
    assert peer.to_base58() == PEER
    assert str(address) == transport
    assert with_peer(address, peer) == f"{transport}/p2p/{PEER}"
    assert with_peer(Multiaddr(f"{transport}/p2p/{PEER}"), peer) == f"{transport}/p2p/{PEER}"


@pytest.mark.parametrize("text", ["", "x", "/ip4/1.2.3.4/udp/1", "/tcp/1", "/ip4/1.2.3.4/tcp/x"])
def test_listen_address_must_be_tcp(text):
    """QUIC and others are not spoken here."""
    with pytest.raises(ConfigError):
        parse_listen_address(text)


def test_host_names_are_for_dialling_only():
    """Listening on a name would depend on a resolver at start."""
    with pytest.raises(ConfigError, match="no IP address"):
        parse_listen_address("/dns4/example.org/tcp/4001")


def test_listen_address_ends_before_the_peer_id():
    """With it the port that was chosen at the first start would not be kept."""
    with pytest.raises(ConfigError, match=r"listen on '/ip4/0\.0\.0\.0/tcp/0'"):
        parse_listen_address(f"/ip4/0.0.0.0/tcp/0/p2p/{PEER}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty text is no address"),
        ("foo", "'foo' is no multiaddr: unknown protocol: foo"),
        ("/ip4/1.2.3.4/tcp/99999", "integer not in range"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_once(text, said):
    with pytest.raises(ConfigError, match=said):
        parse_listen_address(text)


@pytest.mark.parametrize("text", ["", "0", "not a peer", "é"])
def test_peer_id_must_be_base58(text):
    """Anything else is a typing error."""
    with pytest.raises(ConfigError):
        parse_peer_id(text)


def test_wildcards_are_expanded_with_loopback_last():
    """Others on this machine can use loopback, but peers elsewhere cannot."""
    expanded = [str(x) for x in dialable([Multiaddr("/ip4/0.0.0.0/tcp/4001")])]
    assert expanded[-1] == "/ip4/127.0.0.1/tcp/4001"
    assert dialable([Multiaddr("/ip4/10.1.2.3/tcp/1")]) == [Multiaddr("/ip4/10.1.2.3/tcp/1")]
