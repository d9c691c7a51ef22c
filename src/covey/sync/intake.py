"""Taking in what others wrote: judge, apply, let wait, ask for what is missing.

Source: protocols/sync.md.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from covey.model import Admit, Delta, DeltaId, Denied, DeviceId, limits
from covey.sync.events import Applied, Ask, DeltaReceived, Effect, Misbehaved, SetTimer
from covey.sync.judge import Admissible, Delayed, Judge, Known, Missing
from covey.sync.ledger import Ledger
from covey.sync.pending import Pending, Waiting, parents_of

__all__ = ["ASK", "Intake"]

ASK = "ask"


class Intake:
    """Applies deltas parents first; the caller commits before the effects go out."""

    def __init__(self, ledger: Ledger, judge: Judge, is_member: Callable[[DeviceId], bool]) -> None:
        self._ledger = ledger
        self._judge = judge
        self._is_member = is_member
        self._is_ask_set = False
        self._asked_s: dict[DeltaId, float] = {}  # the last asked last
        self.pending = Pending()

    def take(self, event: DeltaReceived, now: float) -> list[Effect]:
        """Apply a delta and all that waited for it, or let it wait."""
        delta = event.delta
        match self._judge.judge(delta, int(now * 1000)):
            case Missing():
                return self._let_wait(event, now)
            case Delayed():
                if not self._may_wait(delta):
                    return []
                self.pending.add(Waiting(delta, event.peer, event.is_streamed))
                return self._set_ask()
            case Known():
                self.pending.remove(delta.id)
                return []
            case Denied(code):
                self.pending.remove(delta.id)
                return [
                    *_blame(event, code),
                    *self._drain(now, self.pending.followers(delta.id)),
                ]
            case Admissible() as admissible:
                self.pending.remove(delta.id)
                return [
                    self._apply(delta, admissible),
                    *self._drain(now, self.pending.followers(delta.id)),
                ]

    def ask_again(self, now: float) -> list[Effect]:
        """The timer ran out: try what waits, and ask anybody for what is still missing."""
        self._is_ask_set = False
        effects = self._drain(now, self.pending.items())
        missing = self._note_asked(self._missing(), now)
        if missing:
            effects.append(Ask(None, missing))
        return [*effects, *self._set_ask()] if len(self.pending) else effects

    def _drain(self, now: float, candidates: tuple[Waiting, ...]) -> list[Effect]:
        """Apply those that no longer need to wait, and what waited for them alone.

        Not all that waits is looked at: a member could make that a thousand at every delta.
        """
        effects: list[Effect] = []
        queue = deque(candidates)
        while queue:
            waiting = queue.popleft()
            delta = waiting.delta
            if delta.id not in self.pending or not self._may_be_ready(delta):
                continue
            judged = self._judge.judge(delta, int(now * 1000))
            if isinstance(judged, Missing | Delayed):
                continue
            self.pending.remove(delta.id)
            if isinstance(judged, Admissible):
                effects.append(self._apply(delta, judged))
            elif isinstance(judged, Denied):
                effects += _blame(waiting, judged.code)
            queue.extend(self.pending.followers(delta.id))
        return effects

    def _may_be_ready(self, delta: Delta) -> bool:
        parents = parents_of(delta)
        return all(self._ledger.is_applied(parent) for parent in parents) or any(
            self._judge.refusal(parent) for parent in parents
        )

    def _apply(self, delta: Delta, admissible: Admissible) -> Applied:
        arrival = self._ledger.apply(delta, admissible.payload, admissible.cut)
        self._judge.forget_applied(delta.id)
        payload, member = admissible.payload, admissible.member
        return Applied(delta, payload, member, is_own=False, arrival=arrival)

    def _let_wait(self, event: DeltaReceived, now: float) -> list[Effect]:
        if not self._may_wait(event.delta):
            return []
        self.pending.add(Waiting(event.delta, event.peer, event.is_streamed))
        missing = self._to_ask(now)
        ask: list[Effect] = [Ask(event.peer, missing)] if missing else []
        return [*ask, *self._set_ask()]

    def _may_wait(self, delta: Delta) -> bool:
        """Only devices that some cut knows, or whose admission waits too, may fill the buffer."""
        author = delta.core.author
        return self._is_member(author) or any(
            isinstance(governance, Admit) and governance.certificate.device == author
            for waiting in self.pending.items()
            for governance in waiting.delta.core.governance
        )

    def _to_ask(self, now: float) -> tuple[DeltaId, ...]:
        """What is missing and was not asked for just now.

        Without that memory each delta that waits would ask for all that is missing again, and one
        that is evicted as it comes would be asked for at the speed of the network.
        """
        due = (i for i in self._missing() if not self._is_asked(i, now))
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

    def _missing(self) -> tuple[DeltaId, ...]:
        parents = self.pending.parents()
        return self.pending.missing({p: self._ledger.is_applied(p) for p in parents})

    def _set_ask(self) -> list[Effect]:
        if self._is_ask_set:
            return []
        self._is_ask_set = True
        return [SetTimer(ASK, limits.ASK_AGAIN_S)]


def _blame(sent: DeltaReceived | Waiting, code: str) -> list[Effect]:
    """Who forwards by gossip what a member should not have written is not at fault."""
    return [Misbehaved(sent.peer, code)] if sent.is_streamed else []
