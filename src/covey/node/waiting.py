"""What somebody who joins, calls or governs waits for, in words."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from covey.model import PeerId
from covey.node.context import ContextDriver
from covey.node.held import Held
from covey.node.links import Links
from covey.node.settings import peer_of

__all__ = ["Wait", "wait_of"]


@dataclass(frozen=True, slots=True)
class Wait:
    """what: as it is now. advice: what can be done about it, or empty."""

    what: str
    advice: str = ""


def wait_of(held: Held, links: Links, connected: Container[PeerId]) -> Wait | None:
    """What a context waits for before this device may write there; None where nothing.

    connected: the peers that there is a connection to.
    """
    if held.problem:
        return None
    sharing = links.sharing(held.record.id)
    if held.driver is not None:
        return _of_member(held.driver, is_shared=bool(sharing))
    if sharing:
        return Wait("its charter and application are on their way from a member's node")
    addresses = held.record.addresses
    if held.charter is None and addresses:
        if any(peer_of(address) in connected for address in addresses):
            return Wait(
                "the node that the ticket names has not shown the context yet",
                "if it has left it, ask another member for a ticket",
            )
        none = "the address" if len(addresses) == 1 else f"none of the {len(addresses)} addresses"
        answers = "does not answer" if len(addresses) == 1 else "answers"
        return Wait(
            f"{none} in the ticket {answers}",
            "see that the node which made it runs and can be reached from here, "
            "or ask for a new ticket",
        )
    return Wait(
        "no node that has the context was found yet",
        "see that a member's node runs and can be reached, or ask for a ticket: "
        "it says where to look",
    )


def _of_member(driver: ContextDriver, *, is_shared: bool) -> Wait | None:
    replica = driver.replica
    if replica.is_removed:
        return None
    if not replica.is_admitted:
        if is_shared:
            return Wait("no member's node has let this device in yet")
        return Wait(
            "no member's node is connected that could let this device in",
            "see that one runs and can be reached",
        )
    if driver.code.release != replica.ledger.release:
        return Wait("the code of the release in force is on its way from a member's node")
    wait_s = driver.budget_wait_s
    if wait_s is not None:
        return Wait(
            "this device has used what the context's fuel budget allows it for now: "
            f"the next try is in about {max(1, round(wait_s))} s"
        )
    return None
