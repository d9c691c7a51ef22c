"""Two who tell one node at once what only one of them can have: one of them hears no."""

from __future__ import annotations

import pytest
import trio

from covey.errors import Refused
from covey.node import Home
from covey.node.governing import Wish
from covey.node.service import Node
from tests.integration.node.conftest import agree, bundle, found, opened
from tests.integration.node.releases import own

pytestmark = pytest.mark.trio


def same_member(one: Home, other: Home) -> tuple[Home, Home]:
    """Two machines of one person."""
    key = one.path / "keys" / "member.key"
    (other.path / "keys" / "member.key").write_bytes(key.read_bytes())
    return one, other


async def give_up(node: Node, how: str) -> None:
    """Node's own device is an admin no more."""
    match how:
        case "take":
            await node.govern("kv", Wish(action="take", who=own(node, "kv"), role="admin"))
        case "leave":
            await node.leave("kv")
        case _:
            await node.forget("kv")


async def tell(refused: list[str], doing, *arguments: object) -> None:
    """Do it, and note why it was refused."""
    try:
        await doing(*arguments)
    except Refused as no:
        refused.append(str(no))


@pytest.mark.parametrize("how", ["take", "leave", "forget"])
async def test_each_of_two_admins_is_not_the_one_who_stays_for_the_other(home, how):
    """Looked at before either is written, both are allowed, and nobody is an admin after."""
    mine, second = same_member(home("ada"), home("second"))
    async with opened(mine) as ada, opened(second, ada) as two, opened(home("ben"), ada) as ben:
        context = await found(ada)
        for node in (two, ben):
            await node.join(context.topic, "kv")
        await agree(context.id, ada, two, ben)
        await ada.govern("kv", Wish(action="give", who=own(two, "kv"), role="admin"))
        await agree(context.id, ada, two, ben)
        first, other = own(ada, "kv"), own(two, "kv")
        assert {row.device for row in ada.rules("kv").members} == {first, other}
        refused: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell, refused, give_up, ada, how)
            taking = Wish(action="take", who=other, role="admin")
            nursery.start_soon(tell, refused, ada.govern, "kv", taking)
        (why,) = refused  # Which of them is open, that it is one of them is not.
        if ada.contexts():
            assert "last-admin" in why
            assert len(ada.rules("kv").members) == 1
        else:
            await agree(context.id, two, ben)
            assert other in {row.device for row in ben.rules("kv").members}


@pytest.mark.parametrize("other", ["create", "join"])
async def test_name_is_taken_by_one_of_two_at_once(home, other):
    """With both nobody could name either of them any more."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        theirs = await found(ada)
        application = await ben.install(bundle("kv"))
        refused: list[str] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tell, refused, ben.create_context, application.id, "dup")
            if other == "create":
                nursery.start_soon(tell, refused, ben.create_context, application.id, "dup")
            else:
                nursery.start_soon(tell, refused, ben.join, theirs.topic, "dup")
        assert refused == ["a context named 'dup' is here already: choose another name"]
        assert [row.name for row in ben.contexts()] == ["dup"]


async def test_contexts_founded_at_once_without_a_name_have_names_of_their_own(home):
    """Nobody asked for one that could be taken."""
    async with opened(home("ada")) as ada:
        application = await ada.install(bundle("kv"))
        async with trio.open_nursery() as nursery:
            for _ in range(3):
                nursery.start_soon(ada.create_context, application.id, None)
        assert [row.name for row in ada.contexts()] == ["kv", "kv-2", "kv-3"]
