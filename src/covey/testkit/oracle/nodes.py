"""Replicas beside the oracle: random histories, in four orders of arrival each.

    python -m covey.testkit.oracle.nodes FIRST COUNT

What is compared: which deltas are applied, which of those have no effect, whose each device is and
what it may do, who was closed, the release and the code rule, and the digest of it all; and that a
restart finds the same. All of it at the end of each order, and what is said of authority after each
delta of three of them, too; in the last nobody asks on the way, for that fills a replica's memory.
Prints one JSON line; exit code 1 if anything differs.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace

from covey.codec import constraint_packed, decode_manifest, pack
from covey.crypto import Tag, tagged_hash
from covey.model import Delta, Put, Rule
from covey.sync import Ledger
from covey.testkit.history import START_MS, lane_sum
from covey.testkit.identities import identity
from covey.testkit.oracle.agreement import disagreement
from covey.testkit.oracle.drawing import draw, orders
from covey.testkit.oracle.history import Known, parents_of
from covey.testkit.oracle.judgement import Judgement
from covey.testkit.oracle.oracle import upgrade_of
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import Stage
from covey.testkit.sim.checkers.reference import fold

__all__ = ["LATE_S", "WATCHER", "compare", "differences", "digest_of", "outcome"]

LATE_S = START_MS / 1_000 + 10**7
WATCHER = identity("watcher of the oracle")

_STEPPED_COUNT = 3  # orders that are compared after each delta


def differences(seed: int, steps: int = 60) -> tuple[Writing, list[str]]:
    """A history, and in what replicas that take it in differ from the oracle's word."""
    writing = draw(seed, steps)
    j = writing.oracle.judge(writing.admitted)
    digest = digest_of(writing, j)
    found = []
    for number, order in enumerate(orders(writing.deltas, seed)):
        stage = Stage(writing.founding, WATCHER, now=LATE_S)
        what = _deliver(writing, stage, order, is_stepped=number < _STEPPED_COUNT)
        ledger = stage.replica.ledger
        what = what or compare(writing, j, ledger)
        if not what and ledger.digest() != digest:
            what = "another digest"
        again = stage.restarted().replica.ledger
        if not what and outcome(again) != outcome(ledger):
            what = "a restart finds something else"
        if what:
            found.append(f"history {seed}, order {number}: {what}")
    return writing, found


def _deliver(writing: Writing, stage: Stage, order: tuple[Delta, ...], *, is_stepped: bool) -> str:
    """Hand over what can be judged, again and again, until nothing more can be.

    is_stepped: whether it is compared after each delta. Returns in what the replica differs from
    the oracle after one of them, or nothing.
    """
    ledger, waiting, held = stage.replica.ledger, list(order), 0
    while waiting:
        later = []
        for delta in waiting:
            if not all(ledger.is_applied(parent) for parent in parents_of(delta)):
                later.append(delta)
                continue
            stage.receive(delta)
            if is_stepped and ledger.is_applied(delta.id):
                held |= writing.history.known[delta.id].bit
                what = _unlike(writing, writing.oracle.judge(held), ledger)
                if what:
                    return f"{what}, after delta {held.bit_count()}"
        if len(later) == len(waiting):
            break
        waiting = later
    return ""


def compare(writing: Writing, j: Judgement, ledger: Ledger) -> str:
    """In what a node that holds all of a history differs from the oracle's word, or nothing."""
    for known in writing.history.known.values():
        is_applied = ledger.is_applied(known.delta.id)
        if is_applied != bool(known.bit & j.s):
            code = writing.codes.get(known.delta.id, "admissible")
            what = "applied" if is_applied else "not applied"
            return f"{known.delta.id.hex()[:8]} is {what}, which the oracle calls {code}"
    return _unlike(writing, j, ledger)


def _unlike(writing: Writing, j: Judgement, ledger: Ledger) -> str:
    silent = frozenset(known.delta.id for known in writing.history.within(j.silent))
    return disagreement(ledger, j, silent)


def outcome(ledger: Ledger) -> tuple[object, ...]:
    """What a restart must find again."""
    authority = ledger.authority
    return (ledger.digest(), authority.void, authority.mutual, ledger.governor.rule(authority))


def digest_of(writing: Writing, j: Judgement) -> bytes:
    """The state digest of the word on a set of deltas."""
    elements = [pack((4, j.release))]
    elements += [pack((3, device, member)) for device, member in j.members.items()]
    elements += [pack((5, device)) for device in j.closed]
    elements += [pack((6, device, role)) for device, held in j.roles.items() for role in held]
    elements += [pack((7, constraint_packed(constraint))) for constraint in j.constraints]
    for (_, rule), known in sorted(_by_rule(writing, j).items(), key=lambda item: item[0]):
        elements += _elements(known, Rule(rule))
    return tagged_hash(Tag.DIGEST, writing.founding.context, lane_sum(elements))


def _by_rule(writing: Writing, j: Judgement) -> dict[tuple[str, str], list[Known]]:
    """What speaks of each collection, which is a name and a rule; with nothing but that."""
    parts: dict[tuple[str, str], list[Known]] = {}
    for known in writing.history.within(j.s & ~j.silent):
        upgrade = upgrade_of(known)
        release = known.delta.core.release
        declared = (
            writing.oracle.collections(release, known.past)
            if upgrade is None
            else decode_manifest(upgrade.manifest).collections
        )
        for collection in declared:
            place = (collection.name, collection.rule.value)
            parts.setdefault(place, []).append(_only(known, collection.name))
    return parts


def _only(known: Known, name: str) -> Known:
    """A delta without its effects on other collections; indices stay."""
    flat = [effect for effects in known.payload.effects for effect in effects]
    kept = tuple(effect if effect.collection == name else Put("", b"", b"") for effect in flat)
    return replace(known, payload=replace(known.payload, effects=(kept,)))


def _elements(known: list[Known], rule: Rule) -> list[bytes]:
    names = {e.collection for each in known for effects in each.payload.effects for e in effects}
    places = {name: (name, rule) for name in names}
    live = fold(known, lambda _each: places)
    elements = []
    for (name, key), winner in live.items():
        if not name:
            continue
        if isinstance(winner, int):
            elements.append(pack((2, name, key, winner.to_bytes(16, "big", signed=True))))
        else:
            stamp, delta, index, value = winner
            elements.append(pack((1, name, key, value, stamp, delta, index)))
    return elements


def main() -> int:
    """Compare some histories."""
    first, count = int(sys.argv[1]), int(sys.argv[2])
    began = time.process_time()
    deltas, found = 0, []
    for seed in range(first, first + count):
        writing, different = differences(seed)
        deltas += len(writing.deltas)
        found += different
    spent = round(time.process_time() - began, 1)
    line = {"histories": count, "deltas": deltas, "cpu_s": spent, "differences": found[:20]}
    print(json.dumps(line))  # noqa: T201 - this is what it is for
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
