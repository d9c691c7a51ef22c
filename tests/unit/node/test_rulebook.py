"""What a founder may choose, and the charter that it comes to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from covey.codec import certificate_text, did_text, encode_charter
from covey.errors import ConfigError
from covey.model import (
    EXECUTION_METERED,
    Admission,
    ApplicationId,
    Charter,
    Encryption,
    MemberId,
    Never,
    Publisher,
    Quorum,
    ReleaseId,
    Verification,
    limits,
)
from covey.node.rulebook import (
    NO_RULES,
    ConstraintRow,
    Rulebook,
    WrongRule,
    check_rulebook,
    constraint_of_row,
    constraint_row,
    founded,
    require_members,
)
from covey.runtime import read_interface
from covey.testkit.identities import identity
from tests.contract.runtime.guests import abi_json, with_abi

ANN, BEN, CARA = identity("ann"), identity("ben"), identity("cara")
SECOND = identity("ann", "second")
NONCE = bytes(range(32))
APPLICATION = ApplicationId(b"a" * 32)
RELEASE = ReleaseId(b"\x01\x55\x12\x20" + b"r" * 32)


def charter(rules: Rulebook) -> Charter:
    """ann's charter."""
    made = founded(APPLICATION, RELEASE, ANN.certificate, NONCE, rules)
    assert encode_charter(made)
    return made


def text(*who: object) -> tuple[str, ...]:
    """Certificates as they are handed on."""
    return tuple(certificate_text(one.certificate) for one in who)


def test_without_rules_a_context_is_open_and_its_founder_decides():
    """Every field, so that no default changes unseen."""
    made = charter(NO_RULES)
    assert made.admins == (ANN.certificate,)
    assert (made.application, made.release, made.nonce) == (APPLICATION, RELEASE, NONCE)
    assert (made.roles, made.constraints, made.admin_quorum) == ((), (), 0)
    assert (made.admission, made.encryption) == (Admission.OPEN, Encryption.NONE)
    assert (made.verification, made.execution) == (Verification.REPLAY, EXECUTION_METERED)


def test_rules_are_in_the_charter():
    """In the order given: the founder first, then by rank."""
    keys = tuple(did_text(one.member_id) for one in (ANN, BEN))
    made = charter(
        Rulebook(
            roles=("editor", "co-editor_2"),
            code=(ConstraintRow("publisher"), ConstraintRow("quorum", 2, keys, 3)),
            admins=text(CARA, BEN),
            admin_quorum=2,
        )
    )
    assert [admin.member for admin in made.admins] == [
        ANN.member_id, CARA.member_id, BEN.member_id,
    ]  # fmt: skip
    assert made.roles == ("editor", "co-editor_2")
    assert made.constraints == (Publisher(), Quorum(2, (ANN.member_id, BEN.member_id), 3_000))
    assert made.admin_quorum == 2


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (Rulebook(roles=("admin",)), "every context has 'admin' already"),
        (Rulebook(roles=("",)), "no application could name it; say a-z, then"),
        (Rulebook(roles=("r" * 65,)), "no application could name it; say a-z, then"),
        (Rulebook(roles=("Editor",)), "'Editor': no application could name it"),
        (Rulebook(roles=("éditrice",)), "no application could name it; say a-z, then"),
        (Rulebook(roles=("a\nb",)), "no application could name it; say a-z, then"),
        (Rulebook(roles=("a", "a")), "roles: 'a' stands there twice"),
        (Rulebook(roles=tuple(f"r{n}" for n in range(33))), "at most 32"),
        (Rulebook(admins=("coveycert1",)), "no certificate"),
        (Rulebook(fuel_budget=limits.BUDGET_MIN - 1), "fuel_budget: 0, or at least"),
        (Rulebook(verification="reply"), "one of replay, signature"),
        (Rulebook(admins=text(ANN)), "is this node's own: .* leave it out"),
        (Rulebook(admins=text(BEN, BEN)), "admins: .* stands there twice"),
        (Rulebook(admins=text(*(identity(f"n{n}") for n in range(32)))), "at most 31 beside"),
        (Rulebook(admin_quorum=1), "admin_quorum: 1 takes further founders: `admins` has to"),
        (Rulebook(admin_quorum=2, admins=text(SECOND)), "admin_quorum: 2 takes further founders"),
        (Rulebook(admin_quorum=3, admins=text(BEN)), "admin_quorum: 3: from 2 to 2"),
        (Rulebook(admin_quorum=-1, admins=text(BEN)), "admin_quorum"),
        (Rulebook(code=(ConstraintRow("never"),) * 2), "constraint: the same stands there twice"),
        (
            Rulebook(
                code=tuple(
                    ConstraintRow("quorum", 1, (did_text(ANN.member_id),), n) for n in range(9)
                )
            ),
            "at most 8",
        ),
    ],
)
def test_mistake_is_told(rules: Rulebook, why: str):
    """By what it is about."""
    with pytest.raises(ConfigError, match=why):
        charter(rules)


