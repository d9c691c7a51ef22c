"""Every node runs again what others write: a doctored one cannot write as it likes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.codec import decode_delta, is_delta_signed, parse_cid
from covey.errors import NotFound, Refused
from covey.model import Completed, ContextId, Put, ScopedWrites, Table, Write
from covey.node import Rulebook
from covey.node.service import Node
from covey.store import open_level
from tests.integration.node.conftest import (
    agree,
    bundle,
    found,
    keys,
    opened,
    put,
    run,
    told,
    until,
)

pytestmark = pytest.mark.trio


def doctor(node: Node) -> None:
    """Have a node sign, of each call, another value than the code left."""
    run_batch = node._executor.run_batch

    async def altered(batch, base):
        outcomes = await run_batch(batch, base)
        return tuple(
            replace(o, effects=tuple(replace(e, value=b'"forged"') for e in o.effects))
            if isinstance(o, Completed) and all(isinstance(e, Put) for e in o.effects)
            else o
            for o in outcomes
        )

    node._executor.run_batch = altered


async def audited(node: Node, context: str):
    async with node.audit(context) as rows:
        return [row async for row in rows]


async def test_forged_effects_are_applied_by_nobody_else(home):
    """And the proof is kept: the very bytes that their author signed."""
    async with (
        opened(home("ada")) as ada,
        opened(home("ben"), ada) as ben,
        opened(home("eve"), ada) as eve,
    ):
        context = await found(ada)
        for node in (ben, eve):
            assert (await node.join(context.topic, "kv")).admitted
        await run(eve, "kv", [put("honest")])
        await agree(context.id, ada, ben, eve)
        doctor(eve)
        (forged,) = await run(eve, "kv", [put("k")])
        for node in (ada, ben):
            await until(lambda node=node: node.refused("kv"))
            (row,) = node.refused("kv")
            assert (row.delta, row.code) == (forged, "wrong-effects")
            assert row.reason == "call 0, 'set', has other effects than were signed"
        await run(ada, "kv", [put("later")])
        await agree(context.id, ada, ben)
        assert await keys(ben, context.id) == {"honest", "later"}
        delta = decode_delta(ContextId(parse_cid(context.id)), ben.proof("kv", forged))
        assert delta.id.hex() == forged
        assert is_delta_signed(ContextId(parse_cid(context.id)), delta)
        with pytest.raises(NotFound):
            ben.proof("kv", "00" * 32)
        assert (await audited(ada, context.id))[-1].holds
        last = (await audited(eve, context.id))[-1]
        assert (last.is_done, last.holds, last.delta, last.code) == (
            True, False, forged, "wrong-effects",
        )  # fmt: skip


async def test_what_follows_a_forged_delta_is_refused_with_it(home):
    """Its author's device is done for: nobody goes on from what nobody has."""
    async with opened(home("ada")) as ada, opened(home("eve"), ada) as eve:
        context = await found(ada)
        assert (await eve.join(context.topic, "kv")).admitted
        honest = eve._executor.run_batch
        doctor(eve)
        await run(eve, "kv", [put("forged")])
        await until(lambda: ada.refused("kv"))
        eve._executor.run_batch = honest
        await run(eve, "kv", [put("true")])
        await run(ada, "kv", [put("k")])
        await until(lambda: told(eve, context.id).deltas > told(ada, context.id).deltas)
        assert await keys(ada, context.id) == {"k"}
        assert len(ada.refused("kv")) == 1


async def test_refusals_outlive_a_restart(home):
    async with opened(home("ada")) as ada:
        context = await found(ada)
        async with opened(home("eve"), ada) as eve:
            assert (await eve.join(context.topic, "kv")).admitted
            doctor(eve)
            await run(eve, "kv", [put("forged")])
            await until(lambda: ada.refused("kv"))
            before = ada.refused("kv")
    async with opened(home("ada")) as ada:
        assert ada.refused("kv") == before


