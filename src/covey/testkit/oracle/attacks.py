"""Scripted attacks on a quiet context: forks, stolen keys, removals. What each may cost at most."""

from __future__ import annotations

from collections.abc import Callable

from covey.model import ADMIN_ROLE, Evidence, Promote, Upgrade, Vote
from covey.testkit.oracle.code_attacks import CODE_ATTACKS
from covey.testkit.oracle.form_attacks import FORM_ATTACKS
from covey.testkit.oracle.people import device, manifest
from covey.testkit.oracle.quiet import PEOPLE, Outcome, Play, Script

__all__ = ["ATTACKS", "GOALS", "attacks"]

_ANN, _BEN, _CARA, _DORA, _EMIL, _FRED, _GINA = range(7)
_BELOW_BEN = (2, 3, 4, 5, 6)
_SOCK = device("sock")


def attacks(seed: int) -> dict[str, Outcome]:
    """What each attack comes to; `GOALS` is what it may."""
    return {name: script.played(seed).outcome() for name, script in ATTACKS.items()}


# -- forks -------------------------------------------------------------------------------------


def _re_sign_first_of_ann(p: Play) -> None:
    p.move(_ANN, 0)


def _re_sign_first_of_ben(p: Play) -> None:
    p.move(_BEN, 0, *p.closes(0, (_CARA,)))


def _closes_at(p: Play, name: str) -> int:
    """ben's chain forks where a mark ends, and closes all below."""
    known = p.move(_BEN, p.at(name), *p.closes(p.at(name), _BELOW_BEN))
    return known.past | known.bit


def _re_sign_fourth_of_ben(p: Play) -> None:
    _closes_at(p, "6 in")


def _key_continues(p: Play) -> None:
    cut = p.writing.down([p.last(_BEN)])
    p.move(_BEN, cut, *p.closes(cut, _BELOW_BEN))


def _late_branch(p: Play) -> None:
    p.move(_BEN, p.at("6 in"))
    p.move(_GINA, p.now, *p.writing.news(p.now))
    _closes_at(p, "6 in")
    p.move(_GINA, p.now)


def _stale_evidence(p: Play) -> None:
    one = p.move(_BEN, 0)
    cut = one.bit | p.at("1 starts")
    p.move(_CARA, cut, *p.writing.news(cut))


def _sock_vouches(p: Play) -> None:
    cut = p.at("6 in")
    admit = _SOCK.admit(p.writing.founding.context)
    one = p.move(_BEN, cut, *p.closes(cut, _BELOW_BEN), admit)
    p.move(_SOCK, one.past | one.bit)


def _member_vouches(p: Play) -> None:
    cut = p.at("6 in")
    one = p.move(_BEN, cut, *p.closes(cut, (_DORA, _EMIL, _FRED, _GINA)))
    p.move(_CARA, one.past | one.bit)


def _re_sign_vouchers(p: Play) -> None:
    for who in (_ANN, _BEN, _DORA, _EMIL, _FRED):
        p.move(who, 0 if who < 2 else p.at(f"{who} in"))


def _vouchers_fork_later(p: Play) -> None:
    p.move(_BEN, 0)
    for who in (_ANN, _DORA, _EMIL, _FRED, _GINA):
        p.move(who, p.last(who, 2).past)


def _two_forkers(p: Play) -> None:
    cut = p.at("5 in")
    one = p.move(_DORA, cut, *p.closes(cut, (_FRED,)))
    p.move(_EMIL, cut | one.bit)


def _rival_stale(p: Play) -> None:
    number = manifest("1.1.0", "a rival with a greater id 2")
    one = p.move(_BEN, p.at("1 starts"), Upgrade(1, number, ()))
    p.move(_CARA, one.past | one.bit)


# -- removals ----------------------------------------------------------------------------------


def _junior_massacre(p: Play) -> None:
    for who in (_ANN, _BEN, _CARA, _GINA):
        p.move(_DORA, p.now, *p.closes(p.now, (who,)))
    p.move(_DORA, p.now, *p.closes(p.now, (_ANN, _BEN, _CARA, _EMIL, _FRED, _GINA)))


