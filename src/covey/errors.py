"""Every error covey raises on purpose: each class answers whose fault it is and what to do.

A rule that says no is a value (`covey.model.Denied`), not an exception; a broken invariant is an
`assert` that nobody catches. A class exists only where somebody catches it.
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "ExecutionError",
    "NodeError",
    "NotFound",
    "PeerUnavailable",
    "ProtocolViolation",
    "Refused",
    "StoreError",
    "Unauthorised",
]


class NodeError(Exception):
    """Root of all errors raised on purpose; `str()` is one sentence for a person."""


class ConfigError(NodeError):
    """The operator's input or set-up is wrong: fix it and try again."""


class NotFound(NodeError):
    """The caller named a context, application, delta or method that is not here."""


class Refused(NodeError):
    """A rule or the application said no to what the caller asked; nothing was changed."""


class Unauthorised(NodeError):
    """The caller did not show the node's token."""


class ProtocolViolation(NodeError):
    """A peer sent what no honest peer sends.

    code: one of the codes of protocols/registry.md, e.g. "non-canonical".
    """

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class PeerUnavailable(NodeError):
    """Nobody's fault: the peer cannot be reached now; retry with backoff."""


class ExecutionError(NodeError):
    """The node could not run application code at all (a host fault, never a verdict of a call)."""


class StoreError(NodeError):
    """The disk or the store failed (full, read-only, corrupt, closed): stop, never guess."""
