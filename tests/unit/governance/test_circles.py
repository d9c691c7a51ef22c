"""Components of a graph, sources first: held against the closure worked out pair by pair."""

from __future__ import annotations

import random

import pytest

from covey.governance.circles import components


def reachable(edges: list[list[int]]) -> list[set[int]]:
    """For each node all that it leads to, itself included: added until nothing more comes."""
    reach = [{node, *targets} for node, targets in enumerate(edges)]
    is_growing = True
    while is_growing:
        is_growing = False
        for node, known in enumerate(reach):
            more = known.union(*(reach[other] for other in known))
            if more != known:
                reach[node], is_growing = more, True
    return reach


def check(edges: list[list[int]]) -> None:
    """Who reaches one another is together, and nobody stands before one who leads to it."""
    found, reach = components(edges), reachable(edges)
    assert sorted(node for component in found for node in component) == list(range(len(edges)))
    place = {node: number for number, component in enumerate(found) for node in component}
    for one in range(len(edges)):
        for other in range(len(edges)):
            is_mutual = other in reach[one] and one in reach[other]
            assert is_mutual == (place[one] == place[other]), edges
            if other in reach[one]:
                assert place[one] <= place[other], edges
    assert all(component == sorted(component) for component in found)


def test_nothing_has_no_components():
    """The common case: no removal meets another."""
    assert components([]) == []


@pytest.mark.parametrize(
    ("edges", "expected"),
    [
        ([[]], [[0]]),
        ([[0]], [[0]]),
        ([[1], [0]], [[0, 1]]),
        ([[], [0]], [[1], [0]]),
        ([[1], [2], [0], [0]], [[3], [0, 1, 2]]),
        ([[1], [0, 2], [3], [2]], [[0, 1], [2, 3]]),
        ([[1, 1], [2, 2], []], [[0], [1], [2]]),
    ],
)
def test_small_graphs(edges: list[list[int]], expected: list[list[int]]):
    """By hand: one alone, a loop, a circle, a chain backwards, one that leads into a circle."""
    assert components(edges) == expected


@pytest.mark.parametrize("seed", range(60))
def test_random_graphs(seed: int):
    """From a few edges to many, for each number of nodes."""
    rng = random.Random(seed)
    size = 1 + seed % 12
    chance = rng.choice((0.05, 0.1, 0.2, 0.4))
    edges = [[other for other in range(size) if rng.random() < chance] for _ in range(size)]
    for targets in edges:
        rng.shuffle(targets)
    check(edges)


def test_long_chain_needs_no_deep_stack():
    """Many removals, each hitting the next: recursion would end here."""
    size = 20_000
    edges = [[node + 1] if node + 1 < size else [] for node in range(size)]
    assert components(edges) == [[node] for node in range(size)]
