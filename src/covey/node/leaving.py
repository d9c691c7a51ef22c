"""Leaving a context: this node's device is closed there, unless it is only to be forgotten here.

Source: protocols/governance.md, "Who is what". A device that cannot write, or has nobody to tell,
leaves all the same; what was not done is said.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import trio

from covey.codec import cid_text
from covey.errors import NotFound, Refused
from covey.governance import devices
from covey.model import Close, ContextId, DeltaId, limits
from covey.node.context import ContextDriver
from covey.node.contexts import Contexts
from covey.node.held import Held
from covey.node.last_admin import are_admins_untold, require_admin_stays
from covey.node.views import LeaveResult
from covey.sync import Replica

__all__ = ["forget", "leave"]

_LOOK_S = 0.05  # between looks at what streams and other tasks do
_NOBODY = (
    "nobody who shares it is connected: the others do not learn that this device left, "
    "and it stays a member there"
)
_SILENT = (
    f"this device was closed, but no peer showed within {limits.LEAVE_TELL_S:.0f} s that it knows: "
    "if none does, it stays a member there"
)


async def leave(contexts: Contexts, held: Held, *, abandons: bool) -> LeaveResult:
    """Close this node's device in a context, let others learn of it, and forget the context.

    abandons: also where nobody who stays is an admin, for all that is known, or nobody stays at
    all; without it that is Refused, and nothing was done. Takes `limits.LEAVE_PEER_S` and
    `limits.LEAVE_TELL_S` at most, and what is being governed is written before. Cancelled, it may
    have closed the device and forgotten nothing; asked again it then forgets. NotFound: it was
    left or joined again meanwhile.
    """
    async with _alone(contexts, held):
        driver = held.driver
        delta: DeltaId | None = None
        undone = _why_mute(held)
        if driver is not None and not undone and _others(driver.replica):
            if not abandons:
                await _require_admin(contexts, held, driver.replica)
            delta, undone = await _close(contexts, driver)
        elif driver is not None and not undone and not abandons:
            _require_nothing_lost(driver.replica)
        await contexts.leave(held)
    return LeaveResult(
        id=cid_text(held.record.id),
        name=held.record.name,
        closed=delta is not None,
        delta="" if delta is None else delta.hex(),
        undone=undone,
    )


async def forget(contexts: Contexts, held: Held, *, abandons: bool) -> None:
    """Forget a context here and tell nobody; its roles go with this device, as in `leave`.

    With abandons nothing is waited for: it is the way out of a context that does not go on.
    """
    if abandons:
        await contexts.leave(held)
        return
    async with _alone(contexts, held):
        driver = held.driver
        if driver is not None and not _why_mute(held):
            if _others(driver.replica):
                await _require_admin(contexts, held, driver.replica)
            else:
                _require_nothing_lost(driver.replica)
        await contexts.leave(held)


@asynccontextmanager
async def _alone(contexts: Contexts, held: Held) -> AsyncIterator[None]:
    """Meanwhile nobody on this node takes an admin away. Raises NotFound where it was left."""
    async with held.governing:
        if contexts.get(held.record.id) is not held:
            raise NotFound("the context was left or joined again meanwhile")
        yield


async def _require_admin(contexts: Contexts, held: Held, replica: Replica) -> None:
    """Refused where nobody who stays is an admin, or nobody else may have heard that they are."""
    is_spent = partial(contexts.devices.is_spent, held.record)
    require_admin_stays(replica.ledger.authority, replica.device, _closing(replica), is_spent)
    if not are_admins_untold(replica.ledger, replica.device, is_spent):
        return
    if not await _is_shared(contexts, replica.context) or not await _is_in_sync(replica):
        raise Refused(
            "last-admin: who stays is an admin by this device's word alone, and no peer has shown "
            "that it knows: go when one is connected (covey status), or say --abandon"
        )


def _require_nothing_lost(replica: Replica) -> None:
    """Refused where nobody else is there who keeps what was written."""
    if replica.ledger.count:
        raise Refused(
            "alone: nobody else is a member, so that all that was written in it would be gone for "
            "good; say --abandon to have it so"
        )


async def _is_in_sync(replica: Replica) -> bool:
    """Wait until a peer shows that it holds all that is here."""
    with trio.move_on_after(limits.LEAVE_TELL_S):
        while not replica.standing(time.time()).in_sync_with:  # noqa: ASYNC110 - as above
            await trio.sleep(_LOOK_S)
    return bool(replica.standing(time.time()).in_sync_with)


def _closing(replica: Replica) -> tuple[Close, ...]:
    """What is lost of this node's device, whether it is closed there or never used again."""
    return (Close(replica.device, ()),)


def _why_mute(held: Held) -> str:
    """Why this device cannot say that it leaves, or empty."""
    if held.driver is None:
        return "no device was closed: this node had not joined it yet"
    replica = held.driver.replica
    if replica.is_removed:
        return "this device was removed before: there was nothing left to close"
    if replica.is_forked:
        return (
            "this device cannot write any more, since its home was copied or restored: "
            "it stays a member there"
        )
    if not replica.is_admitted:
        return (
            "no device was closed: this one is not admitted yet, and stays a member there "
            "if somebody is letting it in right now"
        )
    return ""


def _others(replica: Replica) -> bool:
    """Whether anybody else is there: alone, there is nobody to be closed for."""
    return any(device != replica.device for device, _ in devices(replica.ledger.authority))


async def _close(contexts: Contexts, driver: ContextDriver) -> tuple[DeltaId | None, str]:
    """Close the device, where somebody can learn of it: the delta, and what was not done."""
    if not await _is_shared(contexts, driver.replica.context):
        return None, _NOBODY
    try:
        with trio.CancelScope(shield=True):  # As whatever else takes an admin away.
            delta = await driver.govern(_closing(driver.replica))
    except Refused as refused:
        return None, f"this device was not closed, and stays a member there: {refused}"
    return delta, "" if await _is_known(driver.replica, delta) else _SILENT


async def _is_shared(contexts: Contexts, context: ContextId) -> bool:
    """Whether a peer shares the context, or comes soon: the node may just have begun."""
    with trio.move_on_after(limits.LEAVE_PEER_S):
        while not contexts.links.sharing(context):  # noqa: ASYNC110 - a stream's own doing
            await trio.sleep(_LOOK_S)
    return bool(contexts.links.sharing(context))


async def _is_known(replica: Replica, delta: DeltaId) -> bool:
    """Wait until a peer shows that it holds a delta that was just written here."""
    with trio.move_on_after(limits.LEAVE_TELL_S):
        while not _shows(replica, delta):  # noqa: ASYNC110 - another task's doing
            await trio.sleep(_LOOK_S)
    return _shows(replica, delta)


def _shows(replica: Replica, delta: DeltaId) -> bool:
    """Whether somebody wrote on top of a delta, or told a frontier that is this node's."""
    standing = replica.standing(time.time())
    is_followed = delta not in replica.ledger.heads
    return is_followed or bool(standing.in_sync_with or standing.diverged)
