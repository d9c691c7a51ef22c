"""Random upgrade schedules: who tries what to change the code of a context, path after path."""

from __future__ import annotations

import random
from dataclasses import dataclass

from covey.model import (
    ADMIN_ROLE,
    Approve,
    DeltaId,
    Governance,
    MemberId,
    Never,
    Promote,
    Quorum,
    Tighten,
    Upgrade,
)
from covey.testkit.identities import Identity
from covey.testkit.oracle.company import ADMINS, PLAIN, Attempt, Company
from covey.testkit.oracle.history import Known
from covey.testkit.oracle.judgement import Judgement, Mask
from covey.testkit.oracle.people import device, manifest, release
from covey.testkit.oracle.upgrade_plans import FORGED, HONEST, LOCKED, PLANS, SUCCESSOR, Plan
from covey.testkit.oracle.upgrade_steps import Steps, everything

__all__ = ["draw_schedule"]

_LONG_MS = 10**6


def draw_schedule(seed: int) -> Company:
    """A schedule of some attempts, the same for a seed every time."""
    rng = random.Random(seed)  # noqa: S311 - it must repeat itself
    company = Company.draw(rng)
    marks = [company.now]
    for number in range(rng.randint(6, 9)):
        base = company.now if rng.random() < 0.7 else rng.choice(marks[-3:])
        company.stale += base != company.now
        marks.append(company.now)
        j = company.writing.judge(base)
        plans = [plan for plan in PLANS if _makes_sense(plan, j)]
        plan = rng.choices(plans, [each.weight for each in plans])[0]
        _Attempt(company, HONEST if rng.random() < 0.2 else plan, number, base).run()
    if rng.random() < 0.3:
        _forge(company)
    return company


def _makes_sense(plan: Plan, j: Judgement) -> bool:
    quorums = [c for c in j.constraints if isinstance(c, Quorum)]
    match plan.needs:
        case "quorum":
            return bool(quorums)
        case "two":
            return any(quorum.k > 1 for quorum in quorums)
        case "notice":
            return any(quorum.notice_ms for quorum in quorums)
        case "never":
            return Never() in j.constraints
    return True


def _forge(company: Company) -> None:
    """What another signed: an approval of a release, and the release itself."""
    number = company.writing.judge(company.now).number + 1
    packed = manifest("99.0.0", "forged", "more")
    one, other = FORGED
    hand = company.hands[company.keys[0]]
    company.forge(one, hand, company.now, Approve(number, release(packed)))
    company.forge(other, device("ann"), company.now, Upgrade(number, packed, ()))


