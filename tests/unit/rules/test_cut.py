"""Branches and positions: a forked device's chain is a tree."""

from __future__ import annotations

from covey.model import Put, limits
from covey.rules import Cut, closure_of, cut_of, is_forked, is_on_chain, position_of
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
