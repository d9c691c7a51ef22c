"""Who is announced on the local network: what counts of it, and whom it has dialled."""

from __future__ import annotations

import ipaddress
import itertools
from types import SimpleNamespace

import pytest
import trio
from libp2p.crypto.ed25519 import create_new_key_pair
from libp2p.peer.id import ID
from zeroconf import DNSText
from zeroconf._cache import DNSCache

from covey.model import PeerId, limits
from covey.network.lan import LanTable
from covey.network.mdns import Heard, Trimmer, packed_texts, texts_of


def peer(number: int) -> PeerId:
    """One peer id for each number."""
    key = create_new_key_pair(number.to_bytes(2, "big") * 16).public_key
    return PeerId(ID.from_pubkey(key).to_base58())


OWN, BEN, CARA = peer(1), peer(2), peer(3)
HERE = (ipaddress.ip_interface("192.168.7.20/24"), ipaddress.ip_interface("fd00::2/64"))


def nobody(_: PeerId) -> bool:
    """Nobody is connected."""
    return False


def at(host: str, who: PeerId = BEN, port: int = 4001) -> str:
    """A full address."""
    return f"/ip{6 if ':' in host else 4}/{host}/tcp/{port}/p2p/{who}"


def table(**announced: list[str]) -> LanTable:
    """A table that heard this."""
    made = LanTable(OWN, HERE)
    for name, addresses in announced.items():
        made.hear(name, addresses)
    return made


def test_peer_on_a_network_of_this_machine_is_dialled_and_again_later_and_later() -> None:
    """Until it is connected; after that at once when it is lost."""
    lan = table(x=[at("192.168.7.33"), at("fd00::9"), at("192.168.7.33")])
    both = ((BEN, ("/ip4/192.168.7.33/tcp/4001", "/ip6/fd00::9/tcp/4001")),)
    dialled = [now for now in range(1_000) if lan.due(nobody, now) == both]
    gaps = [after - before for before, after in itertools.pairwise(dialled)]
    assert gaps[:7] == [5, 10, 20, 40, 80, 160, 160]
    assert lan.due(lambda who: who == BEN, 10_000) == ()
    assert lan.due(nobody, 10_000) == both
    assert lan.due(nobody, 10_001) == ()
    assert lan.due(nobody, 10_005) == both


def test_addresses_elsewhere_and_what_is_no_address_do_not_count() -> None:
    """Or whoever is on the network had this node dial victims of their choice."""
    wrong = [
        at("192.168.8.33"), at("127.0.0.1"), at("8.8.8.8"), at("0.0.0.0"), at("fd01::1"), at("::1"),
        f"/dns4/example.org/tcp/1/p2p/{BEN}", "/ip4/192.168.7.33/tcp/1", "garbage", "",
        f"/ip4/192.168.7.33/udp/1/p2p/{BEN}",
        f"/ip4/192.168.7.33/tcp/1/p2p/{CARA}/p2p-circuit/p2p/{BEN}", at("192.168.7.33", OWN),
    ]  # fmt: skip
    assert table(x=wrong).due(nobody, 0) == ()
    assert table(x=[*wrong, at("192.168.7.34")]).due(nobody, 0) == (
        (BEN, ("/ip4/192.168.7.34/tcp/4001",)),
    )
    assert table().own([*wrong, at("192.168.7.20", OWN)]) == (
        at("192.168.7.33", OWN),
        at("192.168.7.20", OWN),
    )


def test_what_ended_or_moved_is_not_dialled_where_it_was() -> None:
    """The last word under a name counts."""
    lan = table(x=[at("192.168.7.33")], y=[at("192.168.7.34", CARA)])
    lan.hear("x", [])
    lan.hear("never", [])
    assert lan.due(nobody, 0) == ((CARA, ("/ip4/192.168.7.34/tcp/4001",)),)
    lan.hear("y", [at("192.168.7.34", CARA)])
    assert lan.due(nobody, 1) == ()
    lan.hear("y", [at("192.168.7.35", CARA)])
    assert lan.due(nobody, 2) == ((CARA, ("/ip4/192.168.7.35/tcp/4001",)),)


def test_one_name_is_one_peer_and_one_peer_is_dialled_once() -> None:
    """However often it is announced."""
    lan = table(
        x=[at("192.168.7.33"), at("192.168.7.34", CARA)], y=[at("192.168.7.35"), at("192.168.7.36")]
    )
    assert lan.due(nobody, 0) == ((BEN, ("/ip4/192.168.7.33/tcp/4001",)),)


def test_a_flood_of_announcements_has_few_dialled() -> None:
    """A bounded number of names, a bounded number of addresses of each, a few dials at once."""
    lan = table()
    for number in range(3 * limits.LAN_PEERS_MAX):
        lan.hear(
            f"{number}",
            [at("192.168.7.33", peer(number + 10), port) for port in range(1, 100)],
        )
    dialled: dict[PeerId, tuple[str, ...]] = {}
    while due := lan.due(nobody, 0):
        assert len(due) <= limits.LAN_DIALS_MAX
        dialled.update(due)
    assert len(dialled) == limits.LAN_PEERS_MAX
    assert all(len(each) == limits.DIAL_ADDRESSES_MAX for each in dialled.values())


def test_record_comes_back_and_a_broken_one_gives_what_is_whole() -> None:
    """Other texts in it are other programs' business."""
    addresses = (at("192.168.7.33"), at("fd00::9", CARA))
    record = packed_texts(addresses)
    assert texts_of(record) == addresses
    assert texts_of(b"\x05hello" + record + b"\x00") == addresses
    assert texts_of(record[:-1]) == addresses[:1]
    assert texts_of(b"") == texts_of(b"\x00") == texts_of(b"\xff") == ()
    assert packed_texts(["x" * 248]) == b""
    assert texts_of(packed_texts(["x" * 247])) == ("x" * 247,)


@pytest.mark.trio
async def test_news_of_another_thread_arrive_and_are_bounded() -> None:
    """The last word under each name; beyond the bound other names are dropped."""
    heard = Heard()

    def flood() -> None:
        for number in range(2 * limits.LAN_NEWS_MAX):
            heard.tell(f"{number}", ("first",))
        heard.tell("0", ("last",))

    await trio.to_thread.run_sync(flood)
    with trio.fail_after(5):
        news = await heard.take()
    assert len(news) == limits.LAN_NEWS_MAX
    assert news["0"] == ("last",)
    await trio.to_thread.run_sync(heard.tell, "x", ())
    with trio.fail_after(5):
        assert await heard.take() == {"x": ()}


def test_records_kept_of_other_services_are_bounded():
    """Zeroconf keeps 10,000, of 9 KB each, from whoever is on the network."""
    zeroconf = SimpleNamespace(cache=DNSCache())
    trimmer = Trimmer(zeroconf)
    for number in range(3 * limits.LAN_RECORDS_MAX):
        record = DNSText(f"x{number}.local.", 16, 1, 86_400, bytes(200))
        zeroconf.cache.async_add_records([record])
        trimmer.async_update_records_complete()
        assert sum(map(len, zeroconf.cache.cache.values())) <= limits.LAN_RECORDS_MAX
    assert zeroconf.cache.names()
