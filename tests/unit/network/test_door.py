"""One host takes its share of the connections, and is not knocked at for ever."""

from __future__ import annotations

import contextlib

from covey.model import limits
from covey.network.door import Door, VainDials


def test_host_beyond_its_share_is_turned_away_and_others_are_not():
    door = Door()
    with contextlib.ExitStack() as stack:
        for _ in range(limits.CONNECTIONS_PER_HOST_MAX):
            assert stack.enter_context(door.pass_through("10.0.0.1"))
        assert not stack.enter_context(door.pass_through("10.0.0.1"))
        assert not stack.enter_context(door.pass_through("::ffff:10.0.0.1"))
        assert stack.enter_context(door.pass_through("10.0.0.2"))
    with door.pass_through("10.0.0.1") as is_admitted:
        assert is_admitted
    assert not door._inside


def test_addresses_of_one_ipv6_network_are_one_host():
    door = Door()
    with contextlib.ExitStack() as stack:
        for number in range(limits.CONNECTIONS_PER_HOST_MAX):
            assert stack.enter_context(door.pass_through(f"2001:db8::{number:x}"))
        assert not stack.enter_context(door.pass_through("2001:db8::ffff"))
        assert stack.enter_context(door.pass_through("2001:db8:0:1::1"))


def test_host_that_is_dialled_in_vain_is_left_alone_for_a_while():
    now_s = 0.0
    dials = VainDials(lambda: now_s)
    for _ in range(limits.DIALS_IN_VAIN_MAX):
        assert dials.may_dial("10.0.0.1")
        dials.begun("10.0.0.1")
    assert not dials.may_dial("10.0.0.1")
    assert dials.may_dial("10.0.0.2")
    dials.succeeded("10.0.0.1")
    assert dials.may_dial("10.0.0.1")
    dials.begun("10.0.0.1")
    now_s = 1 / limits.DIALS_IN_VAIN_PER_S
    assert dials.may_dial("10.0.0.1")


def test_hosts_remembered_are_bounded():
    dials = VainDials(lambda: 0.0)
    for number in range(limits.PEERS_KNOWN_MAX + 10):
        dials.begun(f"host-{number}")
    assert len(dials._failures) == limits.PEERS_KNOWN_MAX
