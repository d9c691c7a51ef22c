"""The network settings of a context: what may be said, and that it is kept."""

from __future__ import annotations

import secrets

import pytest

from covey.codec import pack, peer_id_text
from covey.errors import ConfigError
from covey.model import ContextId, DeviceId, PeerId, ScopedWrites, Table, Write, limits
from covey.network import TopicRules
from covey.network.address import parse_peer_address, parse_pinned_address
from covey.node.records import ContextRecord, Records
from covey.node.settings import ContextSettings, Role, SettingsChange, changed, peer_of
from covey.store import MemoryStore

OWN, BOB, EVE = (peer_id_text(bytes([number]) * 32) for number in range(1, 4))
AT_BOB = f"/ip4/192.0.2.7/tcp/4001/p2p/{BOB}"
USUAL = ContextSettings()


def change(before: ContextSettings = USUAL, **words: object) -> ContextSettings:
    return changed(before, SettingsChange(**words), OWN)


def test_only_what_is_said_changes():
    """And a reset comes before what is said with it."""
    one = change(degree=4, deny=(EVE, EVE), role="carrier")
    assert one == ContextSettings(degree=4, deny=(EVE,), role=Role.CARRIER)
    assert change(one, is_announced=False).deny == (EVE,)
    assert change(one, deny=()).deny == ()
    assert change(one, is_reset=True, peers_max=3) == ContextSettings(peers_max=3)
    assert change(one) == one


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"degree": 0}, "from 1 to 64"),
        ({"degree": limits.GOSSIP_DEGREE_MAX + 1}, "from 1 to 64"),
        ({"peers_max": 0}, "from 1 to 256"),
        ({"peers_max": 257}, "from 1 to 256"),
        ({"allow": ("nope",)}, "'nope' is no peer id"),
        ({"deny": ("",)}, "is no peer id"),
        ({"deny": (BOB[:-1],)}, "is no peer id"),
        ({"deny": (" " + BOB,)}, "is no peer id"),
        ({"deny": (OWN,)}, "this node itself"),
        ({"static": (AT_BOB.replace(BOB, OWN),)}, "this node itself"),
        ({"allow": (BOB,) * 257}, "at most 256"),
        ({"static": (AT_BOB,) * 17}, "at most 16"),
        ({"role": "boss"}, "full or carrier"),
        ({"allow": (BOB,), "deny": (BOB,)}, "both allowed and denied"),
        ({"static": (AT_BOB,), "deny": (BOB,)}, "must be admitted"),
        ({"static": (AT_BOB,), "allow": (EVE,)}, "must be admitted"),
    ],
)
def test_what_is_wrong_is_said_with_what_may_be(words, said):
    with pytest.raises(ConfigError, match=said):
        change(**words)


@pytest.mark.parametrize(
    "address",
    [
        "",
        BOB,
        "/ip4/192.0.2.7/tcp/4001",
        f"/ip4/192.0.2.7/udp/4001/p2p/{BOB}",
        f"/ip4/192.0.2.700/tcp/4001/p2p/{BOB}",
        f"/ip4/::1/tcp/4001/p2p/{BOB}",
        f"/ip6/fe80::1%eth0/tcp/4001/p2p/{BOB}",
        f"/ip4/192.0.2.7/tcp/0/p2p/{BOB}",
        f"/ip4/192.0.2.7/tcp/65536/p2p/{BOB}",
        f"/dns4//tcp/1/p2p/{BOB}",
        f"/ip4/192.0.2.7/tcp/4001/p2p/{BOB}/p2p-circuit",
        f"{AT_BOB}/",
        f"/dns4/{'a' * 250}/tcp/4001/p2p/{BOB}",
    ],
)
def test_static_address_is_a_full_one(address):
    with pytest.raises(ConfigError, match=r"is no full address|is no peer id"):
        change(static=(address,))


