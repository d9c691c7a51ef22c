"""Many histories and all attacks against the oracle: one JSON line of statistics.

python -m covey.testkit.oracle.check FIRST COUNT
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter

from covey.model import ADMIN_ROLE, Governance, Tighten
from covey.testkit.oracle.admissible import refusal
from covey.testkit.oracle.attacks import ATTACKS
from covey.testkit.oracle.drawing import draw
from covey.testkit.oracle.faults import faults, why
from covey.testkit.oracle.history import History, parents_of
from covey.testkit.oracle.oracle import Oracle
from covey.testkit.oracle.people import FIRST
from covey.testkit.oracle.writing import Writing

__all__ = ["failed_attacks", "faults_of", "main", "statistics"]


def main() -> int:
    """Print the statistics of the histories asked for; 1 where something does not hold."""
    first, count = (int(argument) for argument in sys.argv[1:3])
    began_s = time.process_time()
    counts, found = Counter[str](), Counter[str]()
    for seed in range(first, first + count):
        writing = draw(seed)
        found.update(faults_of(writing, seed))
        counts.update(statistics(writing))
    failed = failed_attacks(first)
    line = {
        **dict(sorted(counts.items())),
        "faults": dict(found),
        "attacks": len(ATTACKS),
        "attacks failed": failed,
        "cpu_s": round(time.process_time() - began_s, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    return 1 if found or failed else 0


def faults_of(writing: Writing, seed: int) -> list[str]:
    """What does not hold of a history, and whether it is judged otherwise in another order."""
    found = faults(writing, writing.admitted)
    return found if _is_same_again(writing, seed) else [*found, "R0 order"]


def failed_attacks(seed: int) -> list[str]:
    """Attacks that came to something else than they may, or to what does not hold."""
    failed = []
    for name, script in ATTACKS.items():
        play = script.played(seed)
        came, found = play.outcome(), faults(play.writing, play.now)
        if came != script.goal or found:
            words = [", ".join(came.moves), f"{came.lost} lost", *found]
            failed.append(f"{name}: {'; '.join(words)}")
    return failed


def statistics(writing: Writing) -> Counter[str]:
    """What is in one history, and what became of it."""
    admitted = writing.admitted
    j, history = writing.judge(admitted), writing.history
    alive = [e for k in history.within(j.alive) for e in k.delta.core.governance]
    everything: list[Governance] = [
        e for k in history.within(admitted) for e in k.delta.core.governance
    ]
    counts = Counter(f"effect {type(effect).__name__.lower()}" for effect in everything)
    counts.update(
        {
            "histories": 1,
            "deltas": len(writing.deltas),
            "refused": writing.refused.bit_count(),
            "honest": writing.honest.bit_count(),
            "forks": bool(j.forked),
            "removals": j.removals[0],
            "removals standing": j.removals[1],
            "removals of a branch": sum(
                limit.through is not None for found in j.limits.values() for limit in found
            ),
            "circles": j.removals[2],
            "upgrades standing": len(j.upgrades),
            "tightens": sum(isinstance(effect, Tighten) for effect in alive),
            "no first admin": ADMIN_ROLE
            not in j.roles.get(writing.founding.charter.admins[0].device, ()),
        }
    )
    for known in history.within(writing.honest & j.silent):
        is_stolen = known.delta.core.author in writing.stolen
        cause = why(writing, admitted, known) + " (stolen key)" * is_stolen
        counts["honest void: " + cause] += 1
    counts.update(f"refused: {code}" for code in writing.codes.values())
    return counts


def _is_same_again(writing: Writing, seed: int) -> bool:
    """Whether another node, told in another order, says the same of every delta."""
    rng = random.Random(seed)  # noqa: S311 - it must repeat itself
    history = History()
    oracle = Oracle(writing.founding.charter, FIRST, history)
    waiting, refused = writing.deltas, 0
    while waiting:
        ready = [d for d in waiting if all(parent in history for parent in parents_of(d))]
        delta = rng.choice(ready)
        waiting.remove(delta)
        known = history.record(delta)
        follows = bool(known.past & refused)
        if follows or refusal(oracle, writing.founding.context, known):
            refused |= known.bit
            if not writing.code(writing.history.known[delta.id]):
                return False
        elif writing.code(writing.history.known[delta.id]):
            return False
    admitted = (1 << len(history.known)) - 1 & ~refused
    return _word(oracle, history, admitted) == _word(
        writing.oracle, writing.history, writing.admitted
    )


def _word(oracle: Oracle, history: History, mask: int) -> tuple[object, ...]:
    j = oracle.judge(mask)
    parts = (j.counted, j.alive, j.mute)
    ids = tuple(frozenset(k.delta.id for k in history.within(part)) for part in parts)
    return (*ids, j.members, j.roles, j.release, j.number, j.constraints, j.upgrades)


if __name__ == "__main__":
    raise SystemExit(main())
