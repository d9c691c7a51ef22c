"""What somebody names a context by that is not here: a ticket, its id or its topic."""

from __future__ import annotations

import trio

from covey.codec import (
    TICKET_PREFIX,
    Ticket,
    decode_ticket,
    parse_cid,
    topic_text,
)
from covey.errors import ConfigError, PeerUnavailable
from covey.model import ContextId, PeerId, limits
from covey.node.contexts import Contexts
from covey.node.joining import Fetcher
from covey.node.records import Records

__all__ = ["Targets"]


class Targets:
    """Finds out which context is meant; asks peers where only they can know."""

    def __init__(self, contexts: Contexts, records: Records) -> None:
        self._contexts = contexts
        self._records = records

    async def ticket_of(self, target: str) -> Ticket:
        """The ticket that a target is or amounts to. Raises ConfigError and PeerUnavailable."""
        nobody = PeerId("")
        if target.startswith(TICKET_PREFIX):
            return decode_ticket(target)
        if target.startswith("/covey/"):
            for held in self._contexts.all():
                if topic_text(held.record.id) == target:
                    return Ticket(held.record.id, (), nobody)
            return Ticket(await self._find_topic(target), (), nobody)
        try:
            return Ticket(ContextId(parse_cid(target)), (), nobody)
        except ConfigError:
            raise ConfigError(
                f"{target[:60]!r} is no ticket (covey1...), context id (bafkrei...) "
                "or topic (/covey/1/...)"
            ) from None

    async def _find_topic(self, topic: str) -> ContextId:
        fetcher = Fetcher(self._contexts.links, self._records)
        with self._contexts.discovering(topic), trio.move_on_after(limits.JOIN_WAIT_S):
            return await fetcher.context_of_topic(topic)
        raise PeerUnavailable(
            f"nobody answered for that topic within {limits.JOIN_WAIT_S:.0f} s: "
            "check the topic and the bootstrap address"
        )
