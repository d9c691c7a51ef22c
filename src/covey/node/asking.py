"""One question to many peers: several are asked at once, so that none holds the others up.

Whoever does not answer is remembered: it is asked last next time.
"""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeAlias

import trio

from covey.model import PeerId, limits

__all__ = ["Answers", "Asking"]

Answers: TypeAlias = "tuple[object, ...]"
"""What a peer said to one question; none where it did not answer."""


class Asking:
    """Whom to ask first, and how many at once; one for all questions of a node."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._helped: OrderedDict[PeerId, bool] = OrderedDict()  # or not; the last heard of last

    def ordered(self, peers: Iterable[PeerId]) -> list[PeerId]:
        """Those that helped, then those not known, then those that did not answer; in each of
        them in no order that anybody could choose by the name it took."""
        several = sorted(peers)
        self._rng.shuffle(several)
        return sorted(several, key=self._rank)

    def note(self, peer: PeerId, *, has_helped: bool) -> None:
        """A peer was of help, or did not answer."""
        self._helped.pop(peer, None)
        self._helped[peer] = has_helped
        while len(self._helped) > limits.PEERS_REMEMBERED_MAX:
            self._helped.popitem(last=False)

    def patience_s(self, peer: PeerId) -> float:
        """How long a peer is asked alone: on a slow link each further one makes it slower."""
        return limits.ASK_HELPFUL_S if self._helped.get(peer) else limits.ASK_NEXT_S

    def _rank(self, peer: PeerId) -> int:
        has_helped = self._helped.get(peer)
        return 1 if has_helped is None else 0 if has_helped else 2

    async def first(
        self,
        candidates: Callable[[], Iterable[PeerId]],
        ask: Callable[[PeerId], Awaitable[Answers]],
    ) -> bytes:
        """The first answer that is bytes; asks until there is one, also who comes meanwhile.

        ask: puts the question to one peer; ends also where the peer leaves or does not answer, and
        is cancelled when another one has.
        """
        question = _Question(self, candidates, ask)
        async with trio.open_nursery() as nursery:
            await question.put(nursery)
            nursery.cancel_scope.cancel()
        assert question.answer is not None
        return question.answer


class _Question:
    """One question under way. open: whom it was put to, and when; resting: when again."""

    def __init__(
        self,
        asking: Asking,
        candidates: Callable[[], Iterable[PeerId]],
        ask: Callable[[PeerId], Awaitable[Answers]],
    ) -> None:
        self.answer: bytes | None = None
        self._asking = asking
        self._candidates = candidates
        self._ask = ask
        self._open: dict[PeerId, float] = {}
        self._resting: dict[PeerId, float] = {}
        self._heard = trio.Event()

    async def put(self, nursery: trio.Nursery) -> None:
        """Ask one after the other, without waiting for each, until there is an answer."""
        while self.answer is None:
            peer = self._next()
            wait_s = limits.ASK_NEXT_S
            if peer is not None:
                wait_s = self._asking.patience_s(peer)
                self._open[peer] = trio.current_time()
                nursery.start_soon(self._put_to, peer)
            self._heard = trio.Event()
            with trio.move_on_after(wait_s):
                await self._heard.wait()
        for peer, asked_s in self._open.items():
            if trio.current_time() - asked_s >= limits.ASK_SILENT_S:
                self._asking.note(peer, has_helped=False)

    def _next(self) -> PeerId | None:
        now = trio.current_time()
        self._resting = {p: until for p, until in self._resting.items() if until > now}
        busy = sum(now - asked_s < limits.ASK_SILENT_S for asked_s in self._open.values())
        if busy >= limits.ASKED_AT_ONCE_MAX:
            return None
        idle = [p for p in self._candidates() if p not in self._open and p not in self._resting]
        return next(iter(self._asking.ordered(idle)), None)

    async def _put_to(self, peer: PeerId) -> None:
        answers = await self._ask(peer)
        asked_s, now = self._open.pop(peer), trio.current_time()
        self._resting[peer] = now + limits.ASK_REST_S
        if not answers and now - asked_s >= limits.ASK_SILENT_S:
            self._asking.note(peer, has_helped=False)
        elif answers and isinstance(answers[0], bytes):
            self._asking.note(peer, has_helped=True)
            self.answer = self.answer or answers[0]
        self._heard.set()