async def test_contexts_that_trust_signatures_take_what_members_sign(home):
    """What replay is for: the rules of the collections alone let this through."""
    async with opened(home("ada")) as ada, opened(home("eve"), ada) as eve:
        row = await ada.install(bundle("kv"))
        context = await ada.create_context(row.id, "kv", Rulebook(verification="signature"))
        assert (await eve.join(context.topic, "kv")).admitted
        doctor(eve)
        await run(eve, "kv", [put("k")])
        await agree(context.id, ada, eve)
        answer = await ada.query(context.id, "entries", b'{"limit": 500}')
        assert "forged" in answer.result


async def test_audit_goes_through_thousands_of_deltas_and_says_how_far_it_is(home):
    """With concurrent writers, so that calls are run at cuts that are not the whole."""
    async with opened(home("ada")) as ada, opened(home("ben"), ada) as ben:
        context = await found(ada)
        assert (await ben.join(context.topic, "kv")).admitted
        for number in range(80):
            for node in (ada, ben):
                await run(node, "kv", [put(f"{node.peer_id[-4:]}{number}")])
        await agree(context.id, ada, ben)
        rows = await audited(ben, context.id)
        assert rows[-1].holds
        assert rows[-1].calls == 160
        assert rows[-1].deltas == rows[-1].of == told(ben, context.id).deltas
        assert rows[-1].digest == told(ben, context.id).digest
        assert any(not row.is_done and row.deltas < row.of for row in rows)


async def test_one_audit_at_a_time_and_leaving_ends_it(home):
    async with opened(home("ada")) as ada:
        context = await found(ada)
        await run(ada, "kv", [put(f"k{n}") for n in range(2_000)])
        async with ada.audit(context.id):
            with pytest.raises(Refused, match="another audit"):
                async with ada.audit(context.id):
                    pass
        assert (await audited(ada, context.id))[-1].holds


def _flipped(frame: bytes, place: int) -> bytes:
    return frame[:place] + bytes((frame[place] ^ 1,)) + frame[place + 1 :]


@pytest.mark.parametrize(
    ("damage", "codes"),
    [
        (lambda frame, _other: _flipped(frame, -2), {"wrong-payload"}),
        (lambda frame, _other: _flipped(frame, 60), {"wrong-id"}),
        (lambda _frame, other: other, {"wrong-id"}),
        (lambda _frame, _other: b"\xc1garbage", {"malformed"}),
    ],
    ids=["payload", "header", "another delta's", "garbage"],
)
async def test_audit_names_the_delta_whose_stored_form_is_damaged(home, damage, codes):
    place = home("ada")
    async with opened(place) as ada:
        context = await found(ada)
        for number in range(4):
            await run(ada, "kv", [put(f"k{number}")])
    name, store = ContextId(parse_cid(context.id)), open_level(place.path / "store")
    reader = store.reader(name)
    log = [(key[0], row) for key, row in reader.scan(Table.LOG)]
    (arrival, damaged), (_, other) = log[-2:]
    frames = [reader.get(Table.DELTA, (each,)) for each in (damaged, other)]
    written = Write(Table.DELTA, (damaged,), damage(*frames))
    store.write([ScopedWrites(name, (written,))], durable=True)
    store.close()
    async with opened(place) as ada:
        last = (await audited(ada, context.id))[-1]
    assert (last.is_done, last.holds, last.delta, last.arrival) == (
        True,
        False,
        damaged.hex(),
        arrival,
    )
    assert last.code in codes, last
    assert last.reason


async def test_who_writes_to_the_store_changes_what_this_node_reads(home):
    """Checksums are against decay, and the digest is kept beside the rows: an audit finds it."""
    place = home("ada")
    async with opened(place) as ada:
        context = await found(ada)
        await run(ada, "kv", [put("k", "honest")])
        digest = told(ada, context.id).digest
    name, store = ContextId(parse_cid(context.id)), open_level(place.path / "store")
    rows = list(store.reader(name).scan(Table.ENTRY))
    forged = tuple(Write(Table.ENTRY, key, row.replace(b"honest", b"forged")) for key, row in rows)
    store.write([ScopedWrites(name, forged)], durable=True)
    store.close()
    async with opened(place) as ada:
        assert "forged" in (await ada.query("kv", "entries", b'{"limit": 500}')).result
        assert told(ada, context.id).digest == digest
        last = (await audited(ada, context.id))[-1]
        assert (last.holds, last.code) == (False, "other-state")
