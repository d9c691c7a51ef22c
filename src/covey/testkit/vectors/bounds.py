"""The table of limits, made from the one file that holds them."""

from __future__ import annotations

import re

__all__ = ["limits_table"]

_SECTIONS = ("encoding", "deltas", "time", "execution", "bundles", "replica", "gossip", "sync")
_SHARED = frozenset((
    "DELTA_SIZE_BYTES_MAX", "DELTA_CALLS_MAX", "DELTA_PARENTS_MAX", "DELTA_EFFECTS_MAX",
    "DELTA_GOVERNANCE_MAX", "EPOCHS_MAX", "SEQUENCE_MAX", "METHOD_NAME_BYTES_MAX",
    "CALL_ARGUMENTS_BYTES_MAX", "COLLECTION_NAME_BYTES_MAX", "KEY_BYTES_MAX", "VALUE_BYTES_MAX",
    "EVENT_NAME_BYTES_MAX", "EVENT_BYTES_MAX", "CALL_EVENTS_MAX", "CALL_EFFECTS_MAX",
    "CALL_FUEL_MAX", "DRIFT_MS_MAX", "BUNDLE_SIZE_BYTES_MAX", "BLOB_SIZE_BYTES_MAX",
    "MANIFEST_SIZE_BYTES_MAX", "CHARTER_SIZE_BYTES_MAX", "CHARTER_ADMINS_MAX",
    "CHARTER_ROLES_MAX", "GOSSIP_FRAME_BYTES_MAX", "ANNOUNCED_HEADS_MAX", "FORK_BRANCHES_MAX",
    "SYNC_FRAME_SIZE_BYTES_MAX", "SYNC_CREDIT_BYTES", "SYNC_CONTEXTS_MAX",
    "SYNC_FRONTIER_DEVICES_MAX", "ASK_IDS_MAX", "SYNC_BATCH_DELTAS_MAX", "SYNC_RANGES_MAX",
    "SYNC_FINGERPRINTS_MAX", "SYNC_TOLD_BYTES_MAX", "SYNC_SOURCES_MAX", "SYNC_PEERS_MAX",
    "SYNC_PEER_ADDRESSES_MAX", "ELEMENTS_MAX", "DELTA_HEADER_ELEMENTS_MAX", "DELTA_ELEMENTS_MAX",
    "SYNC_FRAME_ELEMENTS_MAX", "BUDGET_FUEL_PER_BYTE",
))  # fmt: skip
_ROW = re.compile(r"^(?P<name>[A-Z_0-9]+): Final = (?P<value>.+?)  # (?P<reason>.+)$")
_HEADING = re.compile(r"^# -- (?P<title>.+?) -+$")

_INTRODUCTION = """\
# Limits

Every bound of the protocol, with its reason and what happens beyond it. The unit ends the name;
`KIB` is 1,024 bytes, `MIB` 1,024 `KIB`. A **shared** limit is part of what is valid: all
implementations MUST have the same. The others are a node's own; they are the values with which the
figures of this project were measured. `make vectors` writes this table.
"""


def limits_table(source: str) -> str:
    """The whole of limits.md. source: the text of the file that holds the limits."""
    lines = [_INTRODUCTION]
    is_told = False
    for line in source.splitlines():
        heading, row = _HEADING.match(line), _ROW.match(line)
        if heading is not None:
            title = heading["title"].partition(" (")[0]
            is_told = title in _SECTIONS
            if is_told:
                lines += [f"## {title.capitalize()}", ""]
                lines += ["| limit | value | shared | reason; beyond it |", "|---|---|---|---|"]
        elif row is not None and is_told:
            shared = "yes" if row["name"] in _SHARED else ""
            lines.append(f"| {row['name']} | `{row['value']}` | {shared} | {row['reason']} |")
        elif not line and is_told and lines[-1]:
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"
