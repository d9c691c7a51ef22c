"""Of more heads than one delta can follow, it follows some after which its author is a member."""

from __future__ import annotations

import pytest

from covey.model import Close, Delta, Failure, Put
from covey.sync import Applied, Execute, Reply
from covey.sync.following import Following
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage, submit

ANN, EVE, SIBLING = identity("ann"), identity("eve"), identity("eve", "second")
VIC = identity("vic")
FOUNDING = found(ANN)
CONTEXT = FOUNDING.context
PUT = Put("notes", b"k", b"v")


class Cut:
    """eve lets vic in, and closes that device of hers with another, as if it had not seen that."""

    def __init__(self, *, has_written: bool) -> None:
        self.history, self.stage = History(FOUNDING), Stage(FOUNDING, VIC)
        both = (EVE.admit(CONTEXT), SIBLING.admit(CONTEXT))
        let_in = self.write(ANN, (), governance=both)
        self.admitted = self.write(EVE, (let_in.id,), governance=(VIC.admit(CONTEXT),))
        if has_written:
            self.stage.write((PUT,))
        closes = (Close(EVE.device, ()),)
        self.closed = self.write(SIBLING, (let_in.id,), governance=closes)
        assert not self.stage.replica.is_admitted

    def write(self, who, parents, *effects, governance=(), keep=True) -> Delta:
        delta = self.history.write(who, parents, *effects, governance=governance, keep=keep)
        self.stage.receive(delta)
        return delta

    def let_in_again(self) -> None:
        parents = (self.admitted.id, self.closed.id)
        self.write(ANN, parents, governance=(VIC.admit(CONTEXT),))
        assert self.stage.replica.is_admitted

    def branch(self, count: int, *parents: Delta) -> None:
        """Many heads that hold the removal; a device forks itself for them."""
        for number in range(count):
            entry = Put("notes", b"%d" % number, b"x")
            self.write(SIBLING, tuple(p.id for p in parents), (entry,), keep=False)


@pytest.mark.parametrize("count", [40, 100])
@pytest.mark.parametrize("has_written", [True, False])
def test_device_that_was_let_in_again_writes_after_any_number_of_heads(has_written, count):
    """Those that hold its removal alone would have it sign what nobody takes, itself included."""
    cut = Cut(has_written=has_written)
    cut.let_in_again()
    cut.branch(count, cut.closed) if has_written else cut.branch(count, cut.closed, cut.admitted)
    effects = cut.stage.handle(submit(1))
    assert any(isinstance(effect, Execute) for effect in effects)
    merges = [effect.delta for effect in effects if isinstance(effect, Applied)]
    assert len(merges) >= count // 32
    again = cut.stage.restarted()
    assert any(isinstance(effect, Execute) for effect in again.handle(submit(2)))
    assert len(again.replica.ledger.heads) <= 32


def test_removal_is_followed_after_what_ends_it():
    """ann removes who removed: of 81 heads one alone says so, and it has to come first."""
    cut = Cut(has_written=True)
    cut.branch(80, cut.closed)
    cut.write(ANN, (cut.admitted.id,), governance=(Close(SIBLING.device, ()),))
    assert cut.stage.replica.is_admitted
    for number in range(3):
        effects = cut.stage.handle(submit(number))
        assert any(isinstance(effect, Execute) for effect in effects)
        cut.stage = cut.stage.restarted()


def test_heads_that_are_tried_one_by_one_are_bounded(monkeypatch):
    """Each takes the word on a cut of its own, and anybody can make thousands."""
    monkeypatch.setattr("covey.sync.following._TRIED_MAX", 7)
    cut = Cut(has_written=True)
    cut.let_in_again()
    cut.branch(40, cut.closed)
    tried = []
    monkeypatch.setattr(Following, "_is_member", lambda _, heads: tried.append(heads))
    (reply,) = cut.stage.handle(submit(1))
    assert isinstance(reply, Reply)
    assert len(tried) == 1 + 7


def test_device_that_can_follow_nothing_says_so_and_goes_on(monkeypatch):
    """No call waits for ever, and nothing is signed that others refuse."""
    cut = Cut(has_written=True)
    cut.let_in_again()
    cut.branch(40, cut.closed)
    monkeypatch.setattr(Following, "_is_member", lambda *_: False)
    (reply,) = cut.stage.handle(submit(1))
    assert isinstance(reply, Reply)
    assert reply.outcome.failure is Failure.NOT_ADMITTED
    assert "try again when others have written after them" in reply.outcome.message
    monkeypatch.undo()
    assert any(isinstance(effect, Execute) for effect in cut.stage.handle(submit(2)))
