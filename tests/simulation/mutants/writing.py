"""Bugs between a call and the answer to it: what is written, synced, sent and told when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from covey.model import Completed
from covey.store.scoped import ScopedStore
from covey.sync import (
    Applied,
    Author,
    Broadcast,
    Commit,
    Ledger,
    LocalWrites,
    RecordSequence,
    Replica,
    Reply,
)


def commit_without_sync(patch: pytest.MonkeyPatch) -> None:
    """Own deltas leave before they are safe."""
    original = Replica._commit
    patch.setattr(Replica, "_commit", lambda self, *, durable: original(self, durable=False))


def lose_syncs_in_the_store(patch: pytest.MonkeyPatch) -> None:
    """The store does not hand on that a write must be durable."""
    original = ScopedStore._apply

    def apply(self: ScopedStore, changes: Any, *, durable: bool) -> None:
        del durable
        original(self, changes, durable=False)

    patch.setattr(ScopedStore, "_apply", apply)


def admit_without_sync(patch: pytest.MonkeyPatch) -> None:
    """Admissions and merges leave before they are safe."""
    original = Replica._author_next

    def author(self: Replica, now: float) -> Any:
        effects = original(self, now)
        return [replace(e, durable=False) if isinstance(e, Commit) else e for e in effects]

    patch.setattr(Replica, "_author_next", author)


def write_in_two_parts(patch: pytest.MonkeyPatch) -> None:
    """A write is torn in two: a crash may keep only the first."""
    original = ScopedStore._apply

    def apply(self: ScopedStore, changes: Any, *, durable: bool) -> None:
        half = len(changes) // 2
        original(self, changes[:half], durable=False)
        original(self, changes[half:], durable=durable)

    patch.setattr(ScopedStore, "_apply", apply)


def release_before_commit(patch: pytest.MonkeyPatch) -> None:
    """The delta is on its way before it is on the disk."""
    _let_out_first(patch, Broadcast)


def reply_before_commit(patch: pytest.MonkeyPatch) -> None:
    """Callers are answered before what they did is on the disk."""
    _let_out_first(patch, Reply)


def record_before_commit(patch: pytest.MonkeyPatch) -> None:
    """The keystore knows of a sequence before the store does."""
    _let_out_first(patch, RecordSequence)


def _let_out_first(patch: pytest.MonkeyPatch, kind: type) -> None:
    original = Replica._finish

    def finish(self: Replica, *args: Any) -> Any:
        return sorted(original(self, *args), key=lambda effect: not isinstance(effect, kind))

    patch.setattr(Replica, "_finish", finish)


def never_record(patch: pytest.MonkeyPatch) -> None:
    """The keystore is not told how far the chain has come."""
    _leave_out_records(patch, "_finish")
    _leave_out_records(patch, "_author_next")


def _leave_out_records(patch: pytest.MonkeyPatch, method: str) -> None:
    original = getattr(Replica, method)

    def left(self: Replica, *args: Any) -> Any:
        return [e for e in original(self, *args) if not isinstance(e, RecordSequence)]

    patch.setattr(Replica, method, left)


def announce_before_commit(patch: pytest.MonkeyPatch) -> None:
    """What came is announced before it is on the disk."""
    original = Replica._receive

    def receive(self: Replica, event: Any, now: float) -> Any:
        effects = original(self, event, now)
        if not self.is_admitted or not any(isinstance(effect, Applied) for effect in effects):
            return effects
        envelope = self._gossip.announcement_envelope(self.ledger, int(now * 1000))
        return [Broadcast(envelope), *effects]

    patch.setattr(Replica, "_receive", receive)


def stream_before_commit(patch: pytest.MonkeyPatch) -> None:
    """A session sends what is applied while its commit is still under way."""
    patch.setattr(Ledger, "committed", property(lambda self: self.view))


def forget_unfinished_calls(patch: pytest.MonkeyPatch) -> None:
    """Calls that a batch had no room for are dropped."""
    patch.setattr(Author, "put_back", lambda *_: None)


def run_calls_out_of_order(patch: pytest.MonkeyPatch) -> None:
    """Calls that a batch had no room for go to the end of the queue."""

    def put_back(self: Author, requests: Any) -> None:
        self._queue.extend(requests)
        self._queued_bytes += sum(len(request.call.arguments) for request in requests)

    patch.setattr(Author, "put_back", put_back)


def run_calls_again(patch: pytest.MonkeyPatch) -> None:
    """After a batch that was cut short all its calls go back to the queue."""
    original = LocalWrites.finish

    def finish(self: LocalWrites, outcomes: Any) -> Any:
        draughted = self._executing
        effects = original(self, outcomes)
        if draughted is not None and len(outcomes) < len(draughted.requests):
            self._author.put_back(draughted.requests[: len(outcomes)])
        return effects

    patch.setattr(LocalWrites, "finish", finish)


def stall_after_failed_batches(patch: pytest.MonkeyPatch) -> None:
    """Where no call of a batch took effect the next batch is not begun."""
    original = Replica._finish

    def finish(self: Replica, outcomes: Any, now: float) -> Any:
        if any(isinstance(outcome, Completed) for outcome in outcomes):
            return original(self, outcomes, now)
        with pytest.MonkeyPatch.context() as stalling:
            stalling.setattr(Replica, "_author_next", lambda *_: [])
            return original(self, outcomes, now)

    patch.setattr(Replica, "_finish", finish)


def sign_without_effects(patch: pytest.MonkeyPatch) -> None:
    """Of a batch of several calls the effects of the last do not come into the delta."""
    original = Author.sign

    def sign(self: Author, draughted: Any, outcomes: Any, governance: Any) -> Any:
        if len(outcomes) > 1 and isinstance(outcomes[-1], Completed):
            outcomes = (*outcomes[:-1], replace(outcomes[-1], effects=()))
        return original(self, draughted, outcomes, governance)

    patch.setattr(Author, "sign", sign)
