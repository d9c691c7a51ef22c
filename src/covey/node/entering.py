"""Joining by command: which context is meant, with which device, and how far it came in time."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import trio

from covey.codec import cid_text
from covey.errors import ConfigError, Refused
from covey.model import limits
from covey.node.contexts import Contexts
from covey.node.held import Held
from covey.node.targets import Targets
from covey.node.views import JoinResult
from covey.node.waiting import Wait

__all__ = ["enter"]


async def enter(
    contexts: Contexts,
    targets: Targets,
    wait_of: Callable[[Held], Wait | None],
    target: str,
    name: str | None,
) -> JoinResult:
    """Join what a target names; answers within `limits.JOIN_WAIT_S`.

    A context whose device here can never write again is joined with another one. Raises
    ConfigError, PeerUnavailable, and Refused where it can never be joined like this.
    """
    deadline_s = trio.current_time() + limits.JOIN_WAIT_S
    ticket = await targets.ticket_of(target)
    here = contexts.get(ticket.context)
    if here is None:
        held = await contexts.join(ticket, name)
    elif name in (None, here.record.name):
        held = here
    else:
        raise ConfigError(
            f"that context is here already, as {here.record.name!r}, and keeps that name: "
            "leave --name out"
        )
    with trio.move_on_at(deadline_s):
        await _settled(held)
        if here is not None and _is_spent(held):
            held = await contexts.rejoin(held)
            await _settled(held)
    is_admitted = held.driver is not None and held.driver.replica.is_admitted
    if not is_admitted and _is_spent(held):
        raise Refused(
            "this device was removed while it joined, and never comes back: "
            "`covey join` again takes another one"
        )
    return JoinResult(
        id=cid_text(held.record.id),
        admitted=is_admitted,
        why="" if is_admitted else _why(wait_of(held)),
    )


def _is_spent(held: Held) -> bool:
    """Whether this node's device in a context can never write there again."""
    if held.driver is None:
        return False
    return held.driver.replica.is_removed or held.driver.replica.is_forked


async def _settled(held: Held) -> None:
    """Wait until this device is admitted, or cannot be."""
    await held.ready.wait()
    if held.problem:
        raise Refused(
            f"{held.problem}; until then it cannot be joined: "
            f"`covey context leave {shlex.quote(held.record.name)}` forgets it"
        )
    while (driver := held.driver) is not None:
        if driver.replica.is_admitted or _is_spent(held):
            return
        await driver.standing.turned.wait()


def _why(wait: Wait | None) -> str:
    """Why nobody let this device in so far, and what to do."""
    if wait is None:
        return "it takes longer than usual; this node keeps trying"
    parts = (wait.what, wait.advice, "this node keeps trying")
    return "; ".join(part for part in parts if part)
