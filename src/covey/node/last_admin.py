"""Whether somebody who stays can govern a context, before its last admin gives that up.

Nobody could ever mend it: roles are given by admins alone (protocols/governance.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from covey.errors import Refused
from covey.governance import Authority, devices
from covey.model import ADMIN_ROLE, Close, Demote, DeviceId, Governance
from covey.rules import Cut
from covey.sync import Ledger

__all__ = ["are_admins_untold", "require_admin_stays"]


def require_admin_stays(
    authority: Authority,
    own: DeviceId,
    effects: Iterable[Governance],
    is_spent: Callable[[DeviceId], bool],
) -> None:
    """Refused where these effects of a device leave its context without any admin.

    Where nobody stays, or where there was no admin before, nothing is lost. is_spent: whether a
    device can never write there again, though it was not closed; such a one does not stay.
    """
    gone, demoted = set(), set()
    for effect in effects:
        # Of others' the rules decide, and whoever removes them is an admin that stays.
        if isinstance(effect, Close | Demote) and authority.is_same_member(own, effect.device):
            if isinstance(effect, Close):
                gone.add(effect.device)
            elif effect.role == ADMIN_ROLE:
                demoted.add(effect.device)
    if not gone and not demoted:
        return
    known = [device for device, _ in devices(authority) if not is_spent(device)]
    admins = {device for device in known if ADMIN_ROLE in authority.roles(device)}
    is_anybody_there = any(device not in gone for device in known)
    if is_anybody_there and admins and not admins - gone - demoted:
        raise Refused(
            "last-admin: nobody who stays could ever govern it; make somebody an admin first "
            "(covey context role CONTEXT MEMBER --give admin), or say --abandon"
        )


def are_admins_untold(ledger: Ledger, own: DeviceId, is_spent: Callable[[DeviceId], bool]) -> bool:
    """Whether those who stay are admins by this device's word alone, and nobody followed it yet.

    Then it may be that nobody else has it; it would be lost with this device, and they with it.
    """
    authority = ledger.authority
    if ADMIN_ROLE not in authority.roles(own):
        return False
    others = [d for d, _ in devices(authority) if d != own and not is_spent(d)]
    admins = [device for device in others if ADMIN_ROLE in authority.roles(device)]
    tips = [tip for device, tips in ledger.frontier.items() if device != own for tip in tips]
    seen = [Cut(ledger.view, ledger.closure(tip.id)) for tip in tips]
    for device in admins:
        if authority.is_founder(device):
            return False
        for row in authority.promotions(device, ADMIN_ROLE):
            if row.at.id in authority.void:
                continue
            if row.at.author != own or any(cut.holds(own, row.at.tip) for cut in seen):
                return False
    return bool(admins)
