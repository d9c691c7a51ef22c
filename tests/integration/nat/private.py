"""A node in one of the lab's networks, commanded from here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.integration.commanded import Commanded
from tests.integration.nat.lab import PUBLIC_A, PUBLIC_B, Lab

__all__ = ["PORT", "Program", "meet"]

PORT = 4001
_MODULE = "tests.integration.nat.program"
_PATIENCE_S = 30.0


class Program(Commanded):
    """A node in its own process and network, commanded by lines of JSON."""

    def __init__(
        self, lab: Lab, at: str, number: int, bootstrap: str = "", *, is_relay: bool = False
    ) -> None:
        listen = f"/ip4/0.0.0.0/tcp/{PORT}"
        with lab.at(at):
            super().__init__(_MODULE, str(number), listen, bootstrap, "relay" if is_relay else "")

    def until(
        self,
        command: str,
        fact: Callable[[dict[str, Any]], object],
        patience_s: float = _PATIENCE_S,
    ) -> float:
        """As of any program."""
        return super().until(command, fact, patience_s)

    def way_to(self, other: Program) -> str:
        """The address that the table has for the other; empty if it is not connected."""
        way: str = self.ask("table")["table"].get(other.peer, "")
        return way


def meet(
    public: Program, start: Callable[[str, int, str], Program], numbers: tuple[int, int] = (2, 3)
) -> tuple[Program, Program]:
    """Nodes in both private networks, connected to the public one."""
    one, other = (
        start(at, number, f"/ip4/{address}/tcp/{PORT}/p2p/{public.peer}")
        for at, number, address in zip("ab", numbers, (PUBLIC_A, PUBLIC_B), strict=True)
    )
    for node in (one, other):
        node.until("table", lambda answer: public.peer in answer["table"])
    return one, other
