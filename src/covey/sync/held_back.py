"""Deltas that wait for their turn: in order, those of devices that cost much after the others.

Source: protocols/replay.md, "When". Who signs what takes long to run again, or what differs, must
not make everybody else wait behind it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import chain

from covey.model import Core, DeviceId, limits
from covey.sync.events import DeltaReceived

__all__ = ["Burdens", "HeldBack"]


class Burdens:
    """What each device has the engine run, forgotten at a steady rate; bounded."""

    def __init__(self) -> None:
        self._fuel: OrderedDict[DeviceId, tuple[float, float]] = OrderedDict()  # as of a time

    def add(self, core: Core, now: float) -> None:
        """A delta came that declares so much."""
        self._add(core.author, sum(core.fuel), now)

    def blame(self, device: DeviceId, now: float) -> None:
        """A delta was run, and differs from what its device signed."""
        self._add(device, limits.BURDEN_BLAME_FUEL, now)

    def is_heavy(self, device: DeviceId, now: float) -> bool:
        """Whether a device's deltas come after those of others."""
        return self._now(device, now) > limits.BURDEN_FUEL_MAX

    def _now(self, device: DeviceId, now: float) -> float:
        fuel, at_s = self._fuel.get(device, (0.0, now))
        return max(0.0, fuel - max(0.0, now - at_s) * limits.BURDEN_FUEL_PER_S)

    def _add(self, device: DeviceId, fuel: int, now: float) -> None:
        if not fuel:
            return
        carried = self._now(device, now)
        self._fuel.pop(device, None)
        self._fuel[device] = (carried + fuel, now)
        while len(self._fuel) > limits.BURDENS_REMEMBERED_MAX:
            self._fuel.popitem(last=False)


class HeldBack:
    """Two queues; of the second now and then one, and all when the first is empty."""

    def __init__(self) -> None:
        self._plain: deque[DeltaReceived] = deque()
        self._heavy: deque[DeltaReceived] = deque()
        self._passed = 0  # of the first since one of the second
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._plain) + len(self._heavy)

    def __iter__(self) -> Iterator[DeltaReceived]:
        return chain(self._plain, self._heavy)

    def append(self, event: DeltaReceived, *, is_heavy: bool) -> None:
        """At the end of its queue."""
        (self._heavy if is_heavy else self._plain).append(event)
        self.size_bytes += len(event.delta.frame)

    def put_back(self, event: DeltaReceived) -> None:
        """It is the next again."""
        self._plain.appendleft(event)
        self.size_bytes += len(event.delta.frame)

    def take(self) -> DeltaReceived:
        """The next; there is one."""
        is_heavys_turn = not self._plain or self._passed >= limits.HEAVY_EVERY
        if self._heavy and is_heavys_turn:
            self._passed = 0
            event = self._heavy.popleft()
        else:
            self._passed += 1
            event = self._plain.popleft()
        self.size_bytes -= len(event.delta.frame)
        return event
