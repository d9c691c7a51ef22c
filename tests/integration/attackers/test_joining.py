"""Attacks on whoever wants in: peers that know the context and stand in the way."""

from __future__ import annotations

import contextlib

import pytest
import trio

from covey.codec import parse_cid
from covey.model import ContextId
from covey.node import Home
from tests.integration.attackers.raw import ENDED, open_attacker
from tests.integration.attackers.talk import open_talk
from tests.integration.node.conftest import found, opened

pytestmark = pytest.mark.trio

_SILENT = 6
_JOINED_S = 20.0
"""With each of them asked for five seconds before the next it took two minutes."""


async def test_peers_that_answer_nothing_do_not_keep_a_node_out(tmp_path):
    """They are there first, and their ids come before the member's."""
    ada_home, cleo_home = Home.init(tmp_path / "ada"), Home.init(tmp_path / "cleo")
    async with opened(ada_home) as ada:
        context = await found(ada)
    async with opened(cleo_home) as cleo, trio.open_nursery() as nursery:

        async def stand_there(number: int) -> None:
            with contextlib.suppress(*ENDED):
                async with (
                    open_attacker(cleo.addresses[0], number) as eve,
                    trio.open_nursery() as talking,
                ):
                    await open_talk(eve, ContextId(parse_cid(context.id)), talking)
                    await trio.sleep_forever()

        nursery.start_soon(cleo.join, context.topic, "kv")
        for number in range(_SILENT):
            nursery.start_soon(stand_there, number)
        with trio.fail_after(20):
            while len(cleo._contexts.links.linked()) < _SILENT:  # noqa: ASYNC110 - sockets' time
                await trio.sleep(0.05)
        async with opened(ada_home, cleo):
            with trio.fail_after(_JOINED_S):
                while not (cleo.status().contexts and _is_member(cleo)):  # noqa: ASYNC110
                    await trio.sleep(0.05)
        nursery.cancel_scope.cancel()


def _is_member(node) -> bool:
    driver = node._contexts.all()[0].driver
    return driver is not None and driver.replica.is_admitted
