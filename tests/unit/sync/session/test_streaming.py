"""What a peer lacks is read in the order of arrival, whatever way it is looked for."""

from __future__ import annotations

import pytest

from covey.codec import decode_delta
from covey.model import DeltaId, DeviceId, Frontier, Put, Tip, limits
from covey.sync import Ledger, Share
from covey.sync.session.streaming import Stream, missing_here
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

ALL = Share(0, 1)
FOUNDING = found(identity("alice"), identity("bob"), identity("carol"))
AUTHORS = [identity(name) for name in ("alice", "bob", "carol")]


def _interwoven(count: int) -> Ledger:
    """Three devices that write in turns, each following all that is there."""
    history, stage = History(FOUNDING), Stage(FOUNDING, identity("reader"))
    last: tuple[DeltaId, ...] = ()
    for number in range(count):
        author = AUTHORS[number % 3]
        delta = history.write(author, last, [Put("notes", b"%d" % number, b"x")])
        stage.receive(delta)
        last = (delta.id,)
    return stage.restarted().replica.ledger


def _read(stream: Stream) -> list[DeltaId]:
    read: list[DeltaId] = []
    while not stream.is_idle:
        page = list(stream.page(ALL))
        assert len(page) <= limits.SYNC_PAGE_DELTAS
        read += [decode_delta(FOUNDING.context, frame).id for frame in page]
    return read


def _log(ledger: Ledger) -> list[DeltaId]:
    stream = Stream(ledger)
    stream.restart({})
    return _read(stream)


def _cut(ledger: Ledger, count: int) -> Frontier:
    """The frontier of the first deltas of the log."""
    held: dict[DeviceId, tuple[object, ...]] = {}
    for delta in _log(ledger)[:count]:
        summary = ledger.summary(delta)
        assert summary is not None
        held[summary.author] = (summary.tip,)
    return held  # type: ignore[return-value]  # tips, one of each device


@pytest.mark.parametrize("held", [0, 1, 7, 29, 30])
def test_chains_merged_and_the_log_walked_give_the_same(
    held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond so many devices the log is walked: slower, and the same deltas in the same order."""
    ledger = _interwoven(30)
    theirs = _cut(ledger, held)
    merged, walked = Stream(ledger), Stream(ledger)
    merged.restart(theirs)
    monkeypatch.setattr(limits, "SYNC_MERGED_DEVICES_MAX", 0)
    walked.restart(theirs)

    expected = _log(ledger)[held:]
    assert _read(merged) == expected
    assert _read(walked) == expected


def test_few_rows_are_looked_at_between_two_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page may be empty though there is more: nobody else waits for a walk over the whole log."""
    ledger = _interwoven(30)
    monkeypatch.setattr(limits, "SYNC_MERGED_DEVICES_MAX", 0)
    monkeypatch.setattr(limits, "SYNC_WALK_ROWS", 5)
    stream = Stream(ledger)
    stream.restart(_cut(ledger, 29))

    pages = []
    while not stream.is_idle:
        pages.append(len(list(stream.page(ALL))))

    assert sum(pages) == 1
    assert len(pages) >= 6


def test_branches_of_a_fork_are_sent_by_arrival() -> None:
    """A branch that arrived late is not sent before what it follows, nor does it hold others up."""
    history, stage = History(FOUNDING), Stage(FOUNDING, identity("reader"))
    alice, bob, _ = AUTHORS
    root = history.write(alice, (), [Put("notes", b"k", b"root")])
    chain = [root]
    for _ in range(20):
        chain.append(history.write(alice, (chain[-1].id,), [Put("notes", b"k", b"x")]))
    other = history.write(bob, (chain[-1].id,), [Put("notes", b"k", b"bob")])
    twig = history.write(alice, (root.id,), [Put("notes", b"k", b"twig")])
    stage.receive(*chain, other, twig)
    ledger = stage.restarted().replica.ledger

    assert _log(ledger) == [*(delta.id for delta in chain), other.id, twig.id]


def test_tips_that_nobody_has_cost_no_more_than_what_is_here() -> None:
    """A frame has room for 27,000 tips of one device, and each was looked up in the store."""
    ledger = _interwoven(30)
    alice = AUTHORS[0].device
    held = _cut(ledger, 30)[alice]
    made_up = [Tip(1, DeltaId(number.to_bytes(32, "big"))) for number in range(2_000)]
    looked_up = []

    def is_applied(delta: DeltaId) -> bool:
        looked_up.append(delta)
        return ledger.summary(delta) is not None

    ledger.is_applied = is_applied  # type: ignore[method-assign]
    stream = Stream(ledger)
    stream.restart({alice: (*made_up, *held)})

    assert missing_here(ledger, {alice: (*made_up, *held)}) > 0
    assert len(looked_up) <= 2 * (1 + limits.SYNC_TIPS_UNKNOWN_MAX)
    assert alice not in {
        ledger.summary(delta).author  # type: ignore[union-attr]  # what is sent is held
        for delta in _read(stream)
    }, "the tip that is here is known, whatever else is named"


def test_tip_a_little_behind_is_found_among_those_made_up() -> None:
    """Otherwise all of that device would be sent again."""
    ledger = _interwoven(30)
    alice = AUTHORS[0].device
    held = _cut(ledger, 25)[alice]
    made_up = [Tip(1, DeltaId(number.to_bytes(32, "big"))) for number in range(2_000)]
    stream = Stream(ledger)
    stream.restart({**ledger.frontier, alice: (*made_up, *held)})

    assert len(_read(stream)) == 1


def test_fork_is_read_ahead_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the look-ahead the order of a forked device may suffer, never what is sent."""
    monkeypatch.setattr(limits, "SYNC_FORK_LOOKAHEAD", 2)
    history, stage = History(FOUNDING), Stage(FOUNDING, identity("reader"))
    alice = AUTHORS[0]
    root = history.write(alice, (), [Put("notes", b"k", b"root")])
    chain = [root]
    for _ in range(10):
        chain.append(history.write(alice, (chain[-1].id,), [Put("notes", b"k", b"x")]))
    twigs = [history.write(alice, (root.id,), [Put("notes", b"k", b"%d" % n)]) for n in range(9)]
    stage.receive(*chain, *twigs)
    ledger = stage.restarted().replica.ledger

    sent = _log(ledger)

    assert len(sent) == ledger.count == 20
    assert set(sent) == {delta.id for delta in (*chain, *twigs)}