def _junior_massacre_stale(p: Play) -> None:
    for who in (_ANN, _BEN, _CARA, _GINA):
        p.move(_DORA, p.at("3 up"), *p.closes(p.at("3 up"), (who,)))


def _junior_adopts(p: Play) -> None:
    context = p.writing.founding.context
    one = p.move(_DORA, p.at("3 up"), PEOPLE[_GINA].admit(context))
    cut = one.past | one.bit
    two = p.move(_DORA, cut, *p.closes(cut, (_GINA,)))
    p.move(_CARA, two.past | two.bit)


def _junior_own_branch(p: Play) -> None:
    """dora may close whom she let in: this is what the rank is for."""
    p.move(_DORA, p.now, *p.closes(p.now, (_EMIL, _FRED)))


def _chains(p: Play) -> None:
    """dora is above whom emil let in; not so where gina let it in as well, or whom it rests on."""
    sock, other, third = _SOCK, device("other sock"), device("sock", "second")
    context, both = p.writing.founding.context, (PEOPLE[_EMIL].device, PEOPLE[_GINA].device)
    p.move(_ANN, p.now, *[Promote(one, ADMIN_ROLE) for one in both])
    cut = p.now
    p.move(_EMIL, cut, sock.admit(context), other.admit(context))
    p.move(_GINA, cut, other.admit(context))
    p.move(_ANN, p.now, Promote(other.device, ADMIN_ROLE))
    p.move(other, p.now, third.admit(context))
    for one in (sock, other, third):
        p.move(_DORA, p.now, p.writing.close(p.now, one.device))
    p.move(_EMIL, p.now, *p.closes(p.now, (_FRED,)))
    p.move(sock, p.now)


def _second_against_first(p: Play) -> None:
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))
    p.move(_BEN, p.now, p.writing.demote(p.now, PEOPLE[_ANN].device, ADMIN_ROLE))


def _member_against_senior(p: Play) -> None:
    p.move(_GINA, p.now, *p.closes(p.now, (_DORA,)))
    p.move(_EMIL, p.now, *p.closes(p.now, (_DORA,)))


def _promote_oneself(p: Play) -> None:
    for role in (ADMIN_ROLE, "editor"):
        p.move(_EMIL, p.now, Promote(PEOPLE[_EMIL].device, role))
    p.move(_SOCK, p.now)
    p.move(_DORA, p.now, Promote(PEOPLE[_DORA].device, ADMIN_ROLE))


def _closed_writes_on(p: Play) -> None:
    """From a cut without the close: it reaches that too, and what rests on it."""
    before = p.now
    p.move(_ANN, p.now, *p.closes(p.now, (_DORA,)))
    one = p.move(_DORA, before, _SOCK.admit(p.writing.founding.context))
    cut = one.past | one.bit
    p.move(_SOCK, cut)
    p.move(_DORA, cut, *p.closes(cut, (_EMIL, _FRED)))
    p.move(_DORA, p.now)


def _closed_comes_back(p: Play) -> None:
    context, gina = p.writing.founding.context, PEOPLE[_GINA]
    p.move(_BEN, p.now, *p.closes(p.now, (_GINA,)))
    p.move(_DORA, p.now, gina.admit(context))
    p.move(_ANN, p.now, p.writing.demote(p.now, PEOPLE[_DORA].device, ADMIN_ROLE))
    p.move(_BEN, p.now, Promote(PEOPLE[_DORA].device, ADMIN_ROLE))
    p.move(_DORA, p.now, *p.closes(p.now, (_EMIL,)))


def _rests_on_the_removed(p: Play) -> None:
    """A close falls with the promotion that it rests on, whichever is known first."""
    before = p.now
    p.move(_DORA, before, Promote(PEOPLE[_EMIL].device, ADMIN_ROLE))
    cut = p.now
    p.move(_EMIL, cut, _SOCK.admit(p.writing.founding.context))
    p.move(_EMIL, p.now, p.writing.close(p.now, _SOCK.device))
    p.move(_ANN, before, p.writing.demote(before, PEOPLE[_DORA].device, ADMIN_ROLE))
    p.move(_EMIL, p.now)


