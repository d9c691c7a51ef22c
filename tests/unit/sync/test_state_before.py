"""What calls are run again on, beside the plainest fold of all that their delta follows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

import pytest

from covey.codec import decode_manifest
from covey.merge import clamped
from covey.model import (
    Collection,
    Delta,
    EntryReader,
    Put,
    Rule,
    Verification,
)
from covey.runtime import Overlay
from covey.runtime.replay import _absorb
from covey.sync import (
    Applied,
    DeltaReceived,
    Event,
    NeedRelease,
    ReleaseReady,
    Verified,
    Verify,
)
from covey.testkit.history import START_MS
from covey.testkit.identities import Founding, Identity, identity
from covey.testkit.oracle import drawing
from covey.testkit.oracle.history import Known, parents_of
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.oracle import upgrade_of
from covey.testkit.oracle.people import start
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import PEER, Stage
from covey.testkit.sim.checkers.reference import fold

LATE_S = START_MS / 1_000 + 10**7
Values = dict[tuple[str, bytes], bytes]


def verified(*admins: Identity, **rules: object) -> Founding:
    """A context of the oracle's where calls are run again."""
    return start(*admins, **rules).again(verification=Verification.REPLAY)  # type: ignore[arg-type]


class Asked:
    """A replica that is told of deltas, and whoever runs calls again for it: always agrees.

    What it is asked is compared with the oracle's word. lengths: of the rows that were run.
    kinds: whether reading was that of everything, of a cut, or of one with silent deltas.
    """

    def __init__(self, writing: Writing, rng: random.Random) -> None:
        self.writing, self.rng = writing, rng
        self.stage = Stage(writing.founding, identity("watcher"), now=LATE_S)
        self.applied: Mask = 0
        self.lengths: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        self._asked: Verify | None = None

    def deliver(self, order: list[Delta]) -> None:
        """All of them; what is asked is answered before the last one came, or long after."""
        for delta in order:
            self._tell(DeltaReceived(delta, PEER))
            if self.rng.random() < 0.1:
                self._answer()
        while self._asked is not None:
            self._answer()

    def _tell(self, event: Event) -> None:
        for effect in self.stage.handle(event):
            if isinstance(effect, Applied):
                self.applied |= self.writing.history.known[effect.delta.id].bit
            elif isinstance(effect, Verify):
                assert self._asked is None
                self._asked = effect
            elif isinstance(effect, NeedRelease):
                self._tell(ReleaseReady(effect.release))

    def _answer(self) -> None:
        if self._asked is not None:
            asked, self._asked = self._asked, None
            self._tell(Verified((None,) * self._run(asked)))

    def _run(self, asked: Verify) -> int:
        """Look at what each delta of the row is run on; how many of them were run."""
        deltas = self.stage.replica.replays._in_hand
        state = asked.state
        kind = "everything" if state.frontier is None else "cut"
        self.kinds["silent" if state.silences is not None else kind] += 1
        base = state.entries(self.stage.store.reader(self.writing.founding.context))
        done = Overlay(base)
        for place, (delta, signed) in enumerate(zip(deltas, asked.row, strict=True)):
            known = self.writing.history.known[delta.id]
            if self.writing.code(known):
                assert place > 0, "what is inadmissible is not run again"
                return place
            self._compare(known, signed.batch.roles, done, state.collections)
            self.lengths[place + 1] += 1
            if not _absorb(done, base, signed):
                return place + 1
        return len(deltas)

    def _compare(
        self,
        known: Known,
        roles: tuple[str, ...],
        reader: EntryReader,
        collections: tuple[Collection, ...],
    ) -> None:
        j = self.writing.judge(known.past)
        assert roles == tuple(sorted(j.roles[known.delta.core.author]))
        assert _read(reader, collections) == _folded(self.writing, known.past, collections)


def _read(reader: EntryReader, collections: tuple[Collection, ...]) -> Values:
    """All entries, as a scan gives them; one by one they are the same."""
    values = {
        (c.name, key): value for c in collections for key, value in reader.scan(c.name, b"", b"")
    }
    assert values == {place: reader.get(*place) for place in values}
    return values


def _folded(writing: Writing, cut: Mask, collections: tuple[Collection, ...]) -> Values:
    """What the deltas of a cut make of some collections, by rule."""
    j = writing.judge(cut)
    values: Values = {}
    for collection in collections:
        known = [
            _only(each, collection.name)
            for each in writing.history.within(j.s & ~j.silent)
            if any(_is_same(c, collection) for c in _declared(writing, each))
        ]
        places = {collection.name: (collection.name, collection.rule), "": ("", Rule.REGISTER)}
        for (name, key), winner in fold(known, lambda _, places=places: places).items():
            if name:
                value = clamped(winner) if isinstance(winner, int) else winner[3]
                assert value is not None
                values[name, key] = value
    return values


def _is_same(one: Collection, other: Collection) -> bool:
    return (one.name, one.rule) == (other.name, other.rule)


def _declared(writing: Writing, known: Known) -> tuple[Collection, ...]:
    upgrade = upgrade_of(known)
    if upgrade is not None:
        return decode_manifest(upgrade.manifest).collections
    return writing.oracle.collections(known.delta.core.release, known.past)


def _only(known: Known, name: str) -> Known:
    """A delta without its effects on other collections; indices stay."""
    effects = tuple(
        tuple(e if e.collection == name else Put("", b"", b"") for e in call)
        for call in known.payload.effects
    )
    payload = type(known.payload)(known.payload.calls, effects, known.payload.events)
    return Known(known.delta, payload, known.bit, known.past)


def arrivals(deltas: list[Delta], rng: random.Random) -> Iterator[list[Delta]]:
    """As created, and shuffled so that parents come first: long branches are held by nobody yet."""
    yield deltas
    waiting, order = rng.sample(deltas, len(deltas)), []
    while waiting:
        placed = {delta.id for delta in order}
        ready = [d for d in waiting if placed.issuperset(parents_of(d))]
        order.append(ready[0])
        waiting.remove(ready[0])
    yield order


@pytest.mark.parametrize("seed", range(100, 105))
def test_calls_are_run_on_what_a_naive_fold_of_their_cut_makes(
    seed: int, monkeypatch: pytest.MonkeyPatch
):
    """Removals, forks, upgrades with rivals: else honest deltas would be refused, for ever."""
    monkeypatch.setattr(drawing, "start", verified)
    writing, rng = drawing.draw(seed), random.Random(seed)
    for order in arrivals(writing.deltas, rng):
        asked = Asked(writing, rng)
        asked.deliver(order)
        if asked.applied != writing.admitted:
            asked.deliver(order)  # What followed one of a device closed since was let go.
        assert asked.applied == writing.admitted
        assert asked.kinds["silent"] > 0
        assert asked.lengths[2] > 0, "no row of several"
