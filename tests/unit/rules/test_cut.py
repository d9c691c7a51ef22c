"""Branches and positions: a forked device's chain is a tree."""

from __future__ import annotations

from collections.abc import Iterator

from covey.codec import decode_payload
from covey.model import KeyPart, Put, Reader, RowKey, Table, limits
from covey.rules import (
    Cut,
    closure_of,
    cut_of,
    is_forked,
    is_on_chain,
    join_frontiers,
    position_of,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

ANN, BEN = identity("ann"), identity("ben")
FOUNDING = found(ANN, BEN)


def note(text: bytes) -> Put:
    """Anything at all."""
    return Put("notes", b"k", text)


def test_positions_of_a_fork_are_told_apart():
    """A delta lies on the chains of its own descendants alone."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    root = history.write(ANN, (), [note(b"root")])
    left = history.write(ANN, (root.id,), [note(b"left")])
    right = history.write(ANN, (root.id,), [note(b"right")])
    deeper = history.write(ANN, (right.id,), [note(b"deeper")])
    twig = history.write(ANN, (right.id,), [note(b"twig")])
    stage.receive(root, left)
    view = stage.replica.ledger.view
    assert not is_forked(view, ANN.device)
    stage.receive(right, deeper, twig)
    view = stage.replica.ledger.view
    assert is_forked(view, ANN.device)
    tips = {d.id: stage.replica.ledger.summary(d.id).tip for d in (root, left, right, deeper, twig)}
    chains = {
        deeper.id: {root.id, right.id, deeper.id},
        twig.id: {root.id, right.id, twig.id},
        left.id: {root.id, left.id},
    }
    for last, members in chains.items():
        for delta, tip in tips.items():
            position = position_of(view, ANN.device, tip)
            assert is_on_chain(view, position, tips[last]) == (delta in members)


def test_two_beginnings_are_two_branches():
    """A fork may begin with the first delta."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    one = history.write(ANN, (), [note(b"one")])
    two = history.write(ANN, (), [note(b"two")])
    stage.receive(one, two)
    view = stage.replica.ledger.view
    tips = [stage.replica.ledger.summary(d.id).tip for d in (one, two)]
    positions = [position_of(view, ANN.device, tip) for tip in tips]
    assert positions[0].branch != positions[1].branch
    assert not is_on_chain(view, positions[0], tips[1])
    assert not is_on_chain(view, positions[1], tips[0])


def test_cut_of_a_long_chain_is_rebuilt_from_differences():
    """Whole now and then, so that a walk is bounded."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    after, deltas = (), []
    for n in range(2 * limits.FRONTIER_FULL_EVERY + 3):
        author = BEN if n % 40 == 39 else ANN
        deltas.append(history.write(author, after, [note(b"x")]))
        after = (deltas[-1].id,)
    stage.receive(*deltas)
    view = stage.restarted().replica.ledger.view
    for delta in deltas:
        assert cut_of(view, delta.id) == history.frontier(history.deltas[delta.id].cut)


def test_closure_holds_the_delta_itself_and_its_cut_does_not():
    """A cut is what comes before."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    delta = history.write(ANN, (), [note(b"x")])
    stage.receive(delta)
    ledger = stage.replica.ledger
    tip = ledger.summary(delta.id).tip
    assert not Cut(ledger.view, cut_of(ledger.view, delta.id)).holds(ANN.device, tip)
    assert Cut(ledger.view, closure_of(ledger.view, ANN.device, tip)).holds(ANN.device, tip)
    assert not Cut(ledger.view, {}).holds(ANN.device, tip)


class Counted:
    """A reader that counts the rows it is asked for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.rows = 0

    def get(self, table: Table, key: RowKey) -> bytes | None:
        self.rows += 1
        return self._reader.get(table, key)

    def scan(
        self,
        table: Table,
        prefix: RowKey = (),
        *,
        start: bytes = b"",
        after: KeyPart | None = None,
        reverse: bool = False,
    ) -> Iterator[tuple[RowKey, bytes]]:
        for row in self._reader.scan(table, prefix, start=start, after=after, reverse=reverse):
            self.rows += 1
            yield row


def forks(count: int) -> Stage:
    """A store in which ann began so many times, each beginning on a branch of its own."""
    history, stage = History(FOUNDING), Stage(FOUNDING, BEN)
    stage.receive(*(history.write(ANN, (), [note(b"%d" % n)], keep=False) for n in range(count)))
    assert stage.replica.ledger.count == count
    return stage


def test_cuts_of_a_device_that_forked_often_are_joined_in_a_few_reads_a_tip():
    """Compared each with each, a thousand forks of one member would halt everybody."""
    count = 100
    stage = forks(count)
    tips = stage.replica.ledger.frontier[ANN.device]
    counted = Counted(stage.replica.ledger.view)
    left, right = {ANN.device: tips[:60]}, {ANN.device: tips[40:]}
    assert join_frontiers(counted, left, right) == {ANN.device: tips}
    assert counted.rows <= 4 * count


def test_asking_a_cut_of_a_forked_device_costs_a_few_reads():
    """The branches are walked once for all questions."""
    count = 100
    stage = forks(count)
    tips = stage.replica.ledger.frontier[ANN.device]
    counted = Counted(stage.replica.ledger.view)
    cut = Cut(counted, {ANN.device: tips[1:]})
    assert [cut.holds(ANN.device, tip) for tip in tips] == [False] + [True] * (count - 1)
    assert counted.rows <= 6 * count


def test_fork_is_applied_in_as_many_reads_however_many_there_are():
    """A flood of forks costs its own length, never the square of it."""
    history, reads = History(FOUNDING), []
    for count in (4, 64):
        ledger = forks(count).replica.ledger
        one_more = history.write(ANN, (), [note(b"more")], keep=False)
        counted = ledger._base = Counted(ledger._base)
        ledger.apply(one_more, decode_payload(one_more.sealed), {})
        reads.append(counted.rows)
    assert reads[0] == reads[1]


def test_a_first_delta_does_not_store_all_it_has_seen():
    """Ten thousand devices that each write once would take the square of that on every node."""
    crowd = [identity(f"device {n}") for n in range(40)]
    founding = found(*crowd)
    history, stage = History(founding), Stage(founding, crowd[0])
    after, sizes = (), []
    for author in crowd:
        delta = history.write(author, after, [note(b"x")])
        after = (delta.id,)
        stage.receive(delta)
        row = stage.replica.ledger.view.get(Table.FRONTIER, (delta.id,))
        assert row is not None
        sizes.append(len(row))
    assert max(sizes) <= 2 * sizes[1]
    view = stage.restarted().replica.ledger.view
    for delta in history.deltas.values():
        assert cut_of(view, delta.delta.id) == history.frontier(delta.cut)
