"""The first promise: the same deltas give the same state, in whatever order they came.

Every arrangement is held against an oracle that knows sets of deltas and no order at all.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covey.crypto import LtHash
from covey.governance import silence_at
from covey.merge import (
    StateAtCut,
    StateReader,
    closed_element,
    counter_element,
    counters,
    decode_entry,
    decode_sum,
    device_element,
    entry_element,
    release_element,
    role_element,
    state_digest,
)
from covey.model import Admit, Delta, DeltaId, Put, Rule, Table
from covey.rules import Cut, cut_of, join_frontiers
from covey.sync import Applied, Executed, Ledger
from covey.testkit.history import History, Written
from covey.testkit.identities import Identity, identity
from covey.testkit.playbook import Stage, completed, submit
from covey.testkit.strategies import DEVICES, causal_order, histories

EVE = identity("eve")
RANDOMS = st.integers(0, 2**32).map(random.Random)


def fed(history: History, deltas: list[Delta]) -> Stage:
    """A node that was given these deltas, in this order."""
    stage = Stage(history.founding, EVE)
    stage.receive(*deltas)
    return stage


def check(history: History, stage: Stage) -> None:
    """The node holds the whole history and says of it what the oracle says."""
    ledger, ids = stage.replica.ledger, frozenset(history.deltas)
    assert ledger.count == len(ids)
    assert ledger.frontier == history.frontier(ids)
    assert tuple(sorted(ledger.heads)) == history.maximal(ids)
    assert ledger.digest() == history.digest(ids)
    reader = StateReader(ledger.view, history.founding.collections)
    assert entries(history, reader) == history.values(ids)


def entries(history: History, reader: StateReader | StateAtCut) -> dict[tuple[str, bytes], bytes]:
    """Every live entry that a scan shows; a `get` of each must agree."""
    found = {}
    for collection in history.founding.collections:
        last = None
        for key, value in reader.scan(collection.name, b"", b""):
            assert last is None or last < key, "a scan goes in key order"
            assert reader.get(collection.name, key) == value
            found[collection.name, key] = value
            last = key
    return found


@given(histories(), RANDOMS)
def test_any_causal_order_gives_the_same(history: History, rng: random.Random):
    """Order is the network's, not the state's."""
    for _ in range(3):
        check(history, fed(history, causal_order(rng, history)))


@given(histories(), RANDOMS)
def test_any_order_any_duplication_gives_the_same(history: History, rng: random.Random):
    """What comes too early waits; what comes twice counts once."""
    stage = Stage(history.founding, EVE)
    deltas = [written.delta for written in history.deltas.values()]
    # What a stranger wrote may not wait, so it has to come again after its admission: by then
    # at least one more delta of any causal order is applied.
    for _ in range(len(deltas)):
        rng.shuffle(deltas)
        stage.receive(*deltas, rng.choice(deltas))
    check(history, stage)


@given(histories(), RANDOMS)
def test_any_grouping_into_commits_and_any_restart_give_the_same(
    history: History, rng: random.Random
):
    """A batch is only how rows are written; what is in memory only a copy."""
    order = causal_order(rng, history)
    stage = Stage(history.founding, EVE)
    while order:
        group = [order.pop(0) for _ in range(min(len(order), rng.randint(1, 5)))]
        judge, ledger = stage.replica.judge, stage.replica.ledger
        for delta in group:
            judged = judge.judge(delta, int(stage.now * 1000))
            ledger.apply(delta, judged.payload, judged.cut)
        stage.carry_out(stage.replica._commit(durable=True))
        ledger.settle()
        if rng.random() < 0.5:
            stage = stage.restarted()
    check(history, stage)
    check(history, stage.restarted())


@given(histories(), RANDOMS)
def test_deltas_that_arrive_during_own_batches_merge_the_same(history: History, rng: random.Random):
    """What is held back while code runs is neither lost nor merged otherwise."""
    founding = history.founding.again(admins=(*history.founding.charter.admins, EVE.certificate))
    moved = History(founding)
    renamed: dict[DeltaId, DeltaId] = {}
    for written in history.deltas.values():
        # The same history in a context of which eve is a founder.
        after = [renamed[i] for i in history.maximal(written.cut)]
        admits = tuple(d.admit(founding.context) for d in DEVICES if _admits(written, d))
        again = moved.write(written.author, after, *written.payload.effects, governance=admits)
        renamed[written.delta.id] = again.id
    stage, other = Stage(founding, EVE), Stage(founding, DEVICES[0])
    own: list[Delta] = []
    for delta in causal_order(rng, moved):
        if rng.random() < 0.3 and not stage.replica._local.is_executing:
            stage.handle(submit(1))
        effects = stage.receive(delta)
        if rng.random() < 0.3 and stage.replica._local.is_executing:
            effects = stage.handle(Executed((completed(_put(rng)),)))
        own += [e.delta for e in effects if isinstance(e, Applied) and e.is_own]
    if stage.replica._local.is_executing:
        effects = stage.handle(Executed((completed(_put(rng)),)))
        own += [e.delta for e in effects if isinstance(e, Applied) and e.is_own]
    other.receive(*(w.delta for w in moved.deltas.values()), *own)
    assert stage.replica.ledger.count == len(moved.deltas) + len(own)
    assert stage.replica.ledger.digest() == other.replica.ledger.digest()
    assert stage.replica.ledger.frontier == other.replica.ledger.frontier


def _admits(written: Written, device: Identity) -> bool:
    return any(
        isinstance(g, Admit) and g.certificate == device.certificate
        for g in written.delta.core.governance
    )


@given(histories())
def test_state_at_every_cut_is_that_of_a_node_fed_with_the_cut_alone(history: History):
    """What an author saw can be read again on every node, whatever came since."""
    stage = fed(history, [w.delta for w in history.deltas.values()])
    view, collections = stage.replica.ledger.view, history.founding.collections
    for written in history.deltas.values():
        frontier = cut_of(view, written.delta.id)
        assert frontier == history.frontier(written.cut)
        governor = stage.replica.ledger.governor
        authority = governor.at(frontier, written.delta.core.gov_parents)
        silence = silence_at(governor, authority)
        at_cut = StateAtCut(view, collections, Cut(view, frontier), silence)
        values = entries(history, at_cut)
        assert values == history.values(written.cut)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(counters, "_WALKED_MAX", -1)  # as where crowds touch every counter
            again = StateAtCut(view, collections, Cut(view, frontier), silence)
            assert entries(history, again) == values
        alone = fed(history, [w.delta for i, w in history.deltas.items() if i in written.cut])
        assert alone.replica.ledger.digest() == history.digest(written.cut)
        assert values == entries(history, StateReader(alone.replica.ledger.view, collections))


@given(histories())
def test_cut_holds_exactly_what_the_delta_follows(history: History):
    """Asking by branches and sequences is asking the set."""
    stage = fed(history, [w.delta for w in history.deltas.values()])
    ledger = stage.replica.ledger
    for written in history.deltas.values():
        cut = Cut(ledger.view, cut_of(ledger.view, written.delta.id))
        for other in history.deltas.values():
            tip = ledger.summary(other.delta.id).tip
            is_in = other.delta.id in written.cut
            assert cut.holds(other.author.device, tip) == is_in
            joined = join_frontiers(
                ledger.view, ledger.closure(written.delta.id), ledger.closure(other.delta.id)
            )
            both = history.past((written.delta.id, other.delta.id))
            assert joined == history.frontier(both)


@given(histories())
def test_digest_is_the_sum_of_what_is_live(history: History):
    """Nothing that was ever added to the running sum is forgotten in it."""
    ledger = fed(history, [w.delta for w in history.deltas.values()]).replica.ledger
    assert ledger.digest() == digest_of_live_rows(history, ledger)


def digest_of_live_rows(history: History, ledger: Ledger) -> bytes:
    """The state digest from scratch, of the rows as they stand."""
    lthash, rules = LtHash(), {c.name: c.rule for c in history.founding.collections}
    for (name, key), row in ledger.view.scan(Table.ENTRY):
        collection = name.decode()
        if rules[collection] is Rule.COUNTER:
            lthash.add(counter_element(collection, key, decode_sum(row).amount))
        else:
            lthash.add(entry_element(collection, key, decode_entry(row)))
    j, _ = history.judged(history.deltas)
    for device, member in j.members.items():
        lthash.add(device_element(device, member))
    for device in j.closed:
        lthash.add(closed_element(device))
    for device, held in j.roles.items():
        for role in sorted(held):
            lthash.add(role_element(device, role))
    lthash.add(release_element(j.release))
    return state_digest(history.founding.context, lthash)


@given(histories(is_forking=False), RANDOMS)
def test_what_a_node_writes_every_node_admits(history: History, rng: random.Random):
    """An honest node never refuses itself, nor another honest one."""
    stages = {d.device.hex(): Stage(history.founding, d) for d in DEVICES}
    written: list[Delta] = []
    for _ in range(12):
        stage = rng.choice(list(stages.values()))
        stage.receive(*rng.sample(written, rng.randint(0, len(written))))
        if stage.replica.is_admitted:
            effects = stage.write((_put(rng),))
            written += [e.delta for e in effects if isinstance(e, Applied)]
        assert len({delta.id for delta in written}) == len(written)
    for stage in stages.values():
        for _ in range(len(written)):
            stage.receive(*written)
    digests = {stage.replica.ledger.digest() for stage in stages.values()}
    assert len(digests) == 1


def _put(rng: random.Random) -> Put:
    return Put("notes", rng.choice((b"a", b"b")), rng.randbytes(1))
