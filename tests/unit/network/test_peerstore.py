"""What is known of peers stays within bounds, and the node keeps its own keys."""

from __future__ import annotations

import pytest
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.identity.identify.pb.identify_pb2 import Identify
from libp2p.identity.update import update_peerstore_from_identify
from libp2p.peer.envelope import seal_record
from libp2p.peer.id import ID
from libp2p.peer.peer_record import PeerRecord
from libp2p.peer.peerstore import PeerStoreError
from multiaddr import Multiaddr

from covey.model import limits
from covey.network.peerstore import BoundedPeerStore

OWN_PAIR = create_new_key_pair(bytes(32))
OWN = ID.from_pubkey(OWN_PAIR.public_key)


@pytest.fixture
def store() -> BoundedPeerStore:
    store = BoundedPeerStore(OWN)
    store.add_key_pair(OWN, OWN_PAIR)
    return store


def peer(number: int) -> ID:
    return ID(bytes.fromhex("002408011220") + number.to_bytes(32, "big"))


def address(number: int) -> Multiaddr:
    return Multiaddr(f"/ip4/11.0.{number // 256}.{number % 256}/tcp/4001")


def test_own_keys_outlive_any_number_of_strangers(store):
    """py-libp2p forgets first who has no address: without its keys a node greets nobody."""
    for number in range(2 * limits.PEERS_KNOWN_MAX):
        store.add_addrs(peer(number), [address(1)], 3600)
    assert store.privkey(OWN) == OWN_PAIR.private_key
    assert len(store.peer_ids()) == limits.PEERS_KNOWN_MAX


def test_connected_peers_are_kept_and_the_oldest_stranger_goes(store):
    store.is_connected = lambda other: other == peer(0)
    for number in range(limits.PEERS_KNOWN_MAX):
        store.add_addrs(peer(number), [address(1)], 3600)
    assert store.addrs(peer(0)) == [address(1)]
    with pytest.raises(PeerStoreError):
        store.addrs(peer(1))


def test_strangers_without_addresses_are_counted_too(store):
    """Each new identity that connects leaves a key."""
    for number in range(2 * limits.PEERS_KNOWN_MAX):
        pair = create_new_key_pair(number.to_bytes(32, "big"))
        store.add_pubkey(ID.from_pubkey(pair.public_key), pair.public_key)
    assert len(store.peer_ids()) == limits.PEERS_KNOWN_MAX


def test_addresses_told_last_come_first_and_old_ones_go(store):
    for number in range(100):
        store.add_addr(peer(1), address(number), 3600)
    store.add_addrs(peer(1), [address(98), address(200)], 3600)
    known = store.addrs(peer(1))
    assert known[:3] == [address(98), address(200), address(99)]
    assert len(known) == limits.PEER_ADDRESSES_MAX


def test_long_addresses_and_protocols_are_ignored(store):
    store.add_addrs(peer(1), [Multiaddr("/ip4/11.0.0.1/tcp/1" * 50), address(1)], 3600)
    store.add_protocols(peer(1), ["/a", "/" + "b" * 1000, *(f"/{n}" for n in range(1000))])
    store.add_protocols(peer(1), ["/late"])
    assert store.addrs(peer(1)) == [address(1)]
    assert len(store.get_protocols(peer(1))) == limits.PEER_PROTOCOLS_MAX
    assert "/a" in store.get_protocols(peer(1))


def test_record_that_is_too_large_is_refused(store):
    pair = create_new_key_pair(b"\1" * 32)
    teller = ID.from_pubkey(pair.public_key)
    for count, is_taken in ((3, True), (1000, False)):
        record = PeerRecord(teller, [address(n) for n in range(count)], seq=count)
        assert store.consume_peer_record(seal_record(record, pair.private_key), 60) is is_taken
    assert len(store.addrs(teller)) == 3


WORLD, LAN, LOOPBACK = (
    Multiaddr(f"/ip4/{ip}/tcp/80") for ip in ("8.8.8.8", "10.9.8.7", "127.0.0.1")
)
NAME = Multiaddr("/dns4/evil.example/tcp/80")


@pytest.mark.trio
@pytest.mark.parametrize(
    ("place", "kept"),
    [
        (str(WORLD), {WORLD}),
        (str(LAN), {WORLD, LAN}),
        (str(LOOPBACK), {WORLD, LAN, LOOPBACK}),
        (None, {WORLD}),
    ],
)
async def test_what_a_peer_says_of_itself_counts_as_far_as_it_may(store, place, kept):
    """Unfiltered it had this node knock at 10.9.8.7 and at its own redis for ever."""
    store.places = lambda _: () if place is None else (place,)
    told = [each.to_bytes() for each in (LAN, LOOPBACK, NAME, WORLD)]
    await update_peerstore_from_identify(store, peer(1), Identify(listen_addrs=told))
    assert set(store.addrs(peer(1))) == kept


def test_record_that_a_peer_signed_is_no_better(store):
    pair = create_new_key_pair(b"\1" * 32)
    teller = ID.from_pubkey(pair.public_key)
    record = PeerRecord(teller, [LAN, LOOPBACK, NAME, WORLD], seq=1)
    assert store.consume_peer_record(seal_record(record, pair.private_key), 60)
    assert store.addrs(teller) == [WORLD]


def test_who_tells_of_others_decides_what_counts(store):
    """In the DHT it is not the peer itself."""
    store.places = lambda teller: (str(LAN if teller == peer(1) else WORLD),)
    store.add_heard(peer(3), [LAN, NAME], 60, peer(2))
    assert store.addrs(peer(3)) == []
    store.add_heard(peer(3), [LAN, NAME], 60, peer(1))
    assert store.addrs(peer(3)) == [LAN]
    store.places = lambda _: ()
    store.add_addrs(peer(3), [LAN], 60)
    assert store.addrs(peer(3)) == [LAN]


def test_what_the_operator_names_is_kept_whatever_it_is(store):
    store.add_vouched(peer(1), [NAME, LAN], 60)
    assert store.addrs(peer(1)) == [NAME, LAN]
