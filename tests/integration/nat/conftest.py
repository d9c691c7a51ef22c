"""Nodes behind routers, in private network namespaces; skipped where those cannot be had."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.integration.nat.lab import Lab, open_lab
from tests.integration.nat.private import Program, meet


@pytest.fixture(scope="session")
def networks() -> Iterator[Lab]:
    lab = open_lab()
    if isinstance(lab, str):
        pytest.skip(lab)
    yield lab
    lab.close()


@pytest.fixture
def lab(networks: Lab) -> Lab:
    """The lab, with routers that keep ports and drop what nobody asked for."""
    networks.translate()
    return networks


@pytest.fixture
def start(lab: Lab) -> Iterator[Callable[..., Program]]:
    """`start(at, number, bootstrap)`: a node in that network; killed after the test."""
    started: list[Program] = []

    def begin(at: str, number: int, bootstrap: str = "", *, is_relay: bool = False) -> Program:
        started.append(Program(lab, at, number, bootstrap, is_relay=is_relay))
        return started[-1]

    yield begin
    for program in started:
        program.close()


@pytest.fixture
def three(start: Callable[..., Program]) -> Callable[..., tuple[Program, Program, Program]]:
    """`three(is_relay=…)`: R, A and B; both are connected to R."""

    def begin(*, is_relay: bool) -> tuple[Program, Program, Program]:
        public = start("r", 1, is_relay=is_relay)
        return public, *meet(public, start)

    return begin