@dataclass
class _Attempt(Steps):
    """One plan carried out."""

    removal: Known | None = None

    def run(self) -> None:
        """Write all that belongs to it, and what others write meanwhile and afterwards."""
        company, plan, rng = self.company, self.plan, self.company.rng
        self.author = self._author()
        quorums = self.quorums(self.base)
        voters = self._voters(quorums)
        stranger = device(rng.choice(PLAIN))
        self.base |= company.own(*(company.hands[v] for v in voters), stranger, self.author)
        if self.quorums(self.base) != quorums:  # Somebody knew of a tighten: all begin again.
            self.base = company.now
            voters = self._voters(self.quorums(self.base))
        if plan.author in ("removed", "demoted", "promoted by who was removed"):
            self.removal = self._remove()
        if plan.tighten == "void":
            self.void_tighten()
        j = company.writing.judge(self.base)
        packs = [self.release(j, j.number + 1)]
        if plan.is_rival:
            packs.append(packs[0] if rng.random() < 0.2 else self.release(j, j.number + 1, "'"))
        if plan.tighten in ("own", "before", "weaker"):
            who = device("ann") if plan.tighten == "before" else self.author
            known = self.tighten(who, self.base, is_own=plan.tighten == "own")
            self.base |= everything(known) if known else 0
        seen = self.approve(j.number + 1, packs, voters)
        number = j.number + 1
        if plan.approvals == "replayed":
            _Attempt(company, HONEST, self.number + 50, company.now).run()
            seen = company.now
            number = company.writing.judge(seen).number + 1
        witnesses, cut, at_ms = self.notice(seen, stranger)
        self._upgrade(number, packs, witnesses, cut, at_ms)

    def _upgrade(
        self,
        number: int,
        packs: list[bytes],
        witnesses: tuple[DeltaId, ...],
        cut: Mask,
        at_ms: int,
    ) -> None:
        company, plan, rng = self.company, self.plan, self.company.rng
        if plan.approvals == "unseen":
            cut, witnesses = self.base, ()
        if self.removal is not None:
            cut |= everything(self.removal)
        when = {"": at_ms, "tiny": 0, "huge": at_ms + _LONG_MS}[plan.time]
        said = number + plan.number or number + 1
        is_stolen = plan.author == "thief of an admin's key"
        cut |= company.own(self.author)
        if is_stolen:
            company.say(self.author, cut)  # The owner, at the same time.
        authors = [self.author, *([self._rival()] if plan.is_rival else [])]
        for author, packed in zip(authors, packs, strict=True):
            if author is not self.author and company.own(author) & ~cut:
                continue  # It knows of more than this cut.
            if plan.is_rival:
                when = at_ms + rng.choice((0, 1, _LONG_MS))
            is_due = plan.is_honest and self._can(cut, author)
            entries = self.migration(packed) if rng.random() < 0.3 else ()
            known = company.say(
                author,
                cut,
                *self._said(Upgrade(said, packed, witnesses)),
                at_ms=when,
                honest=is_due,
                entries=entries,
                is_fork=True,  # The cut has all that its author wrote, should it be honest.
            )
            is_locked = Never() in company.writing.judge(cut).constraints
            path = LOCKED if plan.is_honest and is_locked else plan.name
            company.attempts.append(Attempt(path, known, is_due))
            self.calls(known, packed)
        self._afterwards(company.attempts[-1].known)

    def _said(self, upgrade: Upgrade) -> tuple[Governance, ...]:
        if self.plan.tighten == "together":
            return (upgrade, Tighten(Quorum(1, (self.author.member_id,), 0)))
        return (upgrade,)

    def _afterwards(self, known: Known) -> None:
        """What others do about it, who saw it or who did not."""
        company, plan = self.company, self.plan
        if company.writing.code(known):
            return
        is_to_fall = plan.author.endswith("meanwhile") or plan.tighten == "missed"
        if is_to_fall and company.rng.random() < 0.4:
            _Attempt(company, SUCCESSOR, self.number + 70, everything(known)).run()
        if plan.tighten == "after":
            self.tighten(self._rival(), everything(known))
        if plan.tighten == "missed":
            self.tighten(self._rival(), self.base)
        if plan.author.endswith("meanwhile"):
            self._remove()
        if plan.author == "removed later":
            self.base |= everything(known)
            self._remove()
        if plan.approvals == "removed later":
            hands = [company.hands[member] for member in company.keys]
            approved = {each.delta.core.author for each in self.approvals}
            for hand in [h for h in hands if h.device in approved and h.name not in ADMINS][:1]:
                cut = self.base | company.own(device("ann"))
                company.say("ann", cut, company.writing.close(cut, hand.device))
                company.replace_hand(hand.member_id, self.base)
        news = company.writing.news(company.now)
        if news:
            company.say(PLAIN[0], company.now, *news)

    # -- who -------------------------------------------------------------------------------------

    def _author(self) -> Identity:
        company, plan = self.company, self.plan
        match plan.author:
            case "honest":
                roles = company.writing.judge(self.base).roles
                names = [n for n in ADMINS if ADMIN_ROLE in roles.get(device(n).device, ())]
                return device(company.rng.choice(names or ["ann"]))
            case "ordinary":
                return device("mal")
            case "outsider":
                return device("outsider")
            case "promoted by who is removed meanwhile" | "promoted by who was removed":
                patron = company.fresh("patron", self.base, admin=True)
                client = company.fresh("client", self.base)
                cut = company.own(client)
                grant = company.say(patron, cut, Promote(client.device, ADMIN_ROLE))
                company.home[client.device] = everything(grant)
                return client
        one = company.fresh("junior", self.base, admin=True)
        self.base |= company.own(device("ann"))
        return one

    def _rival(self) -> Identity:
        """Another honest admin than the author."""
        roles = self.company.writing.judge(self.base).roles
        names = [
            name
            for name in ADMINS
            if ADMIN_ROLE in roles.get(device(name).device, ()) and name != self.author.name
        ]
        return device(self.company.rng.choice(names or ["dora"]))

    def _remove(self) -> Known:
        """The first admin removes the author, or who promoted it, and spares what it has seen."""
        company, target = self.company, self.author.device
        writing, cut = company.writing, company.own(device("ann"))
        if "promoted" in self.plan.author:
            grant = writing.judge(company.now).promotes[target][0].known
            return company.say("ann", cut, writing.close(cut, grant.delta.core.author))
        cut |= self.base
        if "demoted" in self.plan.author:
            return company.say("ann", cut, writing.demote(cut, target, ADMIN_ROLE))
        return company.say("ann", cut, writing.close(cut, target))

    def _can(self, cut: Mask, author: Identity) -> bool:
        """Whether nothing but what the plan spoils stands in the way."""
        j = self.company.writing.judge(cut)
        return Never() not in j.constraints and ADMIN_ROLE in j.roles.get(author.device, ())

    def _voters(self, quorums: list[Quorum]) -> list[MemberId]:
        """Just enough keys for every quorum; one too few of one of them, where the plan says so."""
        rng, plan, voters = self.company.rng, self.plan, dict[MemberId, None]()
        is_few = plan.approvals in ("few", "twice")
        fit = [q for q in quorums if q.k > 1 or plan.approvals == "few"]
        weak = rng.choice(fit) if is_few and fit else None
        if weak is not None:
            voters.update(dict.fromkeys(rng.sample(weak.keys, weak.k - 1)))
        for quorum in quorums:
            left = [
                key
                for key in quorum.keys
                if key not in voters and (weak is None or key not in weak.keys)
            ]
            missing = quorum.k - sum(key in voters for key in quorum.keys)
            voters.update(dict.fromkeys(rng.sample(left, max(0, min(len(left), missing)))))
        spare = [key for quorum in quorums for key in quorum.keys if key not in voters]
        is_usual = plan.approvals == "good" and plan.witness in ("good", "exact")
        if spare and is_usual and rng.random() < 0.3:
            voters[rng.choice(spare)] = None  # One more than it takes.
        return list(voters)
