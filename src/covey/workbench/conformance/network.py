"""Real replicas of one context on stores in memory, between which a caller carries the deltas."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field

from covey.codec import charter_id, encode_charter, make_join
from covey.crypto import sha256
from covey.merge import StateReader
from covey.model import (
    EXECUTION_METERED,
    Admission,
    ApplicationId,
    Call,
    Charter,
    ContextId,
    Delta,
    DeviceId,
    Encryption,
    MemberId,
    Outcome,
    Payload,
    PeerId,
    Query,
    ScopedWrites,
    Verification,
    limits,
    next_time,
)
from covey.store import MemoryStore
from covey.sync import (
    AdmissionRequested,
    Applied,
    CallRequest,
    CallsSubmitted,
    Commit,
    DeltaReceived,
    Effect,
    Event,
    Execute,
    Executed,
    Misbehaved,
    Replica,
    Reply,
)
from covey.workbench.people import People, device_signer
from covey.workbench.trial import START_MS, Trial

__all__ = ["Founding", "Member", "Written", "found"]


@dataclass(frozen=True, slots=True)
class Founding:
    """A context before its first delta."""

    context: ContextId
    charter: Charter


@dataclass(frozen=True, slots=True)
class Written:
    """A delta and what is in it, as its author applied it."""

    delta: Delta
    payload: Payload
    author: str


@dataclass(slots=True)
class _Happened:
    """What one event led to on a replica."""

    outcome: Outcome | None = None
    written: list[Written] = field(default_factory=list)
    accused: list[str] = field(default_factory=list)


def found(trial: Trial, founder: str) -> Founding:
    """An open context of an application."""
    charter = Charter(
        application=ApplicationId(sha256(b"covey workbench application")),
        release=trial.release,
        admins=(trial.people.certificate(founder),),
        admission=Admission.OPEN,
        roles=(),
        verification=Verification.SIGNATURE,
        encryption=Encryption.NONE,
        constraints=(),
        admin_quorum=0,
        snapshot_witnesses=0,
        idle_limit_ms=0,
        fuel_budget=0,
        module_size_bytes_max=limits.MODULE_SIZE_BYTES_MAX,
        execution=EXECUTION_METERED,
        nonce=sha256(b"covey workbench nonce"),
    )
    return Founding(charter_id(encode_charter(charter)), charter)


class Member:
    """One member's replica; the driver of `covey.sync` where nothing takes time."""

    def __init__(self, name: str, founding: Founding, trial: Trial, *, skew_ms: int) -> None:
        self.name = name
        self.member: MemberId = trial.people.member(name)
        self.device: DeviceId = trial.people.device(name)
        self._founding = founding
        self._trial = trial
        self._skew_ms = skew_ms
        self._store = MemoryStore()
        self._requests = 0
        self.reader = self._store.reader(founding.context)
        self.state = StateReader(self.reader, trial.interface.collections)
        self.replica = Replica(
            context=founding.context,
            charter=founding.charter,
            first=trial.terms,
            reader=self.reader,
            device=device_signer(name),
            certificate=trial.people.certificate(name),
            peer=PeerId(name),
            rng=random.Random(name),  # noqa: S311 - it must repeat itself
        )

    def admit(self, name: str, people: People) -> Written:
        """Take another member in, as this one may."""
        certificate = people.certificate(name)
        join = make_join(device_signer(name), self._founding.context, certificate)
        happened = self._tell(AdmissionRequested(0, certificate, join), 0)
        (written,) = happened.written
        return written

    def call(self, call: Call, at_ms: int) -> tuple[Outcome, Written | None]:
        """Run a call; what it wrote, if it took effect. at_ms: since the beginning."""
        self._requests += 1
        happened = self._tell(CallsSubmitted((CallRequest(self._requests, call),)), at_ms)
        assert happened.outcome is not None, "a call that was submitted is answered"
        return happened.outcome, happened.written[0] if happened.written else None

    def receive(self, delta: Delta, sender: str, at_ms: int) -> tuple[str, ...]:
        """Take a delta in; the codes by which this replica refused it or one that waited."""
        return tuple(self._tell(DeltaReceived(delta, PeerId(sender)), at_ms).accused)

    def ask(self, call: Call, at_ms: int, viewer: Member | None = None) -> Outcome:
        """Run a query on this replica's state, as this member or another one."""
        who = viewer or self
        query = Query(
            context=self._founding.context,
            release=self._founding.charter.release,
            member=who.member,
            device=who.device,
            time=next_time(self._now_ms(at_ms, who), self.replica.ledger.clock),
            call=call,
        )
        return self._trial.executor.query(query, self.state)

    def _now_ms(self, at_ms: int, who: Member) -> int:
        return START_MS + at_ms + who._skew_ms

    def _tell(self, event: Event, at_ms: int) -> _Happened:
        now = self._now_ms(at_ms, self) / 1000
        happened = _Happened()
        effects: deque[Effect] = deque(self.replica.handle(event, now))
        while effects:
            match effects.popleft():
                case Commit(writes, durable):
                    part = ScopedWrites(self._founding.context, writes)
                    self._store.write((part,), durable=durable)
                case Execute(batch):
                    outcomes = self._trial.executor.run_batch(batch, self.state)
                    effects.extend(self.replica.handle(Executed(outcomes), now))
                case Reply(outcome=outcome):
                    happened.outcome = outcome
                case Applied(delta=delta, payload=payload, is_own=True):
                    happened.written.append(Written(delta, payload, self.name))
                case Misbehaved(code=code):
                    happened.accused.append(code)
                case _:
                    pass  # Timers, announcements and requests: the plan says what arrives when.
        return happened
