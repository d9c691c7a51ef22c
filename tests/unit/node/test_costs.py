"""What a peer may cost lasts longer than its streams."""

from __future__ import annotations

import pytest

from covey.model import PeerId, limits
from covey.node.costs import Costs, CostTable

EVE = PeerId("12D3KooWEve")


def test_time_beyond_the_first_is_a_share():
    now_s = 0.0
    costs = Costs(lambda: now_s)
    assert costs.spend(limits.LINK_FRUITLESS_S_MAX) == 0
    assert costs.spend(1.0) == pytest.approx(1 / limits.LINK_FRUITLESS_SHARE)
    now_s = 1 / limits.LINK_FRUITLESS_SHARE
    assert costs.spend(0.0) == pytest.approx(0)


def test_a_new_stream_brings_a_peer_nothing():
    table = CostTable(lambda: 0.0)
    table.of(EVE).spend(limits.LINK_FRUITLESS_S_MAX)
    while table.of(EVE).requests.spend(1, 0.0):
        pass
    assert table.of(EVE).spend(1.0) > 0
    assert not table.of(EVE).requests.spend(1, 0.0)


def test_peers_remembered_are_bounded():
    table = CostTable(lambda: 0.0)
    for number in range(2 * limits.PEERS_REMEMBERED_MAX):
        table.of(PeerId(f"peer {number}"))
    assert len(table._costs) == limits.PEERS_REMEMBERED_MAX
