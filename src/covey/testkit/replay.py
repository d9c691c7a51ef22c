"""Verifies the context of a stopped node again: what a member that doubts its peers would do."""

from __future__ import annotations

from pathlib import Path

from covey.errors import NodeError
from covey.model import ContextId
from covey.node.auditing import audit
from covey.node.records import Records
from covey.node.views import AuditRow
from covey.runtime import BlockingExecutor
from covey.store import open_level

__all__ = ["Disagreement", "replay_home"]


class Disagreement(NodeError):
    """A delta did not hold."""


def replay_home(home: Path, context: ContextId, executor: BlockingExecutor) -> AuditRow:
    """Replay a context from the home of a node that is stopped.

    executor: installs the context's module itself. Raises Disagreement with the first difference,
    StoreError where the home is damaged or in use.
    """
    store = open_level(home / "store")
    try:
        records = Records(store)
        charter = records.charter(context)
        application = None if charter is None else records.application(charter.release)
        if charter is None or application is None:
            raise NodeError(f"{home} does not hold that context with its application")
        executor.install(application.release, records.module(application.release))
        first = application.manifest.terms
        row = audit(context, charter, first, store.reader(context), executor)
    finally:
        store.close()
    if not row.holds:
        raise Disagreement(f"delta {row.delta}: {row.code}, {row.reason}")
    return row
