"""Owned and frozen entries that take a role, in collections that come with an upgrade."""

from __future__ import annotations

import pytest

from covey.crypto import sha256
from covey.model import Delete, Denied, Effect, Governance, Promote, Put, Upgrade
from covey.sync import Admissible
from covey.testkit.history import START_MS
from covey.testkit.identities import Identity
from covey.testkit.oracle.people import device, start
from covey.testkit.oracle.writing import Writing
from covey.testkit.playbook import Stage
from covey.testkit.rules.releases import BADGES, VERDICTS, kinds, manifest

ANN, BEN, EMIL, EVE = device("ann"), device("ben"), device("emil"), device("eve")
NEXT = manifest("1.2.0")
_LATE_S = START_MS / 1_000 + 10**6


class Context:
    """ann and ben are admins; ben and emil are editors too."""

    def __init__(self) -> None:
        founding = start(ANN, BEN)
        self.writing = Writing(founding)
        self.stage = Stage(founding, EVE, now=_LATE_S)
        self.say(ANN, EMIL.admit(founding.context))
        self.say(ANN, Promote(EMIL.device, "editor"), Promote(BEN.device, "editor"))

    def say(self, who: Identity, *said: Governance, put: tuple[Effect, ...] = ()) -> None:
        """What everybody applies."""
        known = self.writing.write(who, self.writing.admitted, said, put)
        self.stage.receive(known.delta)
        assert self.stage.replica.ledger.is_applied(known.delta.id)

    def code(self, who: Identity, *said: Governance, put: tuple[Effect, ...] = ()) -> str:
        """Why that is refused as the next delta; empty: it is not."""
        known = self.writing.write(who, self.writing.admitted, said, put)
        judged = self.stage.replica.judge.judge(known.delta, int(_LATE_S * 1_000))
        self.writing.forget(known)
        assert isinstance(judged, Admissible | Denied)
        return judged.code if isinstance(judged, Denied) else ""


def upgrade(number: int = 1, packed: bytes = NEXT) -> Upgrade:
    """By default to the release that brings both collections."""
    return Upgrade(number, packed, ())


@pytest.mark.parametrize(
    ("who", "put", "code"),
    [
        (ANN, Put(BADGES, ANN.member_id, b"v"), "role-missing"),
        (ANN, Put(VERDICTS, ANN.member_id, b"v"), "role-missing"),
        (BEN, Put(BADGES, BEN.member_id, b"v"), ""),
        (BEN, Put(BADGES, EMIL.member_id, b"v"), "not-owner"),
        (BEN, Delete(BADGES, EMIL.member_id), "not-owner"),
        (BEN, Put(VERDICTS, BEN.member_id, b"v"), ""),
        (BEN, Put(VERDICTS, sha256(b"v"), b"v"), ""),
        (BEN, Put(VERDICTS, EMIL.member_id, b"v"), "not-owner"),
        (BEN, Delete(VERDICTS, BEN.member_id), "effect-forbidden"),
        (EMIL, Put(BADGES, EMIL.member_id, b"v"), "no-admin"),
    ],
)
def test_migration_needs_the_role_and_writes_its_authors_own(who: Identity, put: Effect, code: str):
    """An admin puts the release in force; what that migrates is bound as every call is."""
    assert Context().code(who, upgrade(), put=(put,)) == code


def test_what_a_migration_froze_stays_frozen():
    """For its author, for others with the role, and for the migration of the next release."""
    context = Context()
    frozen = Put(VERDICTS, BEN.member_id, b"v")
    context.say(BEN, upgrade(), put=(frozen,))
    again = Put(VERDICTS, BEN.member_id, b"w")
    assert context.code(BEN, put=(again,)) == "frozen"
    assert context.code(BEN, upgrade(2, manifest("1.3.0")), put=(again,)) == "frozen"
    assert context.code(EMIL, put=(again,)) == "not-owner"
    assert context.code(ANN, put=(again,)) == "role-missing"


def test_collections_are_there_from_the_upgrade_on():
    """Before it there is nothing that a role could open; after it holders write their own."""
    context = Context()
    own = Put(BADGES, EMIL.member_id, b"v")
    assert context.code(EMIL, put=(own,)) == "unknown-collection"
    context.say(ANN, upgrade())
    assert context.code(EMIL, put=(own,)) == ""
    assert context.code(ANN, put=(Put(BADGES, ANN.member_id, b"v"),)) == "role-missing"
    assert context.code(EMIL, put=(Put(BADGES, BEN.member_id, b"v"),)) == "not-owner"


@pytest.mark.parametrize("kind", ["`owned` without its roles", "`frozen` made a register"])
def test_no_later_release_takes_role_or_rule_away(kind: str):
    """What the upgrade brought binds the next one, as what the charter's release has does."""
    context = Context()
    context.say(ANN, upgrade())
    assert context.code(ANN, upgrade(2, kinds()[kind])) == "collection-changed"
    assert context.code(ANN, upgrade(2, kinds()["one more"])) == ""
