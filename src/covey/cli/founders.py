"""What a founder should know of the device that a charter names it with."""

from __future__ import annotations

import shlex

from covey.api.context_schema import ContextReply
from covey.model import ADMIN_ROLE

__all__ = ["CERTIFICATE_HINT", "founder_elsewhere"]

CERTIFICATE_HINT = (
    "it names this device: found the context soon. Where this home is restored from a copy first, "
    "or joins again what it left, a new device takes over, to which that charter gives no role: "
    "print the certificate again then"
)


def founder_elsewhere(row: ContextReply, member: str) -> str:
    """Why this node's member is a founder of a context and its device no admin; else empty."""
    named = [pair.device for pair in row.admins if pair.member == member]
    if not named or row.device in named or ADMIN_ROLE in row.roles:
        return ""
    return (
        f"the charter names you an admin with another device, {', '.join(named)}: this one has no "
        f"role by that. An admin can give it one: "
        f"`covey context role {shlex.quote(row.name)} {row.device} --give admin`"
    )
