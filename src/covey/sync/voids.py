"""Keeps state in line with governance: what becomes void is folded out, what stands again in.

Source: protocols/governance.md, "What is void"; protocols/merge.md. Each touched entry is merged
again once, and nothing else is looked at.
"""

from __future__ import annotations

from covey.codec import decode_payload
from covey.crypto import LtHash
from covey.governance import (
    Authority,
    Governor,
    Placed,
    Silence,
    granted_by,
    restricted_by,
    silence_at,
)
from covey.governance import restrictions as restriction_rows
from covey.merge import (
    closed_element,
    constraint_element,
    device_element,
    refold,
    release_element,
    role_element,
)
from covey.model import Collection, Delta, DeltaId, DeviceId, Draft, Table, Tip
from covey.rules import is_silent, set_silent

__all__ = ["count_code", "count_outcomes", "follow"]


def count_outcomes(
    digest: LtHash, authority: Authority, devices: list[DeviceId], sign: int
) -> None:
    """Add (sign 1) or take away (-1) what the digest says of some devices."""
    change = digest.add if sign > 0 else digest.subtract
    for device in devices:
        member = authority.member(device)
        if member is not None:
            change(device_element(device, member))
            for role in sorted(authority.roles(device)):
                change(role_element(device, role))
        if authority.is_closed(device):
            change(closed_element(device))


def count_code(digest: LtHash, governor: Governor, authority: Authority, sign: int) -> None:
    """As above, what it says of the release in force and the code rule."""
    change = digest.add if sign > 0 else digest.subtract
    rule = governor.rule(authority)
    change(release_element(rule.release))
    for constraint in rule.constraints:
        change(constraint_element(constraint))


def follow(
    draft: Draft,
    digest: LtHash,
    governor: Governor,
    delta: Delta,
    before: Authority,
    after: Authority,
    place: Tip,
) -> None:
    """A delta changed the word on everything applied from `before` to `after`.

    It is recorded already; its own effects are not folded yet.
    """
    touched = _affected(governor, delta, before, after)
    count_outcomes(digest, before, touched, -1)
    count_outcomes(digest, after, touched, 1)
    if governor.rule(before) != governor.rule(after):
        count_code(digest, governor, before, -1)
        count_code(digest, governor, after, 1)
    silence = silence_at(governor, after)
    places: dict[tuple[bytes, bytes], Collection] = {}
    is_release = governor.rule(before).fallen != governor.rule(after).fallen
    for device, tip in _candidates(draft, touched, everybody=is_release):
        if tip != place:
            _settle(draft, governor, silence, Placed(device, tip), places)
    for (_, key), collection in sorted(places.items(), key=lambda item: item[0]):
        refold(draft, digest, collection, key)


def _affected(
    governor: Governor, delta: Delta, before: Authority, after: Authority
) -> list[DeviceId]:
    """The devices of whom something may be otherwise than before, sorted."""
    affected = dict.fromkeys((*granted_by(delta.core), *restricted_by(delta.core)))
    changed = {*(before.void ^ after.void), *(i for i, _ in before.mutual ^ after.mutual)}
    for each in sorted(changed):
        core = governor.past.delta(each).core
        affected.update(dict.fromkeys((core.author, *granted_by(core), *restricted_by(core))))
    for device in sorted({*before.counted, *after.counted}):
        one, other = before.counted.get(device), after.counted.get(device)
        if (None if one is None else one.frontier) != (None if other is None else other.frontier):
            affected[device] = None
            # Its restrictions spare what its counted branches had seen.
            for row in restriction_rows(after.past.reader):
                if row.at.author == device:
                    affected[row.target] = None
    return sorted(affected)


def _candidates(
    draft: Draft, devices: list[DeviceId], *, everybody: bool
) -> list[tuple[DeviceId, Tip]]:
    """The applied deltas of some devices, or of all."""
    found = []
    for prefix in [()] if everybody else [(device,) for device in devices]:
        for key, _ in draft.scan(Table.CHAIN, prefix):
            device, sequence, delta = key
            assert isinstance(device, bytes)
            assert isinstance(sequence, int)
            assert isinstance(delta, bytes)
            found.append((DeviceId(device), Tip(sequence, DeltaId(delta))))
    return found


def _settle(
    draft: Draft,
    governor: Governor,
    silence: Silence | None,
    at: Placed,
    places: dict[tuple[bytes, bytes], Collection],
) -> None:
    """Record whether a delta is silent now; note what it touches where that changed."""
    silent = silence is not None and silence.is_silent(at.author, at.tip)
    if silent == is_silent(draft, at.author, at.tip):
        return
    set_silent(draft, at.author, at.tip, silent=silent)
    delta = governor.past.delta(at.id)
    collections = governor.collections_of(delta)
    for effects in decode_payload(delta.sealed).effects:
        for effect in effects:
            collection = collections[effect.collection]
            places[collection.place, effect.key] = collection
