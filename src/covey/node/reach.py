"""Whom each context reaches: its settings, carried to discovery, to gossip and to the streams."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import trio

from covey.codec import KnownPeer, dht_key, topic_text
from covey.model import ContextId, PeerId, limits
from covey.network import Network, TopicRules, Wishes
from covey.node.exchange import Exchange, tellable
from covey.node.links import Links
from covey.node.settings import ContextSettings
from covey.sync import PeersHeard

__all__ = ["Reach", "provider_keys"]


class Reach:
    """What the settings of the contexts mean for their peers; made before the network.

    contexts: those that are held here. settings_of: of one of them, else None.
    """

    def __init__(
        self,
        links: Links,
        contexts: Callable[[], tuple[ContextId, ...]],
        settings_of: Callable[[ContextId], ContextSettings | None],
    ) -> None:
        self._links = links
        self._contexts = contexts
        self._settings_of = settings_of
        self._network: Network | None = None
        self._exchange: Exchange | None = None

    def attach(self, network: Network, nursery: trio.Nursery) -> None:
        """The network is there; tasks live in the nursery."""
        rng = random.Random()  # noqa: S311 - jitter and the choice of whom to ask
        self._network = network
        self._exchange = Exchange(network, self._hearsay, partial(self._ask_peers, rng), rng)
        nursery.start_soon(self._exchange.run)

    def on_peers(self, teller: PeerId, heard: PeersHeard) -> None:
        """A peer told of others that share a context."""
        if self._exchange is not None:
            self._exchange.heard(teller, heard.context, heard.peers)

    def known_peers(self, context: ContextId, asker: PeerId) -> tuple[KnownPeer, ...]:
        """As `SessionHost.known_peers`."""
        assert self._network is not None
        sharing = [peer for peer in self._links.sharing_by_age(context) if peer != asker]
        return tellable(self._network, tuple(sharing))

    def _ask_peers(self, rng: random.Random) -> None:
        """Ask one peer of each context that has room for more."""
        for context in self._contexts():
            sharing = self._links.sharing(context)
            if sharing and self._hearsay(context).room > 0:
                self._links.ask_peers(rng.choice(sharing), context)

    def shows(self, context: ContextId, peer: PeerId) -> bool:
        """Whether a peer may learn that this node holds a context: admitted, and a place is free.

        Whoever shares it already has its place; a static peer always has one.
        """
        settings = self._settings_of(context)
        if settings is None or not settings.admits(peer):
            return False
        sharing = self._links.sharing(context)
        return peer in sharing or settings.is_static(peer) or len(sharing) < settings.peers_max

    def begin(self, context: ContextId) -> None:
        """Look for the peers of a context, and keep its static ones."""
        assert self._network is not None
        topic = topic_text(context)
        self._pin(topic, context)
        self._network.discover(topic, partial(provider_keys, topic), partial(self._wishes, context))

    def end(self, context: ContextId) -> None:
        """Look for nobody any more."""
        assert self._network is not None
        topic = topic_text(context)
        self._network.pin(topic, ())
        self._network.undiscover(topic)

    def shape(self, context: ContextId) -> None:
        """Take part in the gossip as the settings say; to be called before it is joined, too."""
        settings = self._settings_of(context)
        assert self._network is not None
        assert settings is not None
        rules = TopicRules.of(settings.degree, settings.allow, settings.deny)
        self._network.shape(topic_text(context), rules)

    def changed(self, context: ContextId) -> None:
        """The settings have changed: they hold at once, also on open streams."""
        assert self._network is not None
        topic = topic_text(context)
        self.shape(context)
        self._pin(topic, context)
        self._links.cut(self._unwanted(context))
        self._links.offer(context)
        self._network.discovery.hasten(topic)

    def peers(self, context: ContextId) -> int:
        """How many peers share a context; those whose streams are being ended for it do not."""
        return len(frozenset(self._links.sharing(context)) - frozenset(self._unwanted(context)))

    def _unwanted(self, context: ContextId) -> tuple[PeerId, ...]:
        """Peers that have seen the context and may not, then the newest of those too many."""
        settings = self._settings_of(context)
        assert settings is not None
        seen = self._links.shown(context)
        barred = [peer for peer in seen if not settings.admits(peer)]
        sharing = [peer for peer in self._links.sharing_by_age(context) if peer not in barred]
        surplus = len(sharing) - settings.peers_max
        newest = [peer for peer in reversed(sharing) if not settings.is_static(peer)]
        return (*barred, *newest[: max(0, surplus)])

    def _pin(self, topic: str, context: ContextId) -> None:
        settings = self._settings_of(context)
        assert self._network is not None
        self._network.pin(topic, () if settings is None else settings.static)

    def _wishes(self, context: ContextId) -> Wishes:
        settings = self._settings_of(context)
        if settings is None:
            return Wishes(is_announced=False, room=0)
        return Wishes(
            is_announced=settings.is_announced,
            room=settings.peers_max - len(self._links.sharing(context)),
            admits=settings.admits,
        )

    def _hearsay(self, context: ContextId) -> Wishes:
        """What is wished of peers that others told of: fewer than the DHT may bring."""
        wishes = self._wishes(context)
        enough = limits.EXCHANGE_PEERS_ENOUGH - len(self._links.sharing(context))
        return replace(wishes, room=min(wishes.room, enough))


def provider_keys(topic: str) -> tuple[bytes, ...]:
    """Today's provider key and tomorrow's, so that midnight parts nobody."""
    now = time.time()
    return dht_key(topic, now), dht_key(topic, now, 1)
