"""Who is a member at a cut, and what concurrent admissions come to."""

from __future__ import annotations

from dataclasses import replace

from covey.codec import make_certificate
from covey.governance import check_admit, devices
from covey.model import Admission, Admit, Delta, DeltaId, HybridTime, MemberId, Put
from covey.testkit.history import History
from covey.testkit.identities import Identity, found, identity
from covey.testkit.playbook import Stage

ANN, BEN, EVE = identity("ann"), identity("ben"), identity("eve")
CARA, DORA = identity("cara"), identity("dora")
FOUNDING = found(ANN, BEN)
CONTEXT, CHARTER = FOUNDING.context, FOUNDING.charter


def checked(admit: Admit, stage: Stage | None = None) -> str | None:
    """The code of the denial at everything a node holds, or None."""
    ledger = (stage or Stage(FOUNDING, ANN)).replica.ledger
    denied = check_admit(CONTEXT, ledger.authority, admit)
    return None if denied is None else denied.code


def test_founders_are_members_of_every_cut_and_hold_the_admin_role():
    """The charter says so, before the first delta."""
    authority = Stage(FOUNDING, EVE).replica.ledger.authority
    assert (authority.member(BEN.device), authority.member(EVE.device)) == (BEN.member_id, None)
    assert (authority.roles(ANN.device), authority.roles(EVE.device)) == ({"admin"}, set())


def test_honest_admission_is_allowed():
    """Otherwise the refusals below mean nothing."""
    assert checked(EVE.admit(CONTEXT)) is None


def test_certificate_that_does_not_verify_is_refused():
    """Nobody is made somebody's device without that member's word."""
    honest = EVE.admit(CONTEXT)
    stolen = replace(honest.certificate, member=ANN.member_id)
    assert checked(Admit(stolen, EVE.join(CONTEXT))) == "bad-certificate"


def test_join_that_does_not_verify_is_refused():
    """Nobody is brought in without its own word, nor by one for another context."""
    assert checked(Admit(EVE.certificate, EVE.join(found(ANN).context))) == "bad-join"
    assert checked(Admit(EVE.certificate, BEN.join(CONTEXT))) == "bad-join"
    other = make_certificate(ANN.member, EVE.device, bytes(32))
    assert checked(Admit(other, EVE.join(CONTEXT))) == "bad-join"


def test_invitation_in_an_open_context_is_refused():
    """It has no meaning there, and none is given to it later."""
    admit = EVE.admit(CONTEXT)
    join = replace(admit.join, invitation=bytes(32), invitation_signature=admit.join.signature)
    assert checked(Admit(EVE.certificate, join)) == "admission"


def test_admission_by_invitation_is_refused():
    """Its rules are not here yet, so nobody enters."""
    founding = FOUNDING.again(admission=Admission.INVITE)
    assert checked(EVE.admit(founding.context), Stage(founding, ANN)) == "admission"


def test_member_is_not_admitted_again():
    """Neither a founder nor one whose admission is in the cut."""
    stage = Stage(FOUNDING, ANN)
    stage.receive(History(FOUNDING).write(BEN, (), governance=(EVE.admit(CONTEXT),)))
    assert checked(EVE.admit(CONTEXT), stage) == "admitted-already"
    assert checked(BEN.admit(CONTEXT), stage) == "admitted-already"


def claimed_by(member: Identity) -> Admit:
    """Eve's device, certified by another member, with eve's own consent."""
    certificate = make_certificate(member.member, EVE.device, bytes(32))
    twofold = replace(EVE, certificate=certificate)
    return twofold.admit(CONTEXT)


def contested() -> tuple[History, Delta, Delta, Delta]:
    """Two members claim eve's device at once; the earlier claim has the greater sequence."""
    history = History(FOUNDING)
    filler = history.write(ANN, (), [Put("notes", b"k", b"v")])
    early = history.write(ANN, (filler.id,), governance=(claimed_by(CARA),))
    time = HybridTime(early.core.time + 50)
    late = history.write(BEN, (), governance=(claimed_by(DORA),), time=time)
    return history, filler, early, late


def test_concurrent_admissions_give_the_earliest_members_device_in_any_order():
    """Two members may claim one device at once: everybody takes the same."""
    history, filler, early, late = contested()
    digests = set()
    for order in ((filler, early, late), (late, filler, early), (filler, late, early)):
        stage = Stage(FOUNDING, ANN)
        stage.receive(*order)
        assert dict(devices(stage.replica.ledger.authority))[EVE.device] == CARA.member_id
        digests.add(stage.replica.ledger.digest())
    assert digests == {history.digest(frozenset(history.deltas))}


def test_member_at_a_cut_is_what_that_cut_says():
    """A device may be one member's at one cut and another's at a wider one."""
    history, filler, early, late = contested()
    stage = Stage(FOUNDING, ANN)
    stage.receive(filler, early, late)
    ledger = stage.replica.ledger

    def member(*ids: DeltaId) -> MemberId | None:
        frontier = history.frontier(history.past(ids))
        return ledger.governor.at(frontier, ledger.governance_heads(ids)).member(EVE.device)

    assert member(filler.id) is None
    assert member(early.id) == CARA.member_id
    assert member(late.id) == DORA.member_id
    assert member(early.id, late.id) == CARA.member_id