@pytest.mark.parametrize(
    "address",
    [
        f"/ip4/0.0.0.0/tcp/99/p2p/{BOB}",
        f"/ip6/::/tcp/99/p2p/{BOB}",
        f"/ip4/224.0.0.251/tcp/99/p2p/{BOB}",
        f"/ip4/255.255.255.255/tcp/99/p2p/{BOB}",
        f"{AT_BOB}/p2p-circuit/p2p/{BOB}",
    ],
)
def test_static_address_where_nobody_can_be_is_refused(address):
    """It would be dialled for ever; both places that check it say so."""
    with pytest.raises(ConfigError, match=r"nobody is at|relay and as"):
        change(static=(address,))
    with pytest.raises(ConfigError, match=r"nobody is at|relay and as"):
        parse_pinned_address(address)


@pytest.mark.parametrize(
    "address",
    [
        AT_BOB,
        f"/ip6/2001:db8::1/tcp/4001/p2p/{BOB}",
        f"/dns4/node.example.org/tcp/1/p2p/{BOB}",
        "/dns/n/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
    ],
)
def test_what_is_taken_here_is_taken_by_the_network(address):
    """It is checked twice, so that a command need not load the network library."""
    (taken,) = change(static=(address,)).static
    peer, _ = parse_peer_address(taken)
    assert peer.to_base58() == peer_of(taken)
    assert TopicRules.of(8, (), (peer_of(taken),)).denied == frozenset({peer})


def test_static_address_may_lead_through_a_relay():
    """The peer is the one behind it; the relay need not be admitted."""
    behind = f"{AT_BOB}/p2p-circuit/p2p/{EVE}"
    settings = change(static=(behind,), allow=(EVE,))
    assert settings.static == (behind,)
    assert settings.is_static(PeerId(EVE))
    assert not settings.is_static(PeerId(BOB))
    assert parse_peer_address(behind)[0].to_base58() == EVE
    for wrong in (f"{AT_BOB}/p2p-circuit", f"/p2p-circuit/p2p/{EVE}", f"{behind}{behind}"):
        with pytest.raises(ConfigError):
            change(static=(wrong,))
    with pytest.raises(ConfigError, match="this node itself"):
        change(static=(f"{AT_BOB}/p2p-circuit/p2p/{OWN}",))


def test_static_peer_and_lists_are_understood():
    settings = change(static=(AT_BOB,), allow=(BOB, EVE))
    assert settings.is_static(PeerId(BOB))
    assert not settings.is_static(PeerId(EVE))
    assert [settings.admits(PeerId(peer)) for peer in (BOB, EVE, OWN)] == [True, True, False]
    assert not change(deny=(EVE,)).admits(PeerId(EVE))


def _record(settings: ContextSettings) -> ContextRecord:
    return ContextRecord(
        id=ContextId(secrets.token_bytes(36)),
        name="notes",
        device=DeviceId(bytes(32)),
        inviter=None,
        addresses=(AT_BOB,),
        settings=settings,
    )


def test_settings_are_kept_with_the_context():
    """All of them, also the largest lists."""
    peers = tuple(peer_id_text(number.to_bytes(32, "big")) for number in range(512))
    settings = change(
        degree=64,
        peers_max=1,
        allow=peers[:256],
        deny=peers[256:],
        static=tuple(f"/dns4/{'a' * 180}/tcp/{n}/p2p/{peers[0]}" for n in range(1, 17)),
        role="carrier",
        is_announced=False,
    )
    store = MemoryStore()
    records = Records(store)
    for record in (_record(settings), _record(USUAL)):
        records.keep_context(record)
        assert record in Records(store).contexts()


def test_context_of_a_node_without_settings_has_the_usual_ones():
    """A store that an older version wrote is read as it was meant."""
    store, record = MemoryStore(), _record(USUAL)
    row = pack((1, record.name, record.device, None, record.addresses))
    write = Write(Table.CONTEXT, (record.id,), row)
    store.write([ScopedWrites(None, (write,))], durable=True)
    assert Records(store).contexts() == (record,)
