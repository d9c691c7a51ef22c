"""Vectors of meaning: small histories with the state they make, and deltas a cut does not allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from covey.codec import cid_of, pack
from covey.crypto import sha256
from covey.model import (
    Add,
    Collection,
    Delete,
    Delta,
    HybridTime,
    Merge,
    Put,
    ReleaseId,
    Rule,
)
from covey.testkit.history import History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.vectors.form import Case, Json, Vectors, case

__all__ = ["admissibility", "merges"]

ANN, BEN, CARA, EVE = identity("ann"), identity("ben"), identity("cara"), identity("eve")
PHONE = identity("ann", "phone")
FOUNDING = found(ANN, BEN)
CONTEXT = FOUNDING.context
NOTE = Put("notes", b"k", b"v")
JUDGED = replace(
    FOUNDING,
    collections=(
        *FOUNDING.collections,
        Collection("badges", Rule.OWNED, ("admin",)),
        Collection("verdicts", Rule.FROZEN, ("admin",)),
    ),
)
"""The same, with entries that are owned or frozen and take a role too."""


def merges() -> Vectors:
    """Histories in an order of their causality, and what they make in every such order."""
    made = {
        "nothing": lambda _: None,
        "register: the later put wins": _register,
        "register: of equal times the greater id wins": _tie,
        "register: a delete later than a put": _deleted,
        "register: a put later than a delete": _undeleted,
        "register: the later effect of one delta wins": _index,
        "counter: concurrent adds": _counter,
        "counter: a sum beyond 64 bits": _overflow,
        "frozen: of concurrent puts the first stays": _frozen,
        "owned: two devices of one member": _owned,
        "a fork: both branches merge": _fork,
        "an admission": _admission,
        "two admissions of one device": _admissions,
        "a merge of heads": _merged,
    }
    return Vectors(
        "deltas: frames in one causal order, in a context with the collections named. What they "
        "make in any order: frontier, heads, live entries, exact counters, members, roles, the "
        "elements of the state digest and the digests.",
        tuple(_outcome(name, make) for name, make in made.items()),
        (),
    )


def _outcome(name: str, make: Callable[[History], object]) -> Case:
    history = History(FOUNDING)
    make(history)
    ids = frozenset(history.deltas)
    entries, counters = history.entries(ids), history.counters(ids)
    frontier = history.frontier(ids)
    return case(
        name,
        context=CONTEXT,
        charter=FOUNDING.packed,
        collections=_collections(FOUNDING.collections),
        deltas=[w.delta.frame.hex() for w in history.deltas.values()],
        frontier=[[d.hex(), [[t.sequence, t.id.hex()] for t in tips]]
                  for d, tips in frontier.items()],
        heads=[head.hex() for head in history.maximal(ids)],
        entries=[[c, k.hex(), v.hex(), str(s[0]), s[1].hex(), s[2]]
                 for (c, k), (v, s) in sorted(entries.items())],
        counters=[[c, k.hex(), str(total)] for (c, k), total in sorted(counters.items())],
        members=[[d.hex(), m.hex()] for d, m in sorted(history.members(ids).items())],
        roles=[
            [d.hex(), role]
            for d, roles in sorted(history.judged(ids)[0].roles.items())
            for role in sorted(roles)
        ],
        elements=sorted(element.hex() for element in history.elements(ids)),
        state_digest=history.digest(ids),
    )  # fmt: skip


def _collections(collections: tuple[Collection, ...]) -> list[Json]:
    return [[c.name, c.rule.value, list(c.roles)] for c in collections]


def _register(h: History) -> None:
    first = h.write(ANN, (), [NOTE])
    h.write(BEN, (first.id,), [Put("notes", b"k", b"later")])
    h.write(ANN, (first.id,), [Put("notes", b"other", b"w")])


def _tie(h: History) -> None:
    h.write(ANN, (), [Put("notes", b"k", b"ann")])
    h.write(BEN, (), [Put("notes", b"k", b"ben")])


def _deleted(h: History) -> None:
    first = h.write(ANN, (), [NOTE])
    h.write(BEN, (first.id,), [Delete("notes", b"k")])
    h.write(ANN, (first.id,), [Put("notes", b"l", b"w")])


def _undeleted(h: History) -> None:
    first = h.write(ANN, (), [NOTE])
    gone = h.write(BEN, (first.id,), [Delete("notes", b"k")])
    time = HybridTime(gone.core.time + 5)
    h.write(ANN, (first.id,), [Put("notes", b"k", b"again")], time=time)


def _index(h: History) -> None:
    h.write(ANN, (), [NOTE], [Delete("notes", b"k")], [Put("notes", b"k", b"third")])


def _counter(h: History) -> None:
    first = h.write(ANN, (), [Add("likes", b"k", 5)], [Add("likes", b"k", -2)])
    h.write(BEN, (), [Add("likes", b"k", 10), Add("likes", b"zero", 0)])
    h.write(ANN, (first.id,), [Add("likes", b"k", 1)])


def _overflow(h: History) -> None:
    h.write(ANN, (), [Add("likes", b"k", 2**63 - 1)], [Add("likes", b"k", 2**63 - 1)])
    h.write(BEN, (), [Add("likes", b"k", 7), Add("likes", b"low", -(2**63))])
    h.write(BEN, (h.maximal(frozenset(h.deltas))[0],), [Add("likes", b"low", -1)])


def _frozen(h: History) -> None:
    admit = h.write(ANN, (), governance=(PHONE.admit(CONTEXT),))
    key = ANN.member_id + b"1"
    first = h.write(ANN, (admit.id,), [Put("posts", key, b"first")])
    h.write(PHONE, (admit.id,), [Put("posts", key, b"second")])
    h.write(BEN, (), [Put("posts", sha256(b"same"), b"same")])
    h.write(ANN, (first.id,), [Put("posts", sha256(b"same"), b"same")])


def _owned(h: History) -> None:
    admit = h.write(ANN, (), governance=(PHONE.admit(CONTEXT),))
    h.write(ANN, (admit.id,), [Put("profiles", ANN.member_id, b"from the desk")])
    h.write(PHONE, (admit.id,), [Put("profiles", ANN.member_id, b"from the road")])


def _fork(h: History) -> None:
    first = h.write(ANN, (), [NOTE])
    left = h.write(ANN, (first.id,), [Put("notes", b"k", b"left")], [Add("likes", b"k", 1)])
    right = h.write(ANN, (first.id,), [Put("notes", b"k", b"right")], [Add("likes", b"k", 2)])
    h.write(BEN, (left.id, right.id), [Put("notes", b"seen", b"both")])


def _admission(h: History) -> None:
    admit = h.write(ANN, (), governance=(CARA.admit(CONTEXT),))
    h.write(CARA, (admit.id,), [NOTE])


def _admissions(h: History) -> None:
    h.write(ANN, (), governance=(CARA.admit(CONTEXT),))
    h.write(BEN, (), governance=(CARA.admit(CONTEXT), PHONE.admit(CONTEXT)))


def _merged(h: History) -> None:
    one, two = h.write(ANN, (), [NOTE]), h.write(BEN, (), [NOTE])
    h.write(ANN, (one.id, two.id), governance=(Merge(),))


def admissibility() -> Vectors:
    """Deltas after a small history: allowed by their cut, or not, with the code."""
    h = History(JUDGED)
    admit = h.write(ANN, (), governance=(CARA.admit(CONTEXT),))
    key = CARA.member_id + b"1"
    post = h.write(CARA, (admit.id,), [Put("posts", key, b"v")])
    left = h.write(BEN, (admit.id,), [NOTE])
    right = h.write(BEN, (admit.id,), [Put("notes", b"k", b"other")])
    ann = h.write(ANN, (post.id, right.id), [NOTE])
    verdict = h.write(ANN, (ann.id,), [Put("verdicts", ANN.member_id, b"v")])
    base = [w.delta.frame.hex() for w in h.deltas.values()]
    allowed = {**_allowed(h, admit, post), **_allowed_by_role(h, verdict)}
    denied = {**_denied(h, admit, post, left, ann), **_denied_by_role(h, post, verdict)}

    def made(name: str, delta: Delta) -> Case:
        return case(name, context=CONTEXT, frame=delta.frame)

    return Vectors(
        "Each frame is judged by a node that applied the deltas of the case 'base' before, in "
        "that order; `charter` and `collections` are the context's. `refused`: frames that it "
        "judged after those, and refused. Valid: admissible.",
        (
            case("base", context=CONTEXT, charter=FOUNDING.packed, deltas=base,
                 collections=_collections(JUDGED.collections)),
            *(made(name, delta) for name, delta in allowed.items()),
        ),
        (
            *({**made(n, delta), "code": code} for n, (delta, code) in denied.items()),
            *_following(h, post),
        ),
    )  # fmt: skip


def _following(h: History, post: Delta) -> list[Case]:
    """Deltas that are as they should be, but for what they follow."""
    known = dict(h.deltas)
    bad = h.write(CARA, (post.id,), [Put("rules", b"k", b"v")])
    own, others = h.write(CARA, (bad.id,), [NOTE]), h.write(BEN, (bad.id,), [NOTE])
    later = h.write(ANN, (own.id,), governance=(Merge(),))
    h.deltas = known
    made = {
        "after its author's own refused delta": ([bad], own),
        "after another's refused delta": ([bad], others),
        "after what follows a refused delta": ([bad, own], later),
    }
    return [
        case(name, context=CONTEXT, refused=[delta.frame.hex() for delta in refused],
             frame=last.frame, code="follows-refused")
        for name, (refused, last) in made.items()
    ]  # fmt: skip


def _allowed(h: History, admit: Delta, post: Delta) -> dict[str, Delta]:
    hashed = Put("posts", sha256(b"w"), b"w")
    return {
        "register put": h.write(CARA, (post.id,), [NOTE], keep=False),
        "register delete": h.write(CARA, (post.id,), [Delete("notes", b"k")], keep=False),
        "counter add": h.write(CARA, (post.id,), [Add("likes", b"k", -1)], keep=False),
        "frozen put under a hash": h.write(CARA, (post.id,), [hashed], keep=False),
        "frozen put under the author": h.write(
            CARA, (post.id,), [Put("posts", CARA.member_id + b"2", b"w")], keep=False
        ),
        "frozen put unseen by its author": h.write(
            CARA, (admit.id,), [Put("posts", CARA.member_id + b"1", b"w")], keep=False
        ),
        "owned put": h.write(CARA, (post.id,), [Put("profiles", CARA.member_id, b"")], keep=False),
        "role held": h.write(ANN, (admit.id,), [Put("rules", b"k", b"v")], keep=False),
        "merge": h.write(CARA, (post.id,), governance=(Merge(),), keep=False),
        "two admissions": h.write(
            CARA, (post.id,), governance=(EVE.admit(CONTEXT), PHONE.admit(CONTEXT)), keep=False
        ),
    }


def _allowed_by_role(h: History, verdict: Delta) -> dict[str, Delta]:
    """Entries that are owned or frozen, by one who holds the role."""
    own = ANN.member_id

    def by_ann(put: Put) -> Delta:
        return h.write(ANN, (verdict.id,), [put], keep=False)

    return {
        "owned put with the role": by_ann(Put("badges", own, b"v")),
        "frozen put with the role": by_ann(Put("verdicts", own + b"2", b"v")),
    }


def _denied_by_role(h: History, post: Delta, verdict: Delta) -> dict[str, tuple[Delta, str]]:
    """The role comes first, and excuses from nothing."""
    ann, ben, cara = ANN.member_id, BEN.member_id, CARA.member_id

    def write(who: Identity, after: Delta, effect: Put | Delete) -> Delta:
        return h.write(who, (after.id,), [effect], keep=False)

    return {
        "owned entry of one without the role": (
            write(CARA, post, Put("badges", cara, b"v")), "role-missing"
        ),
        "frozen entry of one without the role": (
            write(CARA, post, Put("verdicts", cara, b"v")), "role-missing"
        ),
        "owned by another, with the role": (
            write(ANN, verdict, Put("badges", ben, b"v")), "not-owner"
        ),
        "owned by another, deleted with the role": (
            write(ANN, verdict, Delete("badges", ben)), "not-owner"
        ),
        "frozen under another member, with the role": (
            write(BEN, verdict, Put("verdicts", ann, b"v")), "not-owner"
        ),
        "frozen entry put again with the role": (
            write(ANN, verdict, Put("verdicts", ann, b"w")), "frozen"
        ),
        "frozen entry deleted with the role": (
            write(ANN, verdict, Delete("verdicts", ann)), "effect-forbidden"
        ),
    }  # fmt: skip


def _denied(
    h: History, admit: Delta, post: Delta, left: Delta, ann: Delta
) -> dict[str, tuple[Delta, str]]:
    def by_cara(*calls: list[Put | Add | Delete], **wrong: object) -> Delta:
        return h.write(CARA, (post.id,), *calls, keep=False, **wrong)  # type: ignore[arg-type]

    other = ReleaseId(cid_of(b"another release"))
    eve = EVE.admit(CONTEXT)
    elsewhere = EVE.admit(found(ANN).context)
    parents = tuple(sorted((admit.id, left.id)))
    return {
        **_denied_by_rules(by_cara),
        "sequence skips": (by_cara([NOTE], sequence=9), "wrong-chain"),
        "previous of another device": (by_cara([NOTE], previous=admit.id), "wrong-chain"),
        "second beginning": (
            by_cara([NOTE], previous=None, sequence=1, parents=(post.id,)), "wrong-chain"
        ),
        "own fork in the cut": (
            h.write(BEN, (left.id, ann.id), [NOTE], previous=left.id, sequence=2,
                    parents=(ann.id,), keep=False),
            "own-fork",
        ),
        "previous among the parents": (by_cara([NOTE], parents=(post.id,)), "tangled-parents"),
        "parent is an ancestor of another": (
            by_cara([NOTE], parents=parents, time=HybridTime(left.core.time + 9)),
            "tangled-parents",
        ),
        "time of its previous": (by_cara([NOTE], time=post.core.time), "wrong-time"),
        "another release": (by_cara([NOTE], release=other), "wrong-release"),
        "epochs without encryption": (by_cara([NOTE], epochs=(bytes(32),)), "wrong-epochs"),
        "no governance heads": (by_cara([NOTE], gov_parents=()), "wrong-gov-parents"),
        "author nobody admitted": (h.write(EVE, (), [NOTE], keep=False), "not-admitted"),
        "payload of no form": (by_cara([NOTE], payload=pack(((), ()))), "wrong-shape"),
        "fuel missing": (by_cara([NOTE], fuel=()), "wrong-fuel"),
        "fuel beyond the limit": (by_cara([NOTE], fuel=(50_000_001,)), "wrong-fuel"),
        "nothing": (by_cara(), "empty"),
        "merge with a call": (by_cara([NOTE], governance=(Merge(),)), "wrong-merge"),
        "member admitted": (by_cara(governance=(CARA.admit(CONTEXT),)), "admitted-already"),
        "device admitted twice": (by_cara(governance=(eve, eve)), "admitted-already"),
        "join for another context": (by_cara(governance=(elsewhere,)), "bad-join"),
    }  # fmt: skip


def _denied_by_rules(by_cara: Callable[..., Delta]) -> dict[str, tuple[Delta, str]]:
    key = CARA.member_id + b"1"
    twice = [Put("posts", CARA.member_id + b"2", b"v")]
    return {
        "unknown collection": (by_cara([Put("nowhere", b"k", b"v")]), "unknown-collection"),
        "empty key": (by_cara([Put("notes", b"", b"v")]), "empty-key"),
        "add to a register": (by_cara([Add("notes", b"k", 1)]), "effect-forbidden"),
        "put to a counter": (by_cara([Put("likes", b"k", b"v")]), "effect-forbidden"),
        "delete of what is frozen": (by_cara([Delete("posts", key)]), "effect-forbidden"),
        "frozen entry put again": (by_cara([Put("posts", key, b"w")]), "frozen"),
        "frozen entry put twice": (by_cara(twice, twice), "frozen"),
        "frozen under another member": (
            by_cara([Put("posts", ANN.member_id, b"w")]), "not-owner"
        ),
        "frozen under another hash": (by_cara([Put("posts", sha256(b"x"), b"w")]), "not-owner"),
        "owned by another": (by_cara([Put("profiles", ANN.member_id, b"")]), "not-owner"),
        "role missing": (by_cara([Put("rules", b"k", b"v")]), "role-missing"),
    }  # fmt: skip
