"""Peers, gossip, provider records and streams over py-libp2p. It moves bytes and knows no more."""

from __future__ import annotations

from covey.network.address import parse_listen_address, parse_pinned_address
from covey.network.config import NetworkConfig
from covey.network.connections import PeerRow
from covey.network.discovery import Discovery, ProviderKeys, Wishes
from covey.network.gossip import Validate
from covey.network.hearsay import is_dialable
from covey.network.network import Network, OnStream
from covey.network.opening import OnPeer, open_network
from covey.network.rules import TopicRules
from covey.network.scores import Misdeed
from covey.network.streams import FrameStream

__all__ = [
    "Discovery",
    "FrameStream",
    "Misdeed",
    "Network",
    "NetworkConfig",
    "OnPeer",
    "OnStream",
    "PeerRow",
    "ProviderKeys",
    "TopicRules",
    "Validate",
    "Wishes",
    "is_dialable",
    "open_network",
    "parse_listen_address",
    "parse_pinned_address",
]
