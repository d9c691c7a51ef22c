"""Taking in what others wrote: judge, run again, apply, let wait, ask for what is missing.

Source: protocols/sync.md and protocols/replay.md. Of what can be taken in at once an event takes a
little: the rest waits for its turn, in its order, so that whoever drives the machine does other
things in between.
"""

from __future__ import annotations

from collections.abc import Callable

from covey.model import (
    Delta,
    DeltaId,
    Denied,
    DeviceId,
    ReleaseId,
    ReplayWord,
    is_ahead,
    limits,
)
from covey.sync.events import (
    Applied,
    Ask,
    Dealt,
    DeltaReceived,
    Effect,
    Misbehaved,
    NeedRelease,
    SetTimer,
    Use,
)
from covey.sync.held_back import Burdens, HeldBack
from covey.sync.judge import Admissible, Delayed, Judge, Judgement, Known, Missing
from covey.sync.ledger import Ledger
from covey.sync.pending import Pending, Waiting
from covey.sync.replays import Replays, named_manifest

__all__ = ["ASK", "TAKE_IN", "Intake"]

ASK = "ask"
TAKE_IN = "take in"


class Intake:
    """Applies deltas parents first; the caller commits before the effects go out.

    It is fed while `is_busy` too, by `hold_back`; the caller then has `take_some` called, again and
    again, when the timer TAKE_IN runs out.
    """

    def __init__(
        self,
        ledger: Ledger,
        judge: Judge,
        replays: Replays,
        is_member: Callable[[DeviceId], bool],
    ) -> None:
        self._ledger = ledger
        self._judge = judge
        self._replays = replays
        self._is_member = is_member
        self._in_hand: DeltaReceived | Waiting | None = None  # with the engine
        self._is_ask_set = False
        self._is_take_in_set = False
        self._asked_s: dict[DeltaId, float] = {}  # the last asked last
        self._held_back = HeldBack()
        self._burdens = Burdens()
        self._ready: dict[DeltaId, None] = {}  # of those that wait: to be judged again, in order
        self.pending = Pending()

    @property
    def is_busy(self) -> bool:
        """Whether something is to be taken in before what comes now."""
        return bool(len(self._held_back) or self._ready or self._in_hand)

    @property
    def is_verifying(self) -> bool:
        """Whether the engine runs a delta again; until `verified` nothing is taken in."""
        return self._in_hand is not None

    def hold_back(self, event: DeltaReceived, now: float) -> list[Effect]:
        """Keep a delta for its turn; beyond the bounds it is dropped, sync has it."""
        core = event.delta.core
        size_bytes = self._held_back.size_bytes + len(event.delta.frame)
        count = len(self._held_back)
        in_hand = self._in_hand
        if isinstance(in_hand, DeltaReceived):  # It goes back to its place.
            size_bytes, count = size_bytes + len(in_hand.delta.frame), count + 1
        if (
            count >= limits.INBOX_WHILE_EXECUTING_MAX
            or size_bytes > limits.INBOX_WHILE_EXECUTING_BYTES_MAX
        ):
            return _dealt(event, Use.NONE)
        self._burdens.add(core, now)
        self._held_back.append(event, is_heavy=self._burdens.is_heavy(core.author, now))
        return []

    def take(self, event: DeltaReceived, now: float) -> list[Effect]:
        """Apply a delta and some of what waited for it, or let it wait."""
        self._burdens.add(event.delta.core, now)
        effects = self._take_one(event, now)
        return [*effects, *self._take_up_to(limits.INTAKE_TURN_BYTES - _cost(event.delta), now)]

    def take_some(self, now: float) -> list[Effect]:
        """Take in some of what is to be: first what waited, then what was held back."""
        return self._take_up_to(limits.INTAKE_TURN_BYTES, now)

    def go_on(self) -> list[Effect]:
        """The timer for the rest, where there is any and it is not set."""
        if not self.is_busy or self._is_take_in_set or self.is_verifying:
            return []
        self._is_take_in_set = True
        return [SetTimer(TAKE_IN, limits.INTAKE_PAUSE_S)]

    def timer_fired(self) -> None:
        """The timer TAKE_IN ran out."""
        self._is_take_in_set = False

    def verified(self, words: tuple[ReplayWord, ...], now: float) -> None:
        """The engine is done: what it was asked about is the next to be taken in."""
        self._replays.finish(words, now)
        sent, self._in_hand = self._in_hand, None
        if isinstance(sent, DeltaReceived):
            self._held_back.put_back(sent)
        elif sent is not None:
            self._ready = {sent.delta.id: None, **self._ready}

    def release_ready(self) -> None:
        """One more release can be run: what waited for it is judged again."""
        self._make_ready(self.pending.unhindered())

    def ask_again(self, now: float) -> list[Effect]:
        """The timer ASK ran out: try what was early, ask anybody for what is still missing."""
        self._is_ask_set = False
        now_ms = int(now * 1000)
        early = self.pending.unhindered()
        self._make_ready(tuple(w for w in early if not is_ahead(w.delta.core.time, now_ms)))
        effects = self.take_some(now)
        self.pending.expire(now - limits.PENDING_EXPIRES_S, self._replays.is_to_be_tried)
        missing = self.pending.missing(limits.ASK_IDS_MAX, lambda i: self._asked_s.get(i, 0.0))
        self._note_asked(missing, now)
        if missing:
            effects.append(Ask(None, missing))
        return [*effects, *self._set_ask()] if len(self.pending) else effects

    # -- one by one ------------------------------------------------------------------------------

    def _take_up_to(self, size_bytes: int, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while size_bytes > 0 and not self.is_verifying:
            if self._ready:
                delta = next(iter(self._ready))
                del self._ready[delta]
                waiting = self.pending.get(delta)
                if waiting is None:
                    continue  # It was evicted, and comes again.
                size_bytes -= _cost(waiting.delta)
                effects += self._take_again(waiting, now)
            elif len(self._held_back):
                event = self._held_back.take()
                size_bytes -= _cost(event.delta)
                effects += self._take_one(event, now)
            else:
                break
        return effects

    def _take_one(self, event: DeltaReceived, now: float) -> list[Effect]:
        """Judge what came."""
        delta = event.delta
        judged = self._judge.judge(delta, int(now * 1000))
        match judged:
            case Missing(ids):
                return self._let_wait(event, ids, now)
            case Delayed():
                return self._let_wait(event, (), now)
            case Admissible() if self._replays.lacks(delta, judged):
                return self._verify(event, judged, now)
            case Admissible() | Denied() | Known():
                use = Use.APPLIED if isinstance(judged, Admissible) else Use.NONE
                return [*self._settle(delta, judged, event), *_dealt(event, use)]

    def _take_again(self, waiting: Waiting, now: float) -> list[Effect]:
        """Judge what waited."""
        judged = self._judge.judge(waiting.delta, int(now * 1000))
        if isinstance(judged, Missing | Delayed):
            return []
        if isinstance(judged, Admissible) and self._replays.lacks(waiting.delta, judged):
            return self._verify(waiting, judged, now)
        return self._settle(waiting.delta, judged, waiting)

    def _verify(
        self, sent: DeltaReceived | Waiting, judged: Admissible, now: float
    ) -> list[Effect]:
        """Have a delta run again, refuse it if it was and differs, or wait until it can be."""
        delta = sent.delta
        difference = self._replays.difference(delta.id)
        if difference is not None:
            self._judge.refuse(delta, difference)
            self._burdens.blame(delta.core.author, now)
            dealt = _dealt(sent, Use.NONE) if isinstance(sent, DeltaReceived) else []
            return [*self._settle(delta, difference, sent), *dealt]
        missing = self._replays.missing_release(delta)
        if missing is not None or self._replays.is_held(delta.core.author, now):
            # Its own cut knows its author, whoever was removed since: it may wait.
            waits = self._wait(sent, (), now) if isinstance(sent, DeltaReceived) else []
            return [*waits, *([] if missing is None else [self._need(missing, delta)])]
        self._in_hand = sent
        behind = (event.delta for event in self._held_back)
        return [self._replays.begin(delta, judged, behind)]

    def _need(self, release: ReleaseId, delta: Delta) -> NeedRelease:
        manifest = named_manifest(delta.core) or self._ledger.governor.manifest(release)
        return NeedRelease(release, manifest)

    def _settle(
        self, delta: Delta, judged: Judgement, sent: DeltaReceived | Waiting
    ) -> list[Effect]:
        """Apply or refuse a delta; what waited for it is judged in its turn.

        Not all that waits is looked at: a member could make that a thousand at every delta.
        """
        self.pending.remove(delta.id)
        if isinstance(judged, Denied):
            self._ledger.note_refusal(delta, judged)
            self._make_ready(self.pending.followers(delta.id))
            return _blame(sent, judged.code)
        effects = [self._apply(delta, judged)] if isinstance(judged, Admissible) else []
        self._make_ready(self.pending.meet(delta.id))
        return [*effects]

    def _make_ready(self, several: tuple[Waiting, ...]) -> None:
        for waiting in several:
            self._ready[waiting.delta.id] = None

    def _apply(self, delta: Delta, admissible: Admissible) -> Applied:
        arrival = self._ledger.apply(delta, admissible.payload, admissible.cut)
        self._judge.forget_applied(delta.id)
        self._replays.forget(delta)
        payload, member = admissible.payload, admissible.member
        return Applied(delta, payload, member, is_own=False, arrival=arrival)

    # -- what has to wait ------------------------------------------------------------------------

    def _let_wait(
        self, event: DeltaReceived, unmet: tuple[DeltaId, ...], now: float
    ) -> list[Effect]:
        if not self._may_wait(event.delta):
            return _dealt(event, Use.NONE)
        return self._wait(event, unmet, now)

    def _wait(self, event: DeltaReceived, unmet: tuple[DeltaId, ...], now: float) -> list[Effect]:
        waiting = Waiting(event.delta, event.peer, event.is_streamed, now)
        is_new = self.pending.add(waiting, unmet)
        asked = self._to_ask(unmet, now)
        ask: list[Effect] = [Ask(event.peer, asked)] if asked else []
        return [*_dealt(event, Use.WAITS if is_new else Use.NONE), *ask, *self._set_ask()]

    def _may_wait(self, delta: Delta) -> bool:
        """Only devices that some cut knows, or whose admission waits too, may fill the buffer."""
        author = delta.core.author
        return self._is_member(author) or self.pending.admits(author)

    def _to_ask(self, unmet: tuple[DeltaId, ...], now: float) -> tuple[DeltaId, ...]:
        """What a delta waits for, does not wait itself, and was not asked for just now.

        Without that memory one that is evicted as it comes would be asked for at the speed of the
        network.
        """
        due = (i for i in unmet if i not in self.pending and not self._is_asked(i, now))
        return self._note_asked(tuple(due), now)

    def _is_asked(self, delta: DeltaId, now: float) -> bool:
        asked_s = self._asked_s.get(delta)
        return asked_s is not None and abs(now - asked_s) < limits.ASK_AGAIN_S

    def _note_asked(self, missing: tuple[DeltaId, ...], now: float) -> tuple[DeltaId, ...]:
        """As many of these as one request names; they are asked for now."""
        asked = missing[: limits.ASK_IDS_MAX]
        for delta in asked:
            self._asked_s.pop(delta, None)
            self._asked_s[delta] = now
        while len(self._asked_s) > limits.ASKED_REMEMBERED_MAX:
            del self._asked_s[next(iter(self._asked_s))]
        return asked

    def _set_ask(self) -> list[Effect]:
        if self._is_ask_set:
            return []
        self._is_ask_set = True
        return [SetTimer(ASK, limits.ASK_AGAIN_S)]


def _cost(delta: Delta) -> int:
    """What a delta counts for in a turn: judging it takes its time however small it is."""
    return len(delta.frame) + limits.INTAKE_DELTA_BYTES


def _dealt(event: DeltaReceived, use: Use) -> list[Effect]:
    return [Dealt(event.receipt, use)] if event.receipt else []


def _blame(sent: DeltaReceived | Waiting, code: str) -> list[Effect]:
    """Who forwards by gossip what a member should not have written is not at fault."""
    return [Misbehaved(sent.peer, code)] if sent.is_streamed else []
