"""Bugs in what is checked of that which others send: signatures, admission, roles, rules."""

from __future__ import annotations

from typing import Any

import pytest

from covey.merge import StateAtCut
from covey.model import Denied, DeviceId, Frontier, MemberId
from covey.rules import Cut, check_effect, record_frontier
from covey.rules.effects import _check_frozen
from covey.sync import Admissible, Delayed, Judge, Ledger


def believe_gossip_unsigned(patch: pytest.MonkeyPatch) -> None:
    """The signature of a delta that came by gossip is not checked."""
    patch.setattr("covey.sync.gossip.is_delta_signed", lambda *_: True)


def believe_streams_unsigned(patch: pytest.MonkeyPatch) -> None:
    """The signature of a delta that came on a stream is not checked."""
    patch.setattr("covey.sync.session.channel.is_delta_signed", lambda *_: True)


def admit_anybody(patch: pytest.MonkeyPatch) -> None:
    """An admission is folded without a look at certificate and join."""
    patch.setattr("covey.governance.effects.check_admit", lambda *_: None)


def let_anybody_rule(patch: pytest.MonkeyPatch) -> None:
    """Each author counts as an admin where its deltas are judged."""

    def check(*args: Any, **kwargs: Any) -> Denied | None:
        return check_effect(*args, **{**kwargs, "roles": ("admin",)})

    patch.setattr("covey.sync.judge.check_effect", check)


def let_others_take_entries(patch: pytest.MonkeyPatch) -> None:
    """The owner's key is not looked at."""
    patch.setattr("covey.rules.effects._check_owner", lambda *_: None)


def let_others_seal_in_our_name(patch: pytest.MonkeyPatch) -> None:
    """A frozen key may begin with another member's key."""

    def check(key: bytes, value: bytes, author: MemberId, *, exists: bool) -> Denied | None:
        del author
        return _check_frozen(key, value, MemberId(key[:32]), exists=exists)

    patch.setattr("covey.rules.effects._check_frozen", check)


def overwrite_frozen_entries(patch: pytest.MonkeyPatch) -> None:
    """A put on a frozen entry that exists is admissible."""
    patch.setattr(Judge, "_exists", lambda *_: False)


def allow_effects_of_other_rules(patch: pytest.MonkeyPatch) -> None:
    """Whether a collection's rule knows such an effect at all is not asked."""

    def check(*args: Any, **kwargs: Any) -> Denied | None:
        denied = check_effect(*args, **kwargs)
        return None if denied is not None and denied.code == "effect-forbidden" else denied

    patch.setattr("covey.sync.judge.check_effect", check)


def skip_sequences(patch: pytest.MonkeyPatch) -> None:
    """A delta need not continue its author's chain."""
    patch.setattr("covey.sync.judge.check_chain", lambda *_: None)


def go_back_in_time(patch: pytest.MonkeyPatch) -> None:
    """A delta may be earlier than what it follows."""
    patch.setattr("covey.sync.judge.check_clock", lambda *_: None)


def believe_any_clock(patch: pytest.MonkeyPatch) -> None:
    """A delta from far in the future is applied at once."""
    patch.setattr("covey.sync.judge.is_ahead", lambda *_: False)


def follow_what_is_followed(patch: pytest.MonkeyPatch) -> None:
    """A parent may be an ancestor of another one."""
    patch.setattr(Judge, "_check_parents", lambda *_: None)


def believe_governance_parents(patch: pytest.MonkeyPatch) -> None:
    """What a delta says of its cut's governance is not compared with it."""
    original = Judge._judge_at_cut

    def judge(self: Judge, delta: Any, parents: Any) -> Any:
        with pytest.MonkeyPatch.context() as believing:
            believing.setattr(Ledger, "governance_heads", lambda *_: delta.core.gov_parents)
            return original(self, delta, parents)

    patch.setattr(Judge, "_judge_at_cut", judge)


def judge_by_all_that_is_known(patch: pytest.MonkeyPatch) -> None:
    """A frozen entry that exists here, but not at the delta's cut, makes a node refuse it."""
    original = Judge._exists

    def exists(self: Judge, state: StateAtCut, collection: str, key: bytes) -> bool:
        state._cut = Cut(self._ledger.view, self._ledger.frontier)
        return original(self, state, collection, key)

    patch.setattr(Judge, "_exists", exists)


def see_beyond_the_cut(patch: pytest.MonkeyPatch) -> None:
    """A cut seems to hold the next delta of each device, too."""
    original = Cut.holds

    def holds(self: Cut, device: Any, tip: Any) -> bool:
        tips = self.frontier.get(device, ())
        return original(self, device, tip) or any(tip.sequence == t.sequence + 1 for t in tips)

    patch.setattr(Cut, "holds", holds)


def forget_forks_in_cuts(patch: pytest.MonkeyPatch) -> None:
    """Of a forked device a cut seems to hold every branch that is as long as its own."""
    patch.setattr("covey.rules.cut.is_forked", lambda *_: False)


def lose_branches_where_cuts_join(patch: pytest.MonkeyPatch) -> None:
    """Of two branches of a device the union of two cuts holds only the longer one."""
    patch.setattr("covey.rules.cut.maximal_tips", lambda _reader, _device, tips: (max(tips),))


def store_cuts_without_the_last_author(patch: pytest.MonkeyPatch) -> None:
    """A cut that is stored as a difference lacks the author of the delta it differs from."""

    def record(draft: Any, tip: Any, cut: Frontier, bases: Any) -> None:
        nobody = DeviceId(bytes(32))
        record_frontier(draft, tip, cut, [(base, nobody, past) for base, _, past in bases])

    patch.setattr("covey.sync.ledger.record_frontier", record)


def refuse_the_future(patch: pytest.MonkeyPatch) -> None:
    """A clock that runs ahead makes its deltas inadmissible on some nodes."""
    original = Judge.judge

    def judge(self: Judge, delta: Any, now_ms: int) -> Any:
        judged = original(self, delta, now_ms)
        if isinstance(judged, Delayed):
            return self._refuse(delta, Denied("wrong-time", "too far ahead"))
        return judged

    patch.setattr(Judge, "judge", judge)


def apply_twice(patch: pytest.MonkeyPatch) -> None:
    """What comes again is applied again."""
    original = Judge.judge
    said: dict[tuple[Judge, Any], Admissible] = {}

    def judge(self: Judge, delta: Any, now_ms: int) -> Any:
        word = original(self, delta, now_ms)
        if isinstance(word, Admissible):
            said[self, delta.id] = word
        return said.get((self, delta.id), word)

    patch.setattr(Judge, "judge", judge)
