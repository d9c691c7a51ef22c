"""The steps of an upgrade, each as it should be or spoiled as a plan says."""

from __future__ import annotations

from dataclasses import dataclass, field

from covey.model import (
    Add,
    Approve,
    Constraint,
    DeltaId,
    Effect,
    MemberId,
    Never,
    Publisher,
    Put,
    Quorum,
    Rule,
    Tighten,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.company import ADMINS, PLAIN, Company
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.people import KINDS, device, manifest, release
from covey.testkit.oracle.upgrade_plans import HONEST, Plan

__all__ = ["Steps", "everything"]

_DATED = ("accomplice", "dated by keys")


@dataclass
class Steps:
    """One plan under way. base: the cut on which its people begin. number: which attempt it is."""

    company: Company
    plan: Plan
    number: int
    base: Mask
    author: Identity = field(default_factory=lambda: device("ann"))
    approvals: list[Known] = field(default_factory=list)

    def quorums(self, cut: Mask) -> list[Quorum]:
        """The quorums that bind at a cut."""
        constraints = self.company.writing.judge(cut).constraints
        return sorted((c for c in constraints if isinstance(c, Quorum)), key=repr)

    # -- the release -----------------------------------------------------------------------------

    def release(self, j: Judgement, number: int, name: str = "") -> bytes:
        """What is to come into force."""
        oracle, kind = self.company.writing.oracle, self.plan.release
        now = oracle.version(j.release, self.base)
        extras = [c.rule for c in oracle.collections(j.release, self.base) if c.name == "extras"]
        good = self.company.rng.choice(("same", "same", "more"))
        if extras:
            good = "more" if extras == [Rule.REGISTER] else "rival"
        if kind == "dropped":
            kind = "same" if extras else "fewer"
        major, minor, patch = (int(part) for part in now.partition("-")[0].split("."))
        versions = {
            "longer": f"{major}.{10 if minor < 10 else minor + 1}.0",
            "downgrade": f"{major}.{minor - 1}.99" if minor else "0.99.0",
            "same version": now,
            "candidate": f"{major}.{minor}.{patch}-rc.1",
        }
        ahead = 2 if self.plan.approvals == "replayed" else 1
        version = versions.get(kind, f"{number + ahead}.9.0")
        return manifest(
            version, f"attempt {self.number}{name}", kind if kind in KINDS else good
        )  # fmt: skip

    def migration(self, packed: bytes) -> tuple[Effect, ...]:
        """What its one call writes, in a collection of its own where it has one."""
        value = b"%d" % self.number
        if b'"extras"' not in packed:
            return (Put("notes", b"migrated", value),)
        is_counter = b'"name":"extras","roles":[],"rule":"counter"' in packed
        return (Add("extras", b"migrated", 1) if is_counter else Put("extras", b"m", value),)

    # -- constraints -----------------------------------------------------------------------------

    def void_tighten(self) -> None:
        """Who is removed meanwhile locks the code: it binds nobody."""
        company = self.company
        junior = company.fresh("junior", self.base, admin=True)
        unseen = company.own(device("ann"))
        tighten = company.say(junior, self.base, Tighten(Never()), honest=False)
        close = company.say("ann", unseen, company.writing.close(unseen, junior.device))
        self.base |= everything(close)
        if company.rng.random() < 0.5 and not company.writing.code(tighten):
            self.base |= everything(tighten)

    def tighten(self, who: Identity, cut: Mask, *, is_own: bool = False) -> Known | None:
        """An admin adds a constraint: one that others can satisfy, or one's own key."""
        company, rng = self.company, self.company.rng
        keys = company.keys
        key = rng.choice(keys)
        choices: list[Constraint] = [
            Publisher(),
            Quorum(1, (key,), 0),
            Quorum(2, keys, 0),
            Quorum(1, keys, rng.choice((150, 400))),
        ]
        weaker = [Quorum(q.k - 1, q.keys, 0) for q in self.quorums(cut) if q.k > 1]
        if self.plan.tighten == "weaker" and weaker:
            choices = [*weaker]
        elif is_own:
            choices = [Quorum(1, (who.member_id,), 0)]
            company.hands[who.member_id] = who
        elif rng.random() < 0.05:
            choices = [Never()]
        cut |= company.own(who)
        bound = company.writing.judge(cut).constraints
        fresh = [constraint for constraint in choices if constraint not in bound]
        return company.say(who, cut, Tighten(rng.choice(fresh))) if fresh else None

    # -- approvals -------------------------------------------------------------------------------

    def approve(self, number: int, packs: list[bytes], voters: list[MemberId]) -> Mask:
        """Those who hold keys approve; the cut that has seen them all."""
        company, rng = self.company, self.company.rng
        hands = [company.hands[voter] for voter in voters]
        victim = self._victim(hands) if self.plan.approvals in ("withdrawn", "stolen") else None
        if victim is None and self.plan.approvals in ("withdrawn", "stolen"):
            self.plan = HONEST  # All of them are needed for other things.
        plan = self.plan
        wanted = packs
        match plan.approvals:
            case "none":
                hands = []
            case "no key":
                company.say("mal", self.base, Approve(number, release(packs[0])), honest=False)
                hands = []
            case "ahead":
                for hand in hands:
                    ahead = Approve(number + 1, release(packs[0]))
                    company.say(hand, self.base, ahead, honest=False)
                hands = []
            case "own":
                hands = [self.author]
            case "other release":
                wanted = [self.release(company.writing.judge(self.base), number, " (other)")]
            case "twice":
                self._second(hands)
        is_dated = plan.witness in _DATED
        if is_dated:  # Nobody wrote for a while.
            company.clock_ms += 2 * max(q.notice_ms for q in self.quorums(self.base))
        seen = self.base
        together = hands[-2:] if plan.approvals == "twice" else []
        for packed in dict.fromkeys(wanted):
            for hand in hands:
                is_apart = hand in (victim, *together) or rng.random() < 0.5
                cut = (self.base if is_apart else seen) | company.own(hand) & seen
                is_honest = plan.approvals in ("good", "removed later") and not is_dated
                is_next = company.writing.judge(cut | company.own(hand)).number + 1 == number
                known = company.say(
                    hand,
                    cut,
                    Approve(number, release(packed)),
                    at_ms=0 if is_dated else None,
                    honest=is_honest and is_next,
                )
                if company.writing.code(known):
                    continue
                self.approvals.append(known)
                seen |= everything(known)
                if hand is victim:
                    seen |= self._spoil(hand, known)
        return seen

    def _victim(self, hands: list[Identity]) -> Identity | None:
        """Whose approval is withdrawn, or made by a thief."""
        return next((hand for hand in hands if hand.name not in ADMINS), None)

    def _second(self, hands: list[Identity]) -> None:
        """One of them has another device, which approves beside the first."""
        plain = [hand for hand in hands if hand.name not in ADMINS] or hands
        if plain:
            hand = self.company.rng.choice(plain)
            second = device(hand.name, f"second {len(self.company.writing.history.known)}")
            effect = second.admit(self.company.writing.founding.context)
            self.base |= everything(self.company.say(hand, self.base, effect))
            hands.remove(hand)
            hands += [hand, second]

    def _spoil(self, hand: Identity, approval: Known) -> Mask:
        """Beside an approval its device is closed, or its owner writes: what others see of it."""
        company = self.company
        if self.plan.approvals == "stolen":
            company.say(hand, approval.past, is_fork=True)
            company.replace_hand(hand.member_id, self.base)
            return 0
        cut = approval.past | company.own(device("ann"))
        close = company.say("ann", cut, company.writing.close(cut, hand.device))
        company.replace_hand(hand.member_id, self.base)
        return everything(close)

    # -- notices ---------------------------------------------------------------------------------

    def notice(self, seen: Mask, stranger: Identity) -> tuple[tuple[DeltaId, ...], Mask, int]:
        """Whom the upgrade names as witness, the cut that has seen it, and when it may be."""
        company, how = self.company, self.plan.witness
        slow = [quorum for quorum in self.quorums(self.base) if quorum.notice_ms]
        if not slow:
            return (), seen, company.clock_ms + 1
        wait_ms = max(quorum.notice_ms for quorum in slow)
        witness, after = self._witness(how, slow, seen, stranger)
        after |= self._late_approval(slow, seen)
        cut = seen | after if how == "aside" else seen | after | everything(witness)
        told_ms = company.ms(witness)
        when_ms = {
            "exact": told_ms + wait_ms,
            "short": told_ms + wait_ms - 1,
            "early": told_ms + wait_ms // 2,
            "late": told_ms + 1,
            "accomplice": max(company.clock_ms, told_ms + wait_ms),
            "dated by keys": max(company.clock_ms, told_ms + wait_ms),
        }.get(how, told_ms + wait_ms + company.rng.randint(0, 50))
        company.clock_ms = max(company.clock_ms, when_ms)
        return () if how == "none" else (witness.delta.id,), cut, when_ms

    def _witness(
        self, how: str, slow: list[Quorum], seen: Mask, stranger: Identity
    ) -> tuple[Known, Mask]:
        """Somebody follows the approvals, or what the plan has instead; and what came of it."""
        company, rng = self.company, self.company.rng
        match how:
            case "late":
                company.clock_ms += 2 * max(quorum.notice_ms for quorum in slow)
            case "by a key" | "dated by keys":
                hand = company.hands[rng.choice(rng.choice(slow).keys)]
                at_ms = 0 if how == "dated by keys" else None
                return company.say(hand, seen, at_ms=at_ms, honest=False), 0
            case "accomplice":
                return company.say("mal", seen, at_ms=0, honest=False), 0
            case "before":
                return company.say(stranger, self.base), 0
            case "partial":
                cut = self.base
                for known in self.approvals[:-1]:
                    cut |= everything(known)
                return company.say(stranger, cut), 0
            case "void":
                sock = company.fresh("sock", self.base)
                cut = company.own(device("ann"))
                witness = company.say(sock, cut | seen)
                close = company.say("ann", cut, company.writing.close(cut, sock.device))
                return witness, everything(close)
        return company.say(stranger, seen), 0

    def _late_approval(self, slow: list[Quorum], seen: Mask) -> Mask:
        """One more holder of a key approves, when there is a witness already."""
        company, rng = self.company, self.company.rng
        if not self.approvals or self.plan.approvals != "good" or rng.random() < 0.6:
            return 0
        given = {known.delta.core.author for known in self.approvals}
        hands = [company.hands[key] for key in slow[0].keys]
        (said,) = self.approvals[-1].delta.core.governance
        for hand in [one for one in hands if one.device not in given][:1]:
            known = company.say(hand, seen, said, honest=False)
            return 0 if company.writing.code(known) or rng.random() < 0.5 else everything(known)
        return 0

    # -- what others write -----------------------------------------------------------------------

    def calls(self, known: Known, packed: bytes) -> None:
        """Calls meanwhile and afterwards; under a release that is refused, an attacker's."""
        company, rng = self.company, self.company.rng
        if rng.random() < 0.5:
            company.say(PLAIN[0], self.base)
        if company.writing.code(known):
            if rng.random() < 0.5:
                company.say("mal", company.now, release=release(packed), honest=False)
        elif rng.random() < 0.8:
            company.say(PLAIN[1], everything(known))


def everything(known: Known) -> Mask:
    """A delta and all that it follows."""
    return known.past | known.bit
