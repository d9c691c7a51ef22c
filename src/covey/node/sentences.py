"""What can and what can never happen in a context, in plain sentences.

Every sentence follows from the charter and the code rule; none promises more than the protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from covey.codec import cid_of, cid_text, did_text
from covey.model import (
    ADMIN_ROLE,
    Admission,
    Admit,
    Approve,
    Charter,
    Close,
    Collection,
    Constraint,
    Demote,
    Encryption,
    Evidence,
    Governance,
    Merge,
    Never,
    Promote,
    Publisher,
    Quorum,
    Rule,
    Tighten,
    Upgrade,
    Verification,
    Vote,
)

__all__ = ["Present", "Sentences", "deed", "sentences", "span_text"]


@dataclass(frozen=True, slots=True)
class Sentences:
    """can: what may happen. never: what cannot. unpromised: what the rules do not prevent."""

    can: tuple[str, ...]
    never: tuple[str, ...]
    unpromised: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Present:
    """Who is there. roles: that devices hold; members: how many; founders: that are admins."""

    roles: frozenset[str]
    members: int
    founders: int

    @property
    def is_governed(self) -> bool:
        """Whether anybody is an admin."""
        return ADMIN_ROLE in self.roles


def _founding(charter: Charter) -> Present:
    count = len({admin.member for admin in charter.admins})
    return Present(frozenset({ADMIN_ROLE}), count, count)


def sentences(
    charter: Charter,
    constraints: Sequence[Constraint],
    collections: Sequence[Collection],
    present: Present | None = None,
) -> Sentences:
    """The rules of a context; constraints: all that bind there now.

    present: who is there now; without it those whom the charter names.
    """
    there = _founding(charter) if present is None else present
    can, never = _code(constraints, there)
    more_can, more_never = _people(charter, there)
    can += more_can
    never += more_never
    never += _ranks(charter)
    more_can, more_never = _entries(charter, collections, there)
    unpromised = tuple(_unpromised(charter, constraints, there))
    return Sentences((*can, *more_can), (*never, *more_never), unpromised)


def deed(effect: Governance) -> str:
    """What a governance effect does, in a few words."""
    match effect:
        case Merge():
            return "merges heads"
        case Admit(certificate):
            return f"admits {did_text(certificate.device)}"
        case Promote(device, role):
            return f"gives {role} to {did_text(device)}"
        case Close(device):
            return f"removes {did_text(device)}"
        case Demote(device, role):
            return f"takes {role} from {did_text(device)}"
        case Upgrade(number, manifest):
            return f"puts release {cid_text(cid_of(manifest))} in force as number {number}"
        case Approve(number, release):
            return f"approves release {cid_text(release)} as number {number}"
        case Tighten(constraint):
            return f"tightens: {type(constraint).__name__.lower()}"
        case Evidence(one, other):
            return f"shows a fork: {one.hex()} and {other.hex()}"
        case Vote(device):
            return f"votes to remove {did_text(device)}"


def _code(constraints: Sequence[Constraint], there: Present) -> tuple[list[str], list[str]]:
    if any(isinstance(constraint, Never) for constraint in constraints):
        return [], ["Nobody can change this application's code."]
    can = ["An admin can put another release of this application in force."]
    never = ["No release of another application, or of another publisher, can come into force."]
    never.append("No release can drop a collection, or change its merge rule or its roles.")
    for constraint in constraints:
        match constraint:
            case Publisher():
                never.append("No release can come into force that is not newer than the last.")
            case Quorum(k, keys, notice_ms):
                who = _some(k, [did_text(key) for key in keys])
                never.append(f"No release can come into force that was not approved by {who}.")
                if notice_ms:
                    exact = notice_ms % 1_000 == 0
                    span = span_text(notice_ms // 1_000) if exact else f"{notice_ms} milliseconds"
                    never.append(
                        f"The keys alone cannot bring a release into force before a member "
                        f"without any of them has known of it for {span}: who does not want it "
                        f"can leave."
                    )
    can.append("An admin can add a constraint on releases; nobody can take one away.")
    return can if there.is_governed else [], never


def _some(k: int, keys: list[str]) -> str:
    if len(keys) == 1:
        return keys[0]
    return f"{k} of {', '.join(keys)}"


def span_text(seconds: int) -> str:
    """A time in the largest unit that divides it."""
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds and seconds % size == 0:
            count = seconds // size
            return f"{count} {name}{'' if count == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _people(charter: Charter, there: Present) -> tuple[list[str], list[str]]:
    can, never = [], []
    if not there.is_governed:
        never.append(
            "Nobody governs this context any more: no admin is left, so that no other release can "
            "come into force, and nobody can give a role or remove another member."
        )
    said = {
        Admission.OPEN: "Whoever knows this context can become a member.",
        Admission.INVITE: "Whoever has an invitation can become a member.",
        Admission.CLOSED: "An admin can let a member in.",
    }
    if there.is_governed or (there.members and charter.admission is Admission.OPEN):
        can.append(said[charter.admission])
    else:
        never.append("Nobody can become a member any more: nobody is left who could let it in.")
    if there.founders:
        can.append("An admin of the charter can remove any member but admins before it there.")
    if there.is_governed:
        can.append("An admin made later can remove those whom only it, or those it let in, let in.")
    if there.members:
        can.append("A member can remove its own devices.")
    if there.is_governed:
        roles = ", ".join(("admin", *charter.roles))
        can.append(f"An admin can give a role to a member's device, and take it away: {roles}.")
    if charter.admin_quorum and there.founders > charter.admin_quorum:
        can.append(
            f"{charter.admin_quorum} members who are admins of the charter can together remove "
            f"another one, the first too."
        )
    return can, never


def _ranks(charter: Charter) -> list[str]:
    first = did_text(charter.admins[0].member)
    never = [
        "A device that was removed can never come back; its member can, with another device.",
        "Admission, verification, encryption and roles of this context can never change.",
    ]
    if not _founding(charter).founders > charter.admin_quorum > 0:
        never.append(f"Nobody but itself can remove the first admin, {first}.")
    return never


def _entries(
    charter: Charter, collections: Sequence[Collection], there: Present
) -> tuple[list[str], list[str]]:
    can, never = [], []
    if charter.verification is Verification.REPLAY:
        never.append(
            "Nobody can write what the code would not, not even with a doctored node: every "
            "member's node runs every call again before it counts."
        )
    if charter.fuel_budget:
        fuel = f"{charter.fuel_budget:,}"
        never.append(f"No device's calls can use more than {fuel} fuel for each minute it claims.")
    for collection in collections:
        name = collection.name
        known = [role for role in collection.roles if role in (ADMIN_ROLE, *charter.roles)]
        roles = " or ".join(known or collection.roles)
        who = f"Members with the role {roles}" if roles else "All members"
        if collection.roles and not known:
            never.append(f"Nobody can write {name}: this context has no role {roles}.")
            continue
        is_written = there.members > 0
        if roles and not there.is_governed and there.roles.isdisjoint(known):
            is_written = False
            never.append(f"Nobody can write {name} any more: nobody has the role {roles}.")
        elif roles:
            never.append(f"Nobody without the role {roles} can write {name}.")
        match collection.rule:
            case Rule.FROZEN:
                never.append(
                    f"Nobody can delete an entry of {name}, nor change one of another member: only "
                    "who wrote it, from a second device that claims to have written before."
                )
            case Rule.OWNED:
                never.append(f"Nobody can change an entry of {name} but the member it belongs to.")
            case _ if is_written:
                can.append(f"{who} can write {name}, as the code lets them.")
    return can, never


def _unpromised(charter: Charter, constraints: Sequence[Constraint], there: Present) -> list[str]:
    some = [
        "An application that takes its instructions from data can be changed by that data.",
        "Times are their author's claims, and random draws can be tried by their author first.",
        "What a member wrote without having seen its removal counts for nothing from then on.",
    ]
    is_locked = any(isinstance(constraint, Never) for constraint in constraints)
    if there.is_governed and not is_locked:
        if any(
            isinstance(constraint, Quorum) and constraint.notice_ms for constraint in constraints
        ):
            some += [
                "Who sleeps through a notice finds the new release in force.",
                "The keys, with a member that helps them or that they let in themselves, can "
                "shorten a notice to nothing.",
            ]
        else:
            some.append("A new release can come into force at once: nobody has to give notice.")
        some.append("Any admin can add a constraint that only it can satisfy, or that nobody can.")
    if charter.verification is Verification.SIGNATURE:
        some.append(
            "Calls are not run again by others: a member with a doctored node can write what the "
            "merge rules and roles allow, whatever the code would do."
        )
    if charter.encryption is Encryption.NONE:
        some.append("Whoever knows this context can read everything in it.")
    return some
