"""What this device writes: calls in batches, admissions, merges.

Source: protocols/delta.md, "Group commit", and protocols/membership.md.
"""

from __future__ import annotations

from collections import deque

from covey.codec import decode_delta
from covey.errors import ProtocolViolation
from covey.governance import check_admit
from covey.model import (
    Admission,
    Admit,
    Completed,
    Delta,
    Denied,
    DeviceId,
    Failed,
    Failure,
    Outcome,
    ReleaseId,
    limits,
)
from covey.rules import cost_of
from covey.sync.author import Author, Draughted
from covey.sync.events import (
    AdmissionAnswered,
    AdmissionRequested,
    Applied,
    Broadcast,
    CallRequest,
    Effect,
    Execute,
    GovernanceAnswered,
    GovernanceRequested,
    RecordSequence,
    Reply,
    SetTimer,
)
from covey.sync.following import NothingToFollow
from covey.sync.gossip import Gossip
from covey.sync.judge import Admissible, Judge
from covey.sync.ledger import Ledger
from covey.sync.wishes import completed, release_of

__all__ = ["BUDGET", "LocalWrites"]

BUDGET = "budget"
_TOO_MANY_BRANCHES = (
    "there are more branches than this device can follow and stay a member: try again when "
    "others have written after them"
)


class LocalWrites:
    """The writer of one context; the caller commits before the effects go out."""

    def __init__(
        self,
        ledger: Ledger,
        judge: Judge,
        author: Author,
        gossip: Gossip,
        ready: dict[ReleaseId, None],
    ) -> None:
        self._ledger = ledger
        self._judge = judge
        self._author = author
        self._gossip = gossip
        self._executing: Draughted | None = None
        self._admissions: dict[DeviceId, AdmissionRequested] = {}
        self._wishes: deque[GovernanceRequested] = deque()
        self._migrating: GovernanceRequested | None = None
        self._ready = ready
        self._wanted = 0  # of the fuel budget, before calls are tried again
        self._at_once = limits.DELTA_CALLS_MAX

    @property
    def is_executing(self) -> bool:
        """Whether a batch is with the engine: its cut is fixed, so nothing may be applied."""
        return self._executing is not None

    @property
    def has_waiting(self) -> bool:
        """Whether calls, admissions or wishes wait to be written."""
        return bool(self._author.queued_count or self._admissions or self._wishes)

    def submit(self, requests: tuple[CallRequest, ...], *, may_write: bool) -> list[Effect]:
        """Queue calls; those that cannot be are answered at once."""
        if not may_write:
            return _failures(requests, Failure.NOT_ADMITTED, "not admitted yet")
        beyond = self._author.enqueue(requests)
        return _failures(beyond, Failure.OVERLOADED, "too many calls wait: try again")

    def request_admission(self, event: AdmissionRequested, *, may_write: bool) -> list[Effect]:
        """Queue an admission, or answer it at once."""
        device = event.certificate.device
        ledger = self._ledger
        if ledger.authority.member(device) is not None:
            return [AdmissionAnswered(event.request, "")]
        if not may_write:
            return [AdmissionAnswered(event.request, "not a member itself")]
        if ledger.charter.admission is not Admission.OPEN:
            return [AdmissionAnswered(event.request, "an admin decides who may come in")]
        admit = Admit(event.certificate, event.join)
        denied = check_admit(ledger.context, ledger.authority, admit)
        if denied is not None:
            return [AdmissionAnswered(event.request, denied.reason)]
        if device in self._admissions or len(self._admissions) >= limits.ADMISSIONS_QUEUED_MAX:
            return [AdmissionAnswered(event.request, "busy")]
        self._admissions[device] = event
        return []

    def request_governance(self, event: GovernanceRequested, *, may_write: bool) -> list[Effect]:
        """Queue a wish to govern, or answer it at once."""
        if not may_write:
            return [_refused(event, Denied("not-admitted", "this device may not write here"))]
        if len(self._wishes) >= limits.GOVERNANCE_QUEUED_MAX:
            return [_refused(event, Denied("overloaded", "too many wishes wait: try again"))]
        self._wishes.append(event)
        return []

    def give_up(
        self, why: str = "this device may not write here", to_guests: str = "not a member itself"
    ) -> list[Effect]:
        """Answer everything that waits: this device may not write, for good or for now.

        to_guests: the answer to who asked to be let in.
        """
        effects: list[Effect] = []
        while requests := self._author.take():
            effects += _failures(requests, Failure.NOT_ADMITTED, why)
        for event in self._admissions.values():
            effects.append(AdmissionAnswered(event.request, to_guests))
        self._admissions.clear()
        while self._wishes:
            effects.append(_refused(self._wishes.popleft(), Denied("not-admitted", why)))
        return effects

    def write_governance(self, now: float) -> list[Effect]:
        """Merge excess heads and admit who asked: deltas that need no execution."""
        effects: list[Effect] = []
        if not self._admissions and not self._wishes and not self._author.queued_count:
            return effects
        now_ms = int(now * 1000)
        try:
            while (excess := self._author.following.excess()) is not None:
                effects += self._apply(self._author.merge(excess, now_ms))
        except NothingToFollow:
            return [*effects, *self.give_up(_TOO_MANY_BRANCHES, "busy")]
        while self._wishes and self._may_write() and self._wishes[0].migration is None:
            effects += self._govern(self._wishes.popleft(), now_ms)
        if not self._may_write():
            return effects
        return [*effects, *self._admit(now_ms)]

    def _admit(self, now_ms: int) -> list[Effect]:
        """Let in who asked, as many as one delta can, if the rules allow it as all stands."""
        ledger, answers, admits = self._ledger, [], []
        for event in tuple(self._admissions.values())[: limits.DELTA_GOVERNANCE_MAX]:
            device = event.certificate.device
            del self._admissions[device]
            admit, why = Admit(event.certificate, event.join), ""
            # Meanwhile somebody else may have admitted the device, or closed it.
            if ledger.authority.member(device) is None:
                denied = check_admit(ledger.context, ledger.authority, admit)
                if denied is None:
                    admits.append(admit)
                else:
                    why = denied.reason
            answers.append(AdmissionAnswered(event.request, why))
        if not admits:
            return [*answers]
        delta = self._author.sign(self._author.draught((), now_ms), (), tuple(admits))
        assert delta is not None
        return [*self._apply(delta), *answers]

    def _may_write(self) -> bool:
        return self._ledger.authority.member(self._author.device) is not None

    def _govern(self, event: GovernanceRequested, now_ms: int) -> list[Effect]:
        """Write one wish, if the rules allow it as everything stands here."""
        return self._write_wish(event, self._author.draught((), now_ms), ())

    def _write_wish(
        self, event: GovernanceRequested, draughted: Draughted, outcomes: tuple[Outcome, ...]
    ) -> list[Effect]:
        effects = tuple(completed(self._ledger, e, draughted.time) for e in event.effects)
        delta = self._author.sign(draughted, outcomes, effects)
        assert delta is not None
        try:
            decode_delta(self._ledger.context, delta.frame)
        except ProtocolViolation as violation:
            # A commander may wish for more than a header holds: others could not read it.
            why = f"one delta does not hold it ({violation.reason}): ask for less at a time"
            return [_refused(event, Denied("too-large", why))]
        judged = self._judge.judge(delta, draughted.time >> 16)
        if isinstance(judged, Denied):
            return [_refused(event, judged)]
        return [*self._apply(delta), GovernanceAnswered(event.request, delta.id, None)]

    def begin(self, now: float) -> list[Effect]:
        """Give the next batch to the engine, if calls wait and their code is ready."""
        if self._wishes:
            return self._begin_migration(int(now * 1000))
        if self._ledger.release not in self._ready:
            return []
        requests = self._author.take(self._at_once)
        if not requests:
            return []
        draughted = self._author.draught(requests, int(now * 1000))
        bucket = self._author.bucket(draughted)
        if bucket is not None and bucket < self._wanted:
            return self._wait(draughted, bucket)
        self._executing = draughted
        return [Execute(self._author.batch(draughted))]

    def _wait(self, draughted: Draughted, bucket: int) -> list[Effect]:
        """Let calls wait until this device may use what they want."""
        self._author.put_back(draughted.requests)
        budget = self._ledger.charter.fuel_budget
        wait_s = (self._wanted - bucket) / budget * 60 + 0.001  # times are whole milliseconds
        return [SetTimer(BUDGET, wait_s)]

    def finish(self, outcomes: tuple[Outcome, ...]) -> list[Effect]:
        """The engine is done with a prefix of the batch; the rest goes back to the queue."""
        draughted, self._executing = self._executing, None
        assert draughted is not None
        if self._migrating is not None:
            return self._end_migration(draughted, outcomes)
        delta = self._author.sign(draughted, outcomes, ())
        bucket = self._author.bucket(draughted)
        if bucket is not None and self._is_beyond(bucket, delta, outcomes):
            return self._try_later(draughted, bucket)
        assert 0 < len(outcomes) <= len(draughted.requests)
        self._author.put_back(draughted.requests[len(outcomes) :])
        effects = [] if delta is None else self._apply(delta)
        replies = [
            Reply(
                request.request,
                outcome,
                delta.id if delta is not None and isinstance(outcome, Completed) else None,
            )
            for request, outcome in zip(draughted.requests, outcomes, strict=False)
        ]
        return [*effects, *replies]

    def _is_beyond(self, bucket: int, delta: Delta | None, outcomes: tuple[Outcome, ...]) -> bool:
        """Whether what was run takes more than this device may use now; it is run again later."""
        cost = 0 if delta is None else cost_of(delta.core, len(delta.frame))
        if outcomes and cost <= bucket:
            self._wanted, self._at_once = 0, limits.DELTA_CALLS_MAX
            return False
        if len(outcomes) > 1:
            self._at_once = len(outcomes) // 2  # Fewer of them may fit now.
        else:
            self._at_once = 1
            self._wanted = min(self._ledger.charter.fuel_budget, max(cost, 2 * max(1, bucket)))
        return True

    def _try_later(self, draughted: Draughted, bucket: int) -> list[Effect]:
        requests, failed = draughted.requests, draughted.requests[:0]
        if self._at_once == 1 and bucket >= self._ledger.charter.fuel_budget:
            requests, failed = requests[1:], requests[:1]  # It never has more.
        self._author.put_back(requests)
        return _failures(failed, Failure.OUT_OF_FUEL, "it is beyond the context's fuel budget")

    def _begin_migration(self, now_ms: int) -> list[Effect]:
        """Run the call of the upgrade that is wished for, under its own release."""
        event = self._wishes.popleft()
        assert event.migration is not None
        release = release_of(event)
        if release not in self._ready:
            return [_refused(event, Denied("not-ready", "that release is not installed here"))]
        self._migrating = event
        self._executing = self._author.draught((CallRequest(0, event.migration),), now_ms)
        return [Execute(self._author.batch(self._executing, release))]

    def _end_migration(self, draughted: Draughted, outcomes: tuple[Outcome, ...]) -> list[Effect]:
        event, self._migrating = self._migrating, None
        assert event is not None
        if not outcomes:
            why = "it needs more than this device may use now of the fuel budget: try again later"
            return [_refused(event, Denied("migration", why))]
        (outcome,) = outcomes
        if isinstance(outcome, Failed):
            return [_refused(event, Denied("migration", f"it failed: {outcome.message}"))]
        return self._write_wish(event, draughted, outcomes)

    def _apply(self, delta: Delta) -> list[Effect]:
        judged = self._judge.judge(delta, delta.core.time >> 16)
        assert isinstance(judged, Admissible), f"this node wrote what it refuses: {judged}"
        arrival = self._ledger.apply(delta, judged.payload, judged.cut)
        self._judge.forget_applied(delta.id)
        envelope = self._gossip.delta_envelope(delta)
        publish: list[Effect] = [] if envelope is None else [Broadcast(envelope)]
        return [
            RecordSequence(delta.core.sequence),
            *publish,
            Applied(delta, judged.payload, judged.member, is_own=True, arrival=arrival),
        ]


def _refused(event: GovernanceRequested, denied: Denied) -> GovernanceAnswered:
    return GovernanceAnswered(event.request, None, denied)


def _failures(requests: tuple[CallRequest, ...], failure: Failure, message: str) -> list[Effect]:
    failed = Failed(failure, message, 0, ())
    return [Reply(request.request, failed, None) for request in requests]