def _circle_by_gift(p: Play) -> None:
    """A role that ann never uses makes no close of hers rest on who gave it."""
    before = p.now
    p.move(_CARA, before, Promote(PEOPLE[_ANN].device, "editor"))
    p.move(_ANN, p.now, *p.closes(p.now, (_BEN,)))
    p.move(_BEN, before, *p.closes(before, (_CARA,)))
    p.move(_CARA, p.now)


def _demoted_acts_on(p: Play) -> None:
    before = p.now
    p.move(_ANN, p.now, p.writing.demote(p.now, PEOPLE[_DORA].device, ADMIN_ROLE))
    p.move(_DORA, before, Promote(PEOPLE[_EMIL].device, "editor"))
    cut = before | p.made[-1].bit
    p.move(_DORA, cut)
    p.move(_EMIL, cut, entries=[])


def _mutual(p: Play) -> None:
    """Two devices of one member close one another: nobody is above; both stand."""
    second = device("gina", "second")
    p.move(_GINA, p.now, second.admit(p.writing.founding.context))
    cut = p.now
    p.move(_GINA, cut, p.writing.close(cut, second.device))
    p.move(second, cut, *p.closes(cut, (_GINA,)))
    p.move(_ANN, p.now)


def _second_device_of_first(p: Play) -> None:
    """A known limit: any device of its member takes the first admin's seat for good."""
    second = device("ann", "second")
    p.move(_ANN, p.now, second.admit(p.writing.founding.context))
    p.move(second, p.now, *p.closes(p.now, (_ANN,)))
    p.move(_BEN, p.now, PEOPLE[_ANN].admit(p.writing.founding.context))


def _silent_founder_closes(p: Play) -> None:
    """A known limit: nothing shows that cara had seen more than this."""
    p.move(_CARA, p.at("6 in"), *p.closes(p.at("6 in"), (_DORA, _EMIL, _FRED, _GINA)))


# -- votes -------------------------------------------------------------------------------------


def _too_few_votes(p: Play) -> None:
    ann = PEOPLE[_ANN].device
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))
    p.move(_BEN, p.now, Vote(ann))
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))
    p.move(_DORA, p.now, Vote(ann))
    p.move(_CARA, p.at("0 starts"), Vote(ann))  # Which ben has not seen.
    cut = p.writing.down([p.made[1]])
    p.move(_BEN, cut, *p.closes(cut, (_ANN,)))


def _vote_of_closed(p: Play) -> None:
    ann = PEOPLE[_ANN].device
    p.move(_CARA, p.now, Vote(PEOPLE[_BEN].device))
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))
    p.move(_CARA, p.now, Vote(ann))
    p.move(_ANN, p.now, *p.closes(p.now, (_CARA,)))
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))


def _twin_votes(p: Play) -> None:
    """Two devices of one member have one vote, for whom it is about alone."""
    second = device("ben", "second")
    p.move(second, p.now, Vote(PEOPLE[_ANN].device))
    p.move(_BEN, p.now, Vote(second.device))
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))


def _enough_votes(p: Play) -> None:
    """Two of three close the first: what the quorum is for."""
    p.move(_CARA, p.now, Vote(PEOPLE[_ANN].device))
    p.move(_BEN, p.now, *p.closes(p.now, (_ANN,)))


def _foreign_evidence(p: Play) -> None:
    ids = sorted((p.last(_EMIL).delta.id, p.last(_FRED).delta.id))
    p.move(_GINA, p.now, Evidence(*ids))
    ids = sorted((p.last(_EMIL).delta.id, p.last(_EMIL, 2).delta.id))
    p.move(_GINA, p.now, Evidence(*ids))
    before = p.now
    p.move(_EMIL, p.last(_EMIL).past)
    p.move(_GINA, before, *p.writing.news(p.now))  # Of what it says it has not seen.


def _script(play: Callable[[Play], None], lost: int, *moves: str, is_told: bool = True) -> Script:
    return Script(play, Outcome(lost, moves), is_told=is_told)


def _voted(play: Callable[[Play], None], *moves: str, has_first: bool = True) -> Script:
    return Script(play, Outcome(0, moves, has_first), quorum=2)


