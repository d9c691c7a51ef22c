"""Doing what a commander wishes of a context's rules: looked at first, then written.

What takes an admin away goes one at a time: two that are looked at before either is written could
each count on the admin that the other takes.
"""

from __future__ import annotations

from functools import partial

import trio

from covey.codec import parse_cid, parse_did
from covey.errors import Refused
from covey.governance import devices, named_member
from covey.model import DeltaId, DeviceId, Governance, ReleaseId
from covey.node.context import ContextDriver
from covey.node.contexts import Contexts
from covey.node.foresight import RuleForbids, check_approval, in_force_already, notice_told
from covey.node.governing import Wish, effects_of, migration_of
from covey.node.held import Held
from covey.node.last_admin import require_admin_stays
from covey.node.records import Records
from covey.node.rulebook import ConstraintRow, require_members
from covey.sync import Ledger

__all__ = ["fulfil"]


async def fulfil(
    contexts: Contexts, records: Records, held: Held, driver: ContextDriver, wish: Wish
) -> DeltaId:
    """Write what is wished, durable when this returns. driver: of a device that is admitted.

    Raises Refused with the rule's reason. Cancelled once it is being written, it is written first.
    """
    if wish.action == "upgrade":  # It takes nothing from an admin, and may run for long.
        return await _upgrade(records, driver, wish)
    async with held.governing:
        if held.driver is not driver:
            raise Refused("the context was left before it was done")
        effects = _looked_at(contexts, records, held, driver, wish)
        # Else who hangs up would let the next one be looked at before this is written.
        with trio.CancelScope(shield=True):
            return await driver.govern(effects)


def _looked_at(
    contexts: Contexts, records: Records, held: Held, driver: ContextDriver, wish: Wish
) -> tuple[Governance, ...]:
    ledger, device = driver.replica.ledger, driver.replica.device
    effects = effects_of(ledger, device, wish, records)
    if not wish.abandons:
        is_spent = partial(contexts.devices.is_spent, held.record)
        require_admin_stays(ledger.authority, device, effects, is_spent)
    if wish.action == "tighten" and wish.constraint is not None:
        _require_members(contexts, ledger, wish.constraint)
    if wish.action == "approve":
        release = ReleaseId(parse_cid(wish.release))
        check_approval(ledger, release, records.application(release))
    return effects


def _require_members(contexts: Contexts, ledger: Ledger, row: ConstraintRow) -> None:
    """Of devices that were removed too: their keys are still no members'."""
    owners = contexts.devices.owners() | dict(devices(ledger.authority))
    for device in (DeviceId(parse_did(text)) for text in row.keys):
        member = named_member(ledger.authority, device)
        if member is not None:
            owners[device] = member
    require_members(row, owners)


async def _upgrade(records: Records, driver: ContextDriver, wish: Wish) -> DeltaId:
    ledger, release = driver.replica.ledger, ReleaseId(parse_cid(wish.release))
    effects = effects_of(ledger, driver.replica.device, wish, records)
    denied = in_force_already(ledger, release)
    if denied is not None:
        raise RuleForbids(denied)
    # Before it is in force: what is asked of this node afterwards, it answers.
    await driver.code.make_ready(release, records.manifest(release))
    try:
        return await driver.govern(effects, migration_of(wish))
    except RuleForbids as forbidden:
        if forbidden.code != "notice":
            raise
        raise RuleForbids(notice_told(ledger, release)) from forbidden
