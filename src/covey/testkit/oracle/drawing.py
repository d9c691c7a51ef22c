"""Random histories: honest devices behind partitions, and attackers who sign what they like."""

from __future__ import annotations

import random
from collections.abc import Sequence

from covey.model import (
    Admission,
    Admit,
    Constraint,
    Delta,
    Effect,
    Governance,
    Never,
    Promote,
    Publisher,
    Quorum,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.people import device, start, turncoat
from covey.testkit.oracle.wishes import Wishes
from covey.testkit.oracle.writing import Writing

__all__ = ["draw", "orders"]

_NAMES = ("ann", "ben", "cara", "dora", "emil", "fred", "gina")
_STEP_MS = 10


def draw(seed: int, steps: int = 60) -> Writing:
    """A history of somewhat fewer deltas than steps, the same for a seed every time."""
    return _Drawing(random.Random(seed), steps).run()  # noqa: S311 - it must repeat itself


def orders(deltas: Sequence[Delta], seed: int) -> tuple[tuple[Delta, ...], ...]:
    """Four orders in which deltas may arrive: as created, backwards, and shuffled twice."""
    rng = random.Random(seed)  # noqa: S311 - it must repeat itself
    shuffled = [rng.sample(list(deltas), len(deltas)) for _ in range(2)]
    return (tuple(deltas), tuple(reversed(deltas)), *(tuple(order) for order in shuffled))


class _Drawing:
    """One history while it grows. know: what each device's node holds."""

    def __init__(self, rng: random.Random, steps: int) -> None:
        self.rng, self.steps = rng, steps
        names = _NAMES[: rng.randint(4, len(_NAMES))]
        firsts = [device(name) for name in names]
        seconds = [device(name, "second") for name in names if rng.random() < 0.5]
        socks = [device("sock"), device("sock", "second"), device("other sock")]
        count = rng.randint(1, 3)
        founders = firsts[:count]
        if rng.random() < 0.2:
            founders.append(device(names[0], "second"))
        people = list({one.device: one for one in (*founders, *firsts, *seconds, *socks)}.values())
        keys = tuple(one.member_id for one in rng.sample(firsts, rng.randint(2, 3)))
        founding = start(
            *founders,
            admission=rng.choice((Admission.OPEN, Admission.CLOSED)),
            constraints=_constraints(rng, Quorum(rng.randint(1, 2), keys, rng.choice((0, 60)))),
            admin_quorum=rng.choice((0, 0, 2, 2, 1)) if count > 1 else 0,
        )
        self.people, self.writing = people, Writing(founding)
        guilty = {name for name in names if rng.random() < 0.25}
        for one in people:
            is_bad = one.name not in names or one.name in guilty or rng.random() < 0.05
            if is_bad:
                self.writing.bad.add(one.device)
            elif rng.random() < 0.12:
                self.writing.stolen.add(one.device)
        cast = [*people, turncoat("sock", "second", "other sock")]
        self.wishes = Wishes(rng, self.writing, cast, keys)
        self.sleepers = {one.device for one in people if rng.random() < 0.15}
        self.know = {one.device: 0 for one in people}
        self.side = {one.device: rng.randrange(2) for one in people}

    def run(self) -> Writing:
        """Every step one device writes or two, and some tell others."""
        for step in range(self.steps):
            is_parted = self.steps * 0.3 < step < self.steps * 0.7
            for _ in range(self.rng.randint(1, 2)):
                author = self._author(step)
                if author is not None:
                    self._write(author, step)
            for _ in range(self.rng.randint(1, 4)):
                one, other = self.rng.sample(self.people, 2)
                if not is_parted or self.side[one.device] == self.side[other.device]:
                    self._tell(one, other)
        return self.writing

    def _author(self, step: int) -> Identity | None:
        """Who writes now: seldom somebody who may not."""
        for _ in range(12):
            author = self.rng.choice(self.people)
            if author.device in self.sleepers and step < self.steps * 0.7:
                continue
            if author.device in self.writing.oracle.ranks and self.rng.random() < 0.4:
                continue
            if author.device in self.writing.judge(self.know[author.device]).members:
                return author
            if author.device in self.writing.bad and self.rng.random() < 0.2:
                return author
        return None

    def _write(self, author: Identity, step: int) -> None:
        rng, writing = self.rng, self.writing
        is_thief = author.device in writing.stolen and rng.random() < 0.4
        if author.device in writing.bad or is_thief:
            self._attack(author, step)
            return
        cut = self.know[author.device]
        j = writing.judge(cut)
        if author.device in j.forked:  # Its key is not its own any more.
            return
        at_ms = step * _STEP_MS + rng.randint(-15, 15) + 20
        said: list[Governance] = []
        if rng.random() < 0.65:
            said = self.wishes.governance(author, cut, j, honest=True)
        said = _with_news(said, writing.news(cut))
        if said and self._keeps(author, writing.write(author, cut, said, at_ms=at_ms, honest=True)):
            return
        entries = self.wishes.entries(author, cut, j, honest=True)
        if entries:
            known = writing.write(author, cut, (), tuple(entries), at_ms=at_ms, honest=True)
            self._keeps(author, known)

    def _keeps(self, author: Identity, known: Known) -> bool:
        """An honest node writes nothing that others refuse."""
        if self.writing.code(known):
            self.writing.forget(known)
            return False
        self.know[author.device] |= known.bit
        self._welcome(known)
        return True

    def _welcome(self, known: Known) -> None:
        """Who is let in or given a role mostly hears of it at once."""
        named = {
            effect.certificate.device if isinstance(effect, Admit) else effect.device
            for effect in known.delta.core.governance
            if isinstance(effect, Admit | Promote)
        }
        for one in self.people:
            if one.device in named and self.rng.random() < 0.7:
                self._hear(one, known.past | known.bit)

    def _attack(self, author: Identity, step: int) -> None:
        rng, writing = self.rng, self.writing
        cut = self._stale(author) if rng.random() < 0.6 else self.know[author.device]
        if rng.random() < 0.95:
            cut &= ~writing.refused
        if author.device in writing.judge(cut).forked and rng.random() < 0.95:
            cut = self._branch(author, cut)
        j = writing.judge(cut)
        if author.device not in j.members and rng.random() < 0.95:
            return
        said: list[Governance] = []
        if rng.random() < 0.7:
            said = self.wishes.governance(author, cut, j, honest=False)
            if rng.random() < 0.15 and len(said) == 1:
                said += self.wishes.governance(author, cut, j, honest=False)
        said = _with_news(said, [e for e in writing.news(cut) if rng.random() < 0.3])
        entries: list[Effect] = []
        if not said or rng.random() < 0.05:
            entries = self.wishes.entries(author, cut, j, honest=False)
        if not said and not entries:
            return
        at_ms = rng.choice((0, step * _STEP_MS, step * _STEP_MS + 400))
        known = writing.write(author, cut, said, tuple(entries), at_ms=at_ms)
        if writing.code(known) and rng.random() < 0.75:  # Mostly they keep to what nodes accept.
            writing.forget(known)
            return
        everything = known.past | known.bit
        if author.device in writing.bad:
            self.know[author.device] |= known.bit
        bad = sorted(writing.bad)
        for other in rng.sample(bad, min(2, len(bad))):
            self.know[other] |= everything
        self._welcome(known)
        if author.device in writing.stolen:  # It gets out through some other device.
            self._hear(rng.choice(self.people), everything)

    def _stale(self, author: Identity) -> Mask:
        """Some of what its node holds: its own chain may fork there."""
        deltas = self.writing.history.within(self.know[author.device])
        if not deltas:
            return 0
        chosen = self.rng.sample(deltas, min(len(deltas), self.rng.randint(0, 3)))
        admits = self.writing.judge(self.know[author.device]).admits.get(author.device)
        if admits and self.rng.random() < 0.7:
            chosen.append(admits[0].known)
        return self.writing.down(chosen)

    def _branch(self, author: Identity, cut: Mask) -> Mask:
        """Of a cut with a fork of the author's what does not show it."""
        deltas = self.writing.history.within(cut)
        taken, own = 0, 0
        mine = sum(k.bit for k in deltas if k.delta.core.author == author.device)
        for known in self.rng.sample(deltas, len(deltas)):
            adds = (known.past | known.bit) & mine
            if adds & own in (adds, own):  # One of the two continues the other.
                taken, own = taken | known.past | known.bit, own | adds
        return taken

    def _tell(self, one: Identity, other: Identity) -> None:
        deltas: list[Known] = self.writing.history.within(self.know[one.device])
        if deltas:
            self._hear(other, self.writing.down([self.rng.choice(deltas)]))

    def _hear(self, node: Identity, deltas: Mask) -> None:
        is_bad = node.device in self.writing.bad
        self.know[node.device] |= deltas if is_bad else deltas & ~self.writing.refused


def _constraints(rng: random.Random, quorum: Quorum) -> tuple[Constraint, ...]:
    x = rng.random()
    if x < 0.06:
        return (Never(),)
    if x < 0.45:
        return (quorum,) if rng.random() < 0.6 else (Publisher(), quorum)
    return (Publisher(),) if x < 0.6 else ()


def _with_news(said: list[Governance], news: list[Governance]) -> list[Governance]:
    """Evidence rides along, except with what must stand alone."""
    alone = ("Merge", "Upgrade")
    return said if any(type(effect).__name__ in alone for effect in said) else said + news
