"""A quiet, honest context for scripted attacks, and what comes of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache

from covey.crypto import sha256
from covey.model import (
    ADMIN_ROLE,
    Admission,
    Constraint,
    Effect,
    Governance,
    Never,
    Promote,
    Publisher,
    Put,
    Quorum,
    ReleaseId,
    Upgrade,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Mask
from covey.testkit.oracle.people import device, manifest, release, start
from covey.testkit.oracle.writing import Writing

__all__ = ["FOUNDERS", "KEYS", "PEOPLE", "RULES", "Outcome", "Play", "Script", "quiet"]

_NAMES = ("ann", "ben", "cara", "dora", "emil", "fred", "gina")
PEOPLE = tuple(device(name) for name in _NAMES)
"""Charter admins ann, ben, cara (who is silent: an accomplice); dora, a junior admin whom ben
admitted; emil and fred, whom dora admitted; gina, whom ann admitted."""

KEYS = tuple(one.member_id for one in PEOPLE[:3])
"""Whose approvals the quorums of `RULES` want."""

RULES: dict[str, tuple[Constraint, ...]] = {
    "free": (),
    "publisher": (Publisher(),),
    "quorum": (Quorum(2, KEYS, 0),),
    "notice": (Quorum(2, KEYS, 1000),),
    "never": (Never(),),
}
FOUNDERS = {
    "three": PEOPLE[:3],
    "lone": PEOPLE[:1],
    "twins": (*PEOPLE[:2], device("ben", "second")),
}
"""Whose devices a charter names."""

_ROUNDS = 8
_WRITERS = (0, 1, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attack came to.

    lost: honest deltas that do nothing afterwards. moves: of each move the code of its refusal,
    or `stands`, `mute`, `void`. has_first: whether the first charter admin is one still.
    """

    lost: int
    moves: tuple[str, ...]
    has_first: bool = True


@dataclass
class Play:
    """An attack under way. mark: the deltas of the quiet context by name. s: all that is known."""

    writing: Writing
    mark: dict[str, Known]
    s: Mask
    made: list[Known] = field(default_factory=list)

    @property
    def now(self) -> Mask:
        """Everything so far that an honest node has applied."""
        return self.s & ~self.writing.refused

    def at(self, name: str) -> Mask:
        """The cut that ends with a delta of the quiet context."""
        return self.writing.down([self.mark[name]])

    def last(self, who: int, back: int = 1) -> Known:
        """The last honest delta of somebody, or one of those before."""
        mine = self.writing.history.within(self.writing.honest)
        return [k for k in mine if k.delta.core.author == PEOPLE[who].device][-back]

    def move(
        self,
        who: int | Identity,
        cut: Mask,
        *said: Governance,
        entries: Iterable[Effect] = (),
        at_ms: int = 0,
        release: ReleaseId | None = None,
    ) -> Known:
        """Somebody writes; with nothing to say an entry."""
        author = PEOPLE[who] if isinstance(who, int) else who
        note = () if said else (Put("notes", b"attack", b"%d" % len(self.made)),)
        effects = tuple(entries) or note
        known = self.writing.write(author, cut, said, effects, at_ms=at_ms, release=release)
        self.s |= known.bit
        self.made.append(known)
        return known

    def closes(self, cut: Mask, who: Iterable[int]) -> list[Governance]:
        """A close of each of these."""
        return [self.writing.close(cut, PEOPLE[one].device) for one in who]

    def outcome(self) -> Outcome:
        """What it came to, after gina has told of the forks that she sees."""
        writing, s = self.writing, self.now
        j = writing.judge(s)
        told = {True: "stands", False: "void"}
        moves = tuple(
            writing.code(known)
            or ("mute" if j.mute & known.bit else told[bool(j.alive & known.bit)])
            for known in self.made
        )
        first = writing.founding.charter.admins[0].device
        lost = (j.silent & writing.honest).bit_count()
        return Outcome(lost, moves, ADMIN_ROLE in j.roles.get(first, ()))


@dataclass(frozen=True, slots=True)
class Script:
    """One attack. goal: what it may come to.

    rule: of `RULES`. quorum: of the charter's admins. founders: of `FOUNDERS`. is_told: whether
    there is evidence at the end.
    """

    play: Callable[[Play], None]
    goal: Outcome
    rule: str = "free"
    quorum: int = 0
    founders: str = "three"
    is_told: bool = True

    def played(self, seed: int) -> Play:
        """A quiet context after this attack."""
        play = quiet(seed, self.rule, self.quorum, self.founders)
        self.play(play)
        news = play.writing.news(play.now)
        if self.is_told and news:  # The honest answer.
            told = play.writing.write(PEOPLE[6], play.now, news)
            play.s |= told.bit
        return play


def quiet(seed: int, rule: str = "free", quorum: int = 0, founders: str = "three") -> Play:
    """The context with 56 honest deltas, each of which follows all before it.

    Where code is free, its first upgrade is in force when the rounds begin.
    """
    writing, mark = _quiet(seed, rule, quorum, founders)
    copy = writing.copy()
    return Play(copy, dict(mark), copy.admitted)


@cache
def _quiet(seed: int, rule: str, quorum: int, founders: str) -> tuple[Writing, dict[str, Known]]:
    ann, ben, _, dora, emil, fred, gina = PEOPLE
    founding = start(
        *FOUNDERS[founders],
        admission=Admission.CLOSED,
        constraints=RULES[rule],
        admin_quorum=quorum,
    ).again(nonce=sha256(b"quiet %d" % seed))
    writing, mark, context = Writing(founding), dict[str, Known](), founding.context
    steps: list[tuple[str, Identity, list[Governance]]] = [("0 starts", ann, [])]
    if founders == "lone":
        steps.append(("1 in", ann, [ben.admit(context)]))
        steps.append(("1 up", ann, [Promote(ben.device, ADMIN_ROLE)]))
    steps += [
        ("1 starts", ben, []),
        ("3 in", ben, [dora.admit(context)]),
        ("3 up", ben, [Promote(dora.device, ADMIN_ROLE)]),
        ("4 in", dora, [emil.admit(context)]),
        ("5 in", dora, [fred.admit(context)]),
        ("6 in", ann, [gina.admit(context)]),
    ]
    is_free = rule == "free"
    steps.append(("upgrade", ann, [Upgrade(1, manifest("1.1.0"), ())] if is_free else []))
    steps += [(f"round {n} of {w}", PEOPLE[w], []) for n in range(_ROUNDS) for w in _WRITERS]
    for place, (name, author, said) in enumerate(steps):
        entries = () if said else (Put("notes", b"k%d" % (place % 5), b"v%d" % place),)
        known = writing.write(
            author, writing.admitted, said, entries, at_ms=100 * place, honest=True
        )
        assert not writing.code(known), "a quiet context is honest"
        mark[name] = known
    assert not is_free or writing.judge(writing.admitted).release == release(manifest("1.1.0"))
    return writing, mark
