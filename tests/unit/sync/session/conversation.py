"""Two sessions of one context, and what tests do with them."""

from __future__ import annotations

from covey.model import Delta, PeerId, Put
from covey.sync import DeltaDelivered, Tick
from covey.testkit.conversation import Side, talk
from covey.testkit.identities import found, identity
from covey.testkit.playbook import Stage

__all__ = [
    "ALICE",
    "BOB",
    "LARGE",
    "SMALL",
    "Side",
    "delivered",
    "sides",
    "talk",
    "tick",
    "write",
]

ALICE, BOB = identity("alice"), identity("bob")
SMALL, LARGE = PeerId("12D3KooWa"), PeerId("12D3KooWb")


def tick(one: Side, two: Side) -> None:
    """Five seconds pass, and both compare."""
    for side in (one, two):
        side.now += 5
        side.tell(Tick())
    talk(one, two)


def sides(*, joining: bool = False, stranger: bool = False) -> tuple[Side, Side]:
    founding = found(ALICE)
    one = Side(SMALL, LARGE, founding, ALICE, Stage(founding, ALICE))
    two = Side(LARGE, SMALL, founding, BOB, None if joining else Stage(founding, BOB))
    two.knows = not stranger
    one.take(one.session.start())
    two.take(two.session.start())
    return one, two


def delivered(side: Side) -> list[Delta]:
    return [effect.delta for effect in side.said if isinstance(effect, DeltaDelivered)]


def write(side: Side, count: int, size_bytes: int = 10) -> None:
    assert side.stage is not None
    for number in range(count):
        side.stage.write(
            (Put("notes", b"%s %d" % (side.name.encode(), number), bytes(size_bytes)),)
        )
