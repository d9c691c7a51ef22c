"""Upgrade schedules with attackers, on replicas beside the oracle and the naive reading.

    python -m covey.testkit.oracle.upgrades FIRST COUNT

What is held: in every order of arrival a replica comes to what the oracle says; after every single
delta the release in force there is the one that `naive_code.py` allows for what is applied; no
upgrade without authority is ever applied, none with it ever refused, nor any honest delta. Prints
one JSON line; of each path how often it was tried, refused, without effect in the end, in force on
some node at some time, and in force in the end. Exit code 1 if anything does not hold.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from covey.codec import cid_of, is_delta_signed
from covey.governance import witnesses_for
from covey.model import Approve, Delta, DeltaId, Quorum, ReleaseId, milliseconds
from covey.sync import Ledger
from covey.testkit.oracle.company import Company
from covey.testkit.oracle.drawing import orders
from covey.testkit.oracle.history import parents_of
from covey.testkit.oracle.naive import Ids
from covey.testkit.oracle.naive_code import Code
from covey.testkit.oracle.nodes import LATE_S, WATCHER, compare, digest_of, outcome
from covey.testkit.oracle.schedules import draw_schedule
from covey.testkit.oracle.upgrade_plans import FORGED, PLANS
from covey.testkit.playbook import Stage

__all__ = ["COLUMNS", "Trial", "counts", "main", "tried"]

COLUMNS = ("tried", "refused", "no effect", "in force", "at the end")


@dataclass
class Trial:
    """One schedule on nodes. faults: what did not hold. ran: releases in force anywhere, ever."""

    company: Company
    code: Code
    faults: list[str] = field(default_factory=list)
    ran: set[ReleaseId] = field(default_factory=set)
    prefixes: int = 0
    restarts: int = 0

    def fault(self, what: str, delta: DeltaId | None = None) -> None:
        """Note what does not hold."""
        self.faults.append(what if delta is None else f"{what}: {self.name(delta)}")

    def name(self, delta: DeltaId) -> str:
        """What is known of a delta."""
        paths = [each.path for each in self.company.attempts if each.known.delta.id == delta]
        place = list(self.code.delta).index(delta)
        return f"delta {place} ({', '.join(paths) or 'no upgrade'})"


def tried(seed: int) -> Trial:
    """Carry out a schedule, and hold nodes against it in four orders."""
    company = draw_schedule(seed)
    writing = company.writing
    trial = Trial(company, Code(writing.founding.charter, writing.deltas))
    context = writing.founding.context
    for path, delta in company.forged:
        if is_delta_signed(context, delta):
            trial.fault(f"a signature of another: {path}")
    if not all(is_delta_signed(context, delta) for delta in writing.deltas):
        trial.fault("a signature that is none")
    j = writing.judge(writing.admitted)
    digest = digest_of(writing, j)
    for number, order in enumerate(orders(writing.deltas, seed)):
        ledger = _deliver(trial, order, number, random.Random(seed))  # noqa: S311 - it repeats
        what = compare(writing, j, ledger)
        if not what and ledger.digest() != digest:
            what = "another digest"
        if what:
            trial.fault(f"order {number}: {what}")
        _hold(trial, ledger)
    return trial


def _deliver(
    trial: Trial, order: tuple[Delta, ...], number: int, rng: random.Random
) -> Ledger:  # fmt: skip
    """Hand over what can be judged, and look at the release after each; restarts in between."""
    stage = Stage(trial.company.writing.founding, WATCHER, now=LATE_S)
    waiting, applied = list(order), frozenset[DeltaId]()
    while waiting:
        later = []
        for delta in waiting:
            if not all(parent in applied for parent in parents_of(delta)):
                later.append(delta)
                continue
            if number == 0 and trial.code.upgrade(delta.id) is not None:
                _look_for_witnesses(trial, stage.replica.ledger, delta, applied)
            stage.receive(delta)
            if stage.replica.ledger.is_applied(delta.id):
                applied |= {delta.id}
                _look(trial, stage.replica.ledger, applied, number)
            if rng.random() < 0.03:
                stage = _restarted(trial, stage)
        if len(later) == len(waiting):
            break
        waiting = later
    return _restarted(trial, stage).replica.ledger


def _restarted(trial: Trial, stage: Stage) -> Stage:
    again = stage.restarted()
    trial.restarts += 1
    if outcome(again.replica.ledger) != outcome(stage.replica.ledger):
        trial.fault("a restart finds something else")
    return again


def _look(trial: Trial, ledger: Ledger, applied: Ids, number: int) -> None:
    """What is in force after one more delta is what the text allows."""
    trial.prefixes += 1
    rule = ledger.governor.rule(ledger.authority)
    trial.ran.add(rule.release)
    if (rule.number, rule.release) != trial.code.in_force(applied):
        trial.fault(f"order {number}, {len(applied)} deltas: another release in force")


def _look_for_witnesses(trial: Trial, ledger: Ledger, delta: Delta, applied: Ids) -> None:
    """Whom a node would name as witnesses is enough wherever anybody is."""
    upgrade, code, time_ms = trial.code.upgrade(delta.id), trial.code, delta.core.time
    assert upgrade is not None
    wanted = Approve(upgrade.number, ReleaseId(cid_of(upgrade.manifest)))
    found = witnesses_for(
        ledger.governor, ledger.authority, wanted.number, wanted.release, time_ms
    )  # fmt: skip
    slow = [
        quorum
        for quorum in dict.fromkeys(code.constraints(applied))
        if isinstance(quorum, Quorum) and quorum.notice_ms
    ]

    def shows(names: Iterable[DeltaId], quorum: Quorum) -> bool:
        return code.is_approved(applied, wanted, milliseconds(time_ms), names, quorum)

    if any(shows(found, quorum) != shows(applied, quorum) for quorum in slow):
        trial.fault("a node names other witnesses", delta.id)
    if not all(any(shows((name,), quorum) for quorum in slow) for name in found):
        trial.fault("a node names witnesses of nothing", delta.id)


def _hold(trial: Trial, ledger: Ledger) -> None:
    """No upgrade without authority is applied; none with it is refused, nor what is honest."""
    writing, code = trial.company.writing, trial.code
    for delta in writing.deltas:
        is_applied = ledger.is_applied(delta.id)
        is_founded = all(ledger.is_applied(parent) for parent in parents_of(delta))
        if code.upgrade(delta.id) is not None and is_founded:
            why = code.refusal(delta.id)
            if is_applied and why:
                trial.fault(f"applied without authority, since {why}", delta.id)
            if not is_applied and not why:
                trial.fault("refused with authority", delta.id)
    for known in writing.history.within(writing.honest):
        if not ledger.is_applied(known.delta.id):
            trial.fault(f"honest, and refused ({writing.code(known)})", known.delta.id)
    for attempt in trial.company.attempts:
        if attempt.is_due and code.refusal(attempt.known.delta.id):
            why = code.refusal(attempt.known.delta.id)
            trial.fault(f"due, and not authorised, since {why}", attempt.known.delta.id)


def counts(trial: Trial) -> Iterator[tuple[str, str]]:
    """Of each attempt its path and what became of it."""
    writing = trial.company.writing
    j = writing.judge(writing.admitted)
    for attempt in trial.company.attempts:
        known, path = attempt.known, attempt.path
        yield path, "tried"
        release = j.upgrades.get(known.delta.id, (0, None))[1]
        if writing.code(known):
            yield path, "refused"
        elif release is None:
            yield path, "no effect"
        upgrade = trial.code.upgrade(known.delta.id)
        assert upgrade is not None
        if ReleaseId(cid_of(upgrade.manifest)) in trial.ran and not writing.code(known):
            yield path, "in force"
        if release == j.release:
            yield path, "at the end"
    for path, _ in trial.company.forged:
        yield path, "tried"
        yield path, "refused"


def statistics(trial: Trial) -> dict[str, int]:
    """What is in one schedule."""
    writing, company = trial.company.writing, trial.company
    j, history = writing.judge(writing.admitted), writing.history
    upgrades = [known for known in history.known.values() if trial.code.upgrade(known.delta.id)]
    return {
        "deltas": len(writing.deltas),
        "honest": writing.honest.bit_count(),
        "refused": writing.refused.bit_count(),
        "void": j.void.bit_count(),
        "mute": j.mute.bit_count(),
        "forks": len(j.forked),
        "removals": j.removals[0],
        "upgrades": len(upgrades),
        "migrations": sum(bool(known.payload.calls) for known in upgrades),
        "on a stale cut": company.stale,
        "authorised": sum(not trial.code.refusal(known.delta.id) for known in upgrades),
        "due": sum(attempt.is_due for attempt in company.attempts),
        "prefixes": trial.prefixes,
        "restarts": trial.restarts,
    }


def main() -> int:
    """Try some schedules."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    began_s = time.process_time()
    paths, found = Counter[tuple[str, str]](), list[str]()
    sums = Counter[str]()
    for seed in range(first, first + count):
        trial = tried(seed)
        paths.update(counts(trial))
        found += [f"schedule {seed}: {what}" for what in trial.faults]
        sums.update(statistics(trial))
    names = [*(plan.name for plan in PLANS), *FORGED]
    line = {
        "schedules": count,
        **sums,
        "cpu_s": round(time.process_time() - began_s, 1),
        "paths": {name: [paths[name, column] for column in COLUMNS] for name in names},
        "faults": found[:20],
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
