"""The HTTP interface of a running node: `covey.api.server` serves it, `covey.api.schema` words it.

Nothing is re-exported here: clients import the schema, and a front door that named the server would
bring it into every command (0.4 s).
"""

from __future__ import annotations

__all__: list[str] = []
