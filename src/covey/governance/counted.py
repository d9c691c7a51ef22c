"""R3 of protocols/governance.md, "Forks": which deltas of forked devices are counted at a cut."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from covey.governance.vouched import Vouched
from covey.model import DeviceId, Tip
from covey.rules import Cut, maximal_tips

__all__ = ["counted_at"]


def counted_at(vouched: Vouched, cut: Cut, known_forked: Iterable[DeviceId]) -> dict[DeviceId, Cut]:
    """For each device that forked in a cut, which of its deltas there are counted.

    known_forked: devices that forked in everything that is applied. Of all other devices every
    delta is counted. vouched: of the cut that was asked for before; goes to this one.
    """
    forked = {d: cut.frontier[d] for d in known_forked if len(cut.frontier.get(d, ())) > 1}
    if not forked:
        return {}
    vouched.move(cut, forked)
    if vouched.counted is None:
        counted = dict(vouched.before_forks)
        firsts = [(device, tip) for device, tips in counted.items() for tip in tips]
        counted = _grow(vouched, counted, list(counted), firsts)
    elif vouched.grown:
        # What was counted is counted in the larger cut, and what it vouches for is as well.
        counted = _grow(vouched, dict(vouched.counted), list(vouched.grown), [])
    else:
        counted = vouched.counted
    vouched.counted = counted
    vouched.grown = {}
    return {device: Cut(vouched.past.reader, {device: counted[device]}) for device in forked}


def _grow(
    vouched: Vouched,
    counted: dict[DeviceId, tuple[Tip, ...]],
    grown: list[DeviceId],
    firsts: list[tuple[DeviceId, Tip]],
) -> dict[DeviceId, tuple[Tip, ...]]:
    """The last counted deltas of each device that forked.

    What a device vouches for grows with its chain, so that its last counted deltas say it all:
    the least fixed point of a few frontiers. counted: some of it. grown: of whom others vouch for
    what is not in there yet. firsts: those in there of which nobody asked what they vouch for.
    """
    waiting = deque(firsts)

    def count(guilty: DeviceId, tips: Iterable[Tip]) -> None:
        more = [tip for tip in tips if tip not in counted[guilty]]
        if more:
            some = tuple(sorted((*counted[guilty], *more)))
            last = maximal_tips(vouched.past.reader, guilty, some)
            waiting.extend((guilty, tip) for tip in last if tip not in counted[guilty])
            counted[guilty] = last

    for guilty in grown:
        count(guilty, vouched.of(guilty))
    while waiting:
        device, tip = waiting.popleft()
        for guilty in counted:
            if guilty != device:
                count(guilty, vouched.seen(device, tip, guilty))
    return counted
