"""Strongly connected components, sources first (Tarjan, SIAM J. Comput. 1, 1972)."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["components"]


def components(edges: Sequence[Sequence[int]]) -> list[list[int]]:
    """The components of a graph, each after all from which an edge leads to it.

    edges: for each node, whom it leads to. Within a component the order is that of the numbers.
    """
    found: list[list[int]] = []
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    path: list[int] = []
    on_path: set[int] = set()
    for start in range(len(edges)):
        if start in order:
            continue
        stack = [(start, 0)]
        while stack:
            node, place = stack.pop()
            if place == 0:
                order[node] = low[node] = len(order)
                path.append(node)
                on_path.add(node)
            if place < len(edges[node]):
                stack.append((node, place + 1))
                child = edges[node][place]
                if child not in order:
                    stack.append((child, 0))
                elif child in on_path:
                    low[node] = min(low[node], order[child])
                continue
            if low[node] == order[node]:
                component: list[int] = []
                while not component or component[-1] != node:
                    component.append(path.pop())
                    on_path.discard(component[-1])
                found.append(sorted(component))
            if stack:
                parent = stack[-1][0]
                low[parent] = min(low[parent], low[node])
    return found[::-1]
