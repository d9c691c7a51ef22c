"""Who reaches whom across two routers that translate addresses."""

from __future__ import annotations

from tests.integration.nat.lab import PRIVATE

MIB = 1024 * 1024


def _has_place(answer: dict) -> bool:
    return any("/p2p-circuit/" in address for address in answer["addresses"])


def test_nodes_behind_routers_cannot_dial_each_other(three):
    """Without a relay there is no way: neither the private address nor the outside one answers."""
    _, one, other = three(is_relay=False)
    for address in (f"/ip4/{PRIVATE}", "/ip4/203.0.113.2"):
        answer = one.ask("dial", address=f"{address}/tcp/4001/p2p/{other.peer}")
        assert "unable to connect" in answer.get("error", ""), answer
    assert not one.way_to(other)


def test_nodes_behind_routers_meet_at_a_relay(lab, three):
    """Symmetric routers leave no other way; what is sent arrives whole, by the peer's id alone."""
    lab.translate(is_symmetric=True)
    public, one, other = three(is_relay=True)
    other.until("addresses", _has_place)
    answer = one.ask("dial_peer", peer=other.peer)
    assert "error" not in answer
    assert one.way_to(other).endswith(f"/p2p/{public.peer}/p2p-circuit")
    assert other.way_to(one).endswith(f"/p2p/{public.peer}/p2p-circuit")
    before = lab.sent_bytes("r", "tob")
    assert "error" not in one.ask("send", peer=other.peer, bytes=4 * MIB)
    assert lab.sent_bytes("r", "tob") - before > 4 * MIB
    assert one.way_to(other).endswith("/p2p-circuit")


def test_routers_that_keep_ports_let_both_through(three):
    """Both dial at once from the ports the relay sees: the relay carries nothing from then on."""
    _, one, other = three(is_relay=True)
    other.until("addresses", _has_place)
    assert "error" not in one.ask("dial_peer", peer=other.peer)
    one.until("table", lambda answer: answer["table"].get(other.peer, "").startswith("/ip4/203."))
    assert "/p2p-circuit" not in one.way_to(other)
    assert "error" not in one.ask("send", peer=other.peer, bytes=4 * MIB)
