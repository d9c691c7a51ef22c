"""What a command waits for, asked of the node beside the command's own request."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from covey.cli.opened import open_client
from covey.errors import NodeError

__all__ = ["reason_to_join", "reason_to_wait"]


def reason_to_wait(home: Path, context: str) -> Callable[[], str]:
    """Asks what calls of a context wait for; empty where nobody can say."""
    return lambda: _asked(home, context)


def reason_to_join(home: Path, target: str) -> Callable[[], str]:
    """Asks what the join of a ticket, context id or topic waits for."""
    # Imported here: fast commands import little.
    from covey.codec import TICKET_PREFIX, cid_text, decode_ticket  # noqa: PLC0415

    if target.startswith("/covey/"):
        return lambda: _asked_by_topic(home, target)
    is_ticket = target.startswith(TICKET_PREFIX)
    return reason_to_wait(home, cid_text(decode_ticket(target).context) if is_ticket else target)


def _asked(home: Path, context: str) -> str:
    try:
        with open_client(home) as client:
            return client.waits_for(context)
    except NodeError:
        return ""  # The command itself says what is wrong.


def _asked_by_topic(home: Path, topic: str) -> str:
    """A topic hides the id of its context until somebody has told it."""
    try:
        with open_client(home) as client:
            for row in client.contexts().contexts:
                if row.topic == topic:
                    return client.waits_for(row.id)
    except NodeError:
        return ""
    return "no node that knows this topic was found yet"
