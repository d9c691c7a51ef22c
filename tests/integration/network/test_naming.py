"""Addresses that somebody gives: a slip in one is said, and host names are this machine's."""

from __future__ import annotations

import logging
import socket

import pytest
import trio

from covey.codec import peer_id_text
from covey.crypto import Signer
from covey.errors import ConfigError
from covey.model import limits
from tests.integration.network.test_connecting import STRANGER, _free_port

pytestmark = pytest.mark.trio
NOWHERE = "cannot be reached, it is tried again"


def _told(caplog, level: int = logging.WARNING) -> list[tuple[str, str, str]]:
    """What the log says of addresses: message, address and reason."""
    return [
        (record.getMessage(), getattr(record, "address", ""), getattr(record, "why", ""))
        for record in caplog.records
        if record.name == "covey.network.chronicle" and record.levelno >= level
    ]


async def test_bootstrap_address_that_leads_nowhere_is_said_once(open_node, until, caplog):
    """Without it a typing error is a node that is alone and does not say why."""
    dead = f"/ip4/127.0.0.1/tcp/{_free_port()}/p2p/{STRANGER}"
    async with open_node(1, bootstrap=[dead]):
        await until(lambda: _told(caplog))
        await trio.sleep(3 * limits.REDIAL_FIRST_S)
        assert _told(caplog) == [(f"bootstrap address {NOWHERE}", dead, "connection refused")]


async def test_wrong_peer_id_is_said_with_the_right_one(open_node, until, caplog):
    """The port is right, so nothing else would point at the id."""
    async with open_node(1) as a:
        wrong = f"{a.addresses[0].split('/p2p/')[0]}/p2p/{STRANGER}"
        async with open_node(3, bootstrap=[wrong]):
            await until(lambda: _told(caplog))
            why = f"another peer is there: {a.peer_id}"
            assert _told(caplog) == [(f"bootstrap address {NOWHERE}", wrong, why)]


async def test_unknown_host_name_is_said(open_node, until, caplog):
    """A name that ends in .invalid is nobody's."""
    address = f"/dns4/nowhere.invalid/tcp/4001/p2p/{STRANGER}"
    async with open_node(1, bootstrap=[address]):
        await until(lambda: _told(caplog))
        ((message, named, why),) = _told(caplog)
        assert (message, named) == (f"bootstrap address {NOWHERE}", address)
        assert "the name is not known here" in why


async def test_own_address_is_said(open_node, caplog):
    """It is ignored; whoever gave it meant another node."""
    async with open_node(1) as a:
        own = a.addresses[0]
    async with open_node(1, bootstrap=[own]):
        assert _told(caplog) == [("bootstrap address is this node's own", own, "")]


async def test_static_address_is_said_without_its_context(open_node, until, caplog):
    """Once, also when other settings of the context change; its name is nobody's business."""
    caplog.set_level(logging.INFO)
    dead = f"/ip4/127.0.0.1/tcp/{_free_port()}/p2p/{STRANGER}"
    async with open_node(1) as a:
        a.pin("/covey/1/secret", [dead])
        await until(lambda: _told(caplog, logging.WARNING))
        a.pin("/covey/1/secret", [dead])
        await trio.sleep(2 * limits.REDIAL_FIRST_S)
        warnings = _told(caplog)
        assert warnings == [(f"static address {NOWHERE}", dead, "connection refused")]
        assert not [record for record in caplog.records if "secret" in str(vars(record))]


async def test_address_that_works_again_is_said(open_node, until, caplog):
    """And the next failure is a warning again."""
    caplog.set_level(logging.INFO)
    port = _free_port()
    listen = (f"/ip4/127.0.0.1/tcp/{port}",)
    async with open_node(1, bootstrap=[f"{listen[0]}/p2p/{STRANGER}"]) as a:
        await until(lambda: _told(caplog, logging.WARNING))
        async with open_node(2, listen=listen) as b:
            await until(lambda: a.is_connected(b.peer_id))
            told = _told(caplog, logging.INFO)
            assert ("bootstrap peer is connected", f"{listen[0]}/p2p/{STRANGER}", "") in told
        await until(lambda: len(_told(caplog)) == 2)


async def test_peers_that_come_and_go_are_logged(open_node, until, caplog):
    """`covey run --verbose` says what the node does."""
    caplog.set_level(logging.INFO)
    async with open_node(1) as a, open_node(2) as b:
        await a.dial(b.addresses[0])
        await until(b.connected)
        connected = [r for r in caplog.records if r.getMessage() == "peer connected"]
        assert {(r.peer, r.direction) for r in connected} == {
            (a.peer_id, "inbound"),
            (b.peer_id, "outbound"),
        }
        with pytest.raises(Exception, match="connection refused"):
            await a.dial(f"/ip4/127.0.0.1/tcp/{_free_port()}/p2p/{_other()}")
        assert "peer not reached" in caplog.messages
    assert "peer disconnected" in caplog.messages


def _other() -> str:
    """A peer that runs nowhere."""
    return peer_id_text(Signer.from_seed(bytes([9]) * 32).public)


async def test_named_host_is_resolved_as_this_machine_does(open_node, until, monkeypatch):
    """`/etc/hosts` holds the names of a home network; the DNS knows none of them."""
    system = socket.getaddrinfo

    def resolve(host, port, *rest, **more):
        known = host if host != "attic.lan" else "127.0.0.1"
        return system(known, port, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    async with open_node(2) as b:
        port = b.addresses[0].split("/tcp/")[1]
        async with open_node(1, bootstrap=[f"/dns4/localhost/tcp/{port}"]) as a:
            await until(lambda: a.is_connected(b.peer_id))
        async with open_node(3) as c:
            c.pin("t", [f"/dns/attic.lan/tcp/{port}"])
            await until(lambda: c.is_connected(b.peer_id))


@pytest.mark.parametrize(
    "address",
    [
        f"/ip4/0.0.0.0/tcp/4001/p2p/{STRANGER}",
        f"/ip6/::/tcp/4001/p2p/{STRANGER}",
        f"/ip4/224.0.0.1/tcp/4001/p2p/{STRANGER}",
        f"/ip4/192.0.2.7/tcp/0/p2p/{STRANGER}",
        f"/ip4/192.0.2.7/tcp/4001/p2p/{STRANGER}/p2p-circuit/p2p/{STRANGER}",
    ],
)
async def test_bootstrap_address_where_nobody_can_be_is_refused(open_node, address):
    """It would be tried for ever."""
    with pytest.raises(ConfigError):
        async with open_node(1, bootstrap=[address]):
            pass