@pytest.mark.parametrize("name", ["editor", "a", "r" * 64, "a-b_9", "Editor", "9a", "é", "r" * 65])
def test_roles_are_those_that_an_application_can_name(name: str):
    """Another one would be there for ever, and no collection could ask for it."""
    module = with_abi(
        '(module (memory (export "memory") 1))',
        abi_json(collections=[{"name": "c", "rule": "register", "roles": [name]}], methods=[]),
    )
    try:
        read_interface(module)
    except ConfigError:
        with pytest.raises(ConfigError, match="no application could name it"):
            charter(Rulebook(roles=(name,)))
    else:
        charter(Rulebook(roles=(name,)))


def test_certificate_that_does_not_verify_is_no_founder():
    """Nobody is made a founder's device without that member's word."""
    forged = replace(BEN.certificate, member=CARA.member_id)
    with pytest.raises(ConfigError, match="does not verify"):
        charter(Rulebook(admins=(certificate_text(forged),)))


def test_as_many_as_fit():
    """The limits themselves are allowed."""
    more = tuple(identity(f"n{n}") for n in range(limits.CHARTER_ADMINS_MAX - 1))
    roles = tuple(f"r{n}" for n in range(limits.CHARTER_ROLES_MAX))
    made = charter(Rulebook(admins=text(*more), roles=roles, admin_quorum=32))
    assert (len(made.admins), len(made.roles), made.admin_quorum) == (32, 32, 32)


# -- constraints -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "constraint"),
    [
        (ConstraintRow("never"), Never()),
        (ConstraintRow("publisher"), Publisher()),
        (
            ConstraintRow("quorum", 1, (did_text(ANN.member_id),), 0),
            Quorum(1, (ANN.member_id,), 0),
        ),
        (
            ConstraintRow("quorum", 1, (did_text(ANN.member_id), did_text(BEN.member_id)), 60),
            Quorum(1, (ANN.member_id, BEN.member_id), 60_000),
        ),
    ],
)
def test_constraint_both_ways(row: ConstraintRow, constraint: object):
    """What is said is what binds, and what is shown."""
    assert constraint_of_row(row) == constraint
    assert constraint_row(constraint) == row


@pytest.mark.parametrize(
    "key",
    [
        bytes(32),  # of small order
        b"\x01" + bytes(31),  # the identity
        bytes.fromhex("02" + "00" * 31),  # on no curve
        b"\xff" * 32,  # not canonical
    ],
)
def test_key_that_nobody_can_have_is_no_key_of_a_quorum(key: bytes):
    """It is told by name: a typing error would bind the context to it for ever."""
    with pytest.raises(WrongRule, match=f"nobody can have the key {did_text(key)}") as caught:
        constraint_of_row(ConstraintRow("quorum", 1, (did_text(ANN.member_id), did_text(key))))
    assert (caught.value.field, caught.value.value) == ("keys", did_text(key))