ATTACKS: dict[str, Script] = {
    "re-sign 1 of ann": _script(_re_sign_first_of_ann, 0, "stands"),
    "re-sign 1 of ben": _script(_re_sign_first_of_ben, 0, "stands"),
    "re-sign 4 of ben": _script(_re_sign_fourth_of_ben, 4, "stands"),
    "ben's key continues its chain": _script(_key_continues, 4, "stands"),
    "lone founder re-signs 1": Script(
        _re_sign_first_of_ann, Outcome(0, ("stands",)), founders="lone"
    ),
    "late branch after evidence": _script(_late_branch, 0, "stands", "stands", "void", "stands"),
    "re-sign, stale evidence": _script(_stale_evidence, 0, "stands", "stands"),
    "re-sign, sock vouches": _script(_sock_vouches, 4, "stands", "stands"),
    "re-sign, member vouches": _script(_member_vouches, 4, "stands", "stands"),
    "re-sign the vouchers too": _script(_re_sign_vouchers, 0, *["stands"] * 5),
    "re-sign, vouchers fork later": _script(
        _vouchers_fork_later, 12, "void", *["void"] * 5, is_told=False
    ),
    "two forkers": _script(_two_forkers, 0, "void", "void", is_told=False),
    "rival upgrade, stale": _script(_rival_stale, 0, "stands", "stands"),
    "junior massacre": _script(_junior_massacre, 0, *["rank"] * 5),
    "junior massacre, stale fork": _script(
        _junior_massacre_stale, 0, "rank", "rank", "rank", "no-member"
    ),
    "junior adopts gina": _script(_junior_adopts, 0, "stands", "stands", "stands"),
    "junior closes its own branch": _script(_junior_own_branch, 0, "stands"),
    "chains that part": _script(
        _chains, 0, *["stands"] * 6, "rank", "rank", "rank", "not-admitted"
    ),
    "second admin against first": _script(_second_against_first, 0, "rank", "rank"),
    "member against its senior": _script(_member_against_senior, 0, "no-admin", "no-admin"),
    "promotes itself": _script(
        _promote_oneself, 0, "no-admin", "no-admin", "not-admitted", "held-already"
    ),
    "closed, writes on": _script(
        _closed_writes_on, 0, "stands", "void", "void", "void", "not-admitted"
    ),
    "closed, comes back": _script(
        _closed_comes_back, 0, "stands", "closed", "stands", "demoted", "no-admin"
    ),
    "rests on the removed": _script(
        _rests_on_the_removed, 0, "void", "void", "void", "stands", "stands"
    ),
    "a circle by a gift": _script(_circle_by_gift, 0, "stands", "stands", "void", "stands"),
    "demoted, acts on": _script(_demoted_acts_on, 0, "stands", "void", "stands", "stands"),
    "two devices close one another": _script(_mutual, 0, "stands", "void", "void", "stands"),
    "second device closes the first admin": Script(
        _second_device_of_first, Outcome(0, ("stands", "stands", "closed"), has_first=False)
    ),
    "silent founder closes": _script(_silent_founder_closes, 32, "stands"),
    "too few votes": _voted(
        _too_few_votes, "rank", "stands", "rank", "no-quorum", "stands", "rank"
    ),
    "vote of a closed founder": _voted(
        _vote_of_closed, "stands", "rank", "stands", "stands", "rank"
    ),
    "votes of twins": Script(
        _twin_votes, Outcome(0, ("stands", "stands", "rank")), quorum=2, founders="twins"
    ),
    "enough votes": _voted(_enough_votes, "stands", "stands", has_first=False),
    "evidence of no fork": _script(
        _foreign_evidence, 0, "wrong-evidence", "wrong-evidence", "stands", "wrong-evidence"
    ),
    **CODE_ATTACKS,
    **FORM_ATTACKS,
}
"""By name, in the order in which they are told."""

GOALS = {name: script.goal for name, script in ATTACKS.items()}
"""What each attack may come to. A branch stands where gina, telling of the fork, has followed it:
her word is a delta whose own cut holds no evidence."""
