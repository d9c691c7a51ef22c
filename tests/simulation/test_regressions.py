"""What the simulator found, kept as the shortest test that shows it, or as a small schedule."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.codec import KnownPeer
from covey.model import Cid, ContextId, DeviceId, PeerId, Put, Upgrade, limits
from covey.sync import AdmissionRequested, Applied, Execute, Ledger, Sources
from covey.sync.session import (
    AdmissionTold,
    AnswerAdmission,
    AskAdmission,
    Close,
    FrameArrived,
    Send,
    Session,
    SessionEffect,
)
from covey.testkit.history import History
from covey.testkit.identities import found, identity
from covey.testkit.oracle.people import manifest, release, start
from covey.testkit.playbook import Stage, submit
from covey.testkit.sim import load_application, simulate
from covey.testkit.sim.regression import load_regression

KEPT = Path(__file__).parent / "regressions"
FOUNDERS = tuple(identity(f"founder {number}") for number in range(12))
GUEST = identity("guest")


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem)
def test_kept_schedule_breaks_no_promise(path: Path) -> None:
    """Each once did; `covey simulate` put it here."""
    regression = load_regression(path)
    application = load_application(regression.application)
    result = simulate(regression.plan, application, is_thorough=True)
    assert result.finding is None, result.finding


def test_first_delta_follows_its_admission_among_many_heads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With more heads than parents, a newcomer's merge chose heads that did not know it yet."""
    monkeypatch.setattr(limits, "DELTA_PARENTS_MAX", 2)
    founding = found(*FOUNDERS)
    for admitting in FOUNDERS:
        history = History(founding)
        stage = Stage(founding, GUEST)
        for founder in FOUNDERS:
            admits = (GUEST.admit(founding.context),) if founder is admitting else ()
            calls = () if admits else ([Put("notes", b"k", b"v")],)
            stage.receive(history.write(founder, (), *calls, governance=admits))
        assert len(stage.replica.ledger.heads) == len(FOUNDERS)
        effects = stage.handle(submit(1))
        assert any(isinstance(effect, Applied) and effect.is_own for effect in effects)
        assert isinstance(effects[-1], Execute)


def test_merge_of_some_heads_names_the_release_of_its_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """With an upgrade among the other heads the node stopped: it refused what it had signed."""
    monkeypatch.setattr(limits, "DELTA_PARENTS_MAX", 2)
    founding = start(*FOUNDERS)
    first, then = founding.charter.release, release(manifest("2.0.0", kind="more"))
    for upgrading in FOUNDERS[1:]:
        history = History(founding)
        stage = Stage(founding, FOUNDERS[0])
        for founder in FOUNDERS[1:]:
            upgrade = Upgrade(1, manifest("2.0.0", kind="more"), ())
            governance = (upgrade,) if founder is upgrading else ()
            calls = () if governance else ([Put("notes", b"k", b"v")],)
            stage.receive(history.write(founder, (), *calls, governance=governance))
        assert stage.replica.ledger.release == then
        merges = [e.delta for e in stage.handle(submit(1)) if isinstance(e, Applied)]
        named = [merge.core.release for merge in merges]
        assert named == sorted(named, key=lambda each: each == then)
        assert {first, then} >= set(named) != set()
        assert named[-1] == then


class Holder:
    """Implements `SessionHost` for one stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._sources = Sources()

    def contexts(self) -> tuple[ContextId, ...]:
        return (self._stage.founding.context,)

    def ledger(self, context: ContextId) -> Ledger | None:
        return self._stage.replica.ledger

    def sources(self, context: ContextId) -> Sources:
        return self._sources

    def blob(self, context: ContextId, cid: Cid) -> bytes | None:
        return None

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        return True

    def open_charter(self, topic: bytes, peer: PeerId) -> bytes | None:
        return None

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        return ()

    def prove_device(self, context: ContextId, message: bytes) -> tuple[DeviceId, bytes] | None:
        return None


def converse_once(
    listener: Session, effects: list[SessionEffect], now: float
) -> list[SessionEffect]:
    """What one session makes of the frames that the other sends."""
    sent = [effect for effect in effects if isinstance(effect, Send)]
    return [made for send in sent for made in listener.handle(FrameArrived(send.frame), now)]


def converse(
    one: Session, other: Session, effects: list[SessionEffect], now: float
) -> list[SessionEffect]:
    """Carry what one session says to the other and back; what neither of them sends."""
    kept: list[SessionEffect] = []
    speaker, listener = one, other
    while effects:
        kept += [effect for effect in effects if not isinstance(effect, Send)]
        effects = converse_once(listener, effects, now)
        speaker, listener = listener, speaker
    return kept


def test_two_late_answers_to_two_admissions_blame_nobody() -> None:
    """A slow member answers after the newcomer asked again: both answers were asked for."""
    founding = found(FOUNDERS[0])
    guest, host = Stage(founding, GUEST), Stage(founding, FOUNDERS[0])
    asking = Session(Holder(guest), PeerId("guest"), PeerId("host"), b"1" * 32)
    asked = Session(Holder(host), PeerId("host"), PeerId("guest"), b"2" * 32)
    greeting, greeted = asking.start(), asked.start()
    answer = converse_once(asking, greeted, guest.now)
    converse(asked, asking, converse_once(asked, greeting, guest.now), guest.now)
    converse(asking, asked, answer, guest.now)
    context, join = founding.context, GUEST.join(founding.context)
    ask = AskAdmission(context, GUEST.certificate, join)
    for _ in range(2):
        converse(asking, asked, asking.handle(ask, guest.now), guest.now)
    host.handle(AdmissionRequested(1, GUEST.certificate, join))
    told = [
        effect
        for reason in ("", "")
        for effect in converse(
            asked, asking, asked.handle(AnswerAdmission(context, reason), guest.now), guest.now
        )
    ]
    assert [type(effect) for effect in told] == [AdmissionTold, AdmissionTold]
    unasked = asked.handle(AnswerAdmission(context, ""), guest.now)
    assert converse(asked, asking, unasked, guest.now) == [Close("unasked")]


def test_a_delta_that_names_its_previous_twice_is_refused_after_waiting() -> None:
    """Taking it out of the buffer stopped the node: any member could have done that (seed 4076)."""
    founding = found(FOUNDERS[0])
    history = History(founding)
    first = history.write(FOUNDERS[0], (), (Put("notes", b"a", b"1"),))
    call = (Put("notes", b"b", b"2"),)
    twice = history.write(FOUNDERS[0], (first.id,), call, keep=False, parents=(first.id,))
    stage = Stage(founding, GUEST)

    stage.receive(twice)
    assert twice.id in stage.replica.intake.pending
    stage.receive(first)

    assert twice.id not in stage.replica.intake.pending
    assert stage.replica.ledger.count == 1
