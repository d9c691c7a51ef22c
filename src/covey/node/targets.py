"""What somebody names a context by that is not here: a ticket, its id or its topic."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import trio

from covey.codec import (
    TICKET_PREFIX,
    Ticket,
    charter_id,
    decode_charter,
    decode_ticket,
    parse_cid,
    parse_topic,
    topic_text,
)
from covey.errors import ConfigError, PeerUnavailable
from covey.model import Charter, ContextId, PeerId, limits
from covey.network import Network, Wishes
from covey.node.contexts import Contexts
from covey.node.reach import provider_keys

__all__ = ["Targets"]

_logger = logging.getLogger(__name__)


class Targets:
    """Finds out which context is meant, and by what rules; asks peers where only they can know."""

    def __init__(self, contexts: Contexts, network: Network) -> None:
        self._contexts = contexts
        self._network = network

    async def ticket_of(self, target: str) -> Ticket:
        """The ticket that a target is or amounts to. Raises ConfigError and PeerUnavailable."""
        nobody = PeerId("")
        if target.startswith("/covey/"):
            held = self._held_topic(target)
            if held is None:
                with _bounded("that topic", "the topic and the bootstrap address"):
                    held = charter_id(await self._fetch(target, Wishes()))
            return Ticket(held, (), nobody)
        return _ticket(target)

    async def charter_of(self, target: str) -> tuple[ContextId, Charter | None]:
        """A context and its charter, asked of peers; None where this node holds the context.

        Nothing is joined, installed or kept, and nobody is told that this node takes part.
        Raises ConfigError, and PeerUnavailable where nobody answers within `limits.JOIN_WAIT_S`.
        """
        ticket = None if target.startswith("/covey/") else _ticket(target)
        context = self._held_topic(target) if ticket is None else ticket.context
        if context is not None and self._contexts.get(context) is not None:
            return context, None
        topic = target if context is None else topic_text(context)
        with _bounded("it", "the ticket, id or topic, and whether who gave it is there"):
            async with trio.open_nursery() as nursery:
                for address in () if ticket is None else ticket.addresses:
                    nursery.start_soon(self._meet, address)
                packed = await self._fetch(topic, Wishes(is_announced=False))
                nursery.cancel_scope.cancel()
        return charter_id(packed), decode_charter(packed)

    def _held_topic(self, topic: str) -> ContextId | None:
        held = (held.record.id for held in self._contexts.all())
        return next((context for context in held if topic_text(context) == topic), None)

    async def _fetch(self, topic: str, wishes: Wishes) -> bytes:
        """The charter behind a topic, of which it is the hash; asks until a peer has it."""
        with self._discovering(topic, wishes):
            return await self._contexts.links.fetch_charter(parse_topic(topic))

    @contextmanager
    def _discovering(self, topic: str, wishes: Wishes) -> Iterator[None]:
        """Look for the peers of a topic as long as the block runs."""
        self._network.discover(topic, partial(provider_keys, topic), lambda: wishes)
        try:
            yield
        finally:
            if self._held_topic(topic) is None:
                self._network.undiscover(topic)

    async def _meet(self, address: str) -> None:
        transport, _, peer = address.rpartition("/p2p/")
        try:
            await self._network.dial_at(PeerId(peer), (transport,))
        except (PeerUnavailable, ConfigError) as error:
            _logger.info("ticket address unreachable", extra={"why": str(error)})


def _ticket(target: str) -> Ticket:
    if target.startswith(TICKET_PREFIX):
        return decode_ticket(target)
    try:
        return Ticket(ContextId(parse_cid(target)), (), PeerId(""))
    except ConfigError:
        raise ConfigError(
            f"{target[:60]!r} is no ticket (covey1...), context id (bafkrei...) "
            "or topic (/covey/1/...)"
        ) from None


@contextmanager
def _bounded(what: str, check: str) -> Iterator[None]:
    """Give peers some time. Raises PeerUnavailable where none answered."""
    with trio.move_on_after(limits.JOIN_WAIT_S) as scope:
        yield
    if scope.cancelled_caught:
        raise PeerUnavailable(
            f"nobody answered for {what} within {limits.JOIN_WAIT_S:.0f} s: check {check}"
        )