def test_most_typing_errors_in_a_key_are_found():
    """One letter of a key is another one: all but a few of these are nobody's."""
    right = did_text(ANN.member_id)
    found = 0
    for place in range(len("did:key:z6Mk"), len(right)):
        letter = "2" if right[place] != "2" else "3"
        wrong = f"{right[:place]}{letter}{right[place + 1 :]}"
        try:
            constraint_of_row(ConstraintRow("quorum", 1, (wrong,)))
        except WrongRule:
            found += 1
    assert found > 0.8 * (len(right) - len("did:key:z6Mk"))


def test_rules_are_checked_before_the_founder_is_known():
    """All but what depends on who it is, so that a command can do without a node."""
    rules = Rulebook(admins=text(BEN), admin_quorum=2)
    check_rulebook(rules)
    check_rulebook(Rulebook(admins=text(ANN)))
    with pytest.raises(WrongRule, match="this node's own"):
        check_rulebook(Rulebook(admins=text(ANN)), ANN.certificate)
    with pytest.raises(WrongRule, match="3: from 2 to 2"):
        check_rulebook(replace(rules, admin_quorum=3))
    wrong = (ConstraintRow("never"), ConstraintRow("quorum", 2, (did_text(ANN.member_id),)))
    with pytest.raises(WrongRule) as caught:
        check_rulebook(Rulebook(code=wrong))
    assert (caught.value.field, caught.value.number) == ("k", 1)


def test_notice_of_a_part_of_a_second_is_shown_as_the_next():
    """Never shorter than it is."""
    assert constraint_row(Quorum(1, (ANN.member_id,), 1)).notice_s == 1
    assert constraint_row(Quorum(1, (ANN.member_id,), 1_001)).notice_s == 2


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (ConstraintRow("sometimes"), "one of never, publisher, quorum"),
        (ConstraintRow("never", 1), "they are of a quorum"),
        (ConstraintRow("publisher", keys=(did_text(ANN.member_id),)), "they are of a quorum"),
        (ConstraintRow("never", notice_s=1), "they are of a quorum"),
        (ConstraintRow("quorum"), "keys: 0 are given: 1 to 32"),
        (ConstraintRow("quorum", 1, ("ann",)), "did:key"),
        (
            ConstraintRow("quorum", 1, (did_text(ANN.member_id),) * 2),
            f"keys: {did_text(ANN.member_id)} stands there twice",
        ),
        (ConstraintRow("quorum", 0, (did_text(ANN.member_id),)), "k: missing, or 0: from 1 to 1"),
        (ConstraintRow("quorum", 2, (did_text(ANN.member_id),)), "k: 2: from 1 to"),
        (ConstraintRow("quorum", 1, (did_text(ANN.member_id),), -1), "notice"),
        (ConstraintRow("quorum", 1, (did_text(ANN.member_id),), 10**9), "notice"),
    ],
)
def test_wrong_constraint_is_told(row: ConstraintRow, why: str):
    """By what it is about."""
    with pytest.raises(ConfigError, match=why):
        constraint_of_row(row)


@pytest.mark.parametrize("who", [ANN, BEN])
def test_key_of_a_founders_device_is_no_key_of_a_quorum(who):
    """Approvals are counted by member: such a quorum would wait for ever."""
    keys = (did_text(CARA.member_id), did_text(who.device))
    code = (ConstraintRow("publisher"), ConstraintRow("quorum", 1, keys))
    with pytest.raises(WrongRule, match="is a device, not a member: its member is") as caught:
        check_rulebook(Rulebook(code=code, admins=text(BEN)), ANN.certificate)
    wrong = caught.value
    assert (wrong.field, wrong.number, wrong.value) == ("keys", 1, did_text(who.device))
    assert wrong.why.endswith(did_text(who.member_id))


def test_member_whose_key_is_a_device_too_is_a_key_of_a_quorum():
    """Nothing forbids one key to be both."""
    row = ConstraintRow("quorum", 1, (did_text(ANN.device),))
    require_members(row, {ANN.device: MemberId(ANN.device)})
    require_members(row, {})
    require_members(ConstraintRow("never"), {ANN.device: ANN.member_id})
