"""The fold of deltas into state, and its digest."""

from __future__ import annotations

from covey.merge.elements import (
    closed_element,
    constraint_element,
    counter_element,
    device_element,
    entry_element,
    release_element,
    role_element,
    state_digest,
)
from covey.merge.entries import (
    Entry,
    Stamp,
    Sum,
    Version,
    amount_bytes,
    amount_of,
    clamped,
    decode_entry,
    decode_sum,
    decode_version,
    encode_entry,
    encode_sum,
    encode_version,
)
from covey.merge.fold import (
    Origin,
    fold_effect,
    live_total,
    refold,
    versions_of,
)
from covey.merge.view import (
    StateAtCut,
    StateReader,
)

__all__ = [
    "Entry",
    "Origin",
    "Stamp",
    "StateAtCut",
    "StateReader",
    "Sum",
    "Version",
    "amount_bytes",
    "amount_of",
    "clamped",
    "closed_element",
    "constraint_element",
    "counter_element",
    "decode_entry",
    "decode_sum",
    "decode_version",
    "device_element",
    "encode_entry",
    "encode_sum",
    "encode_version",
    "entry_element",
    "fold_effect",
    "live_total",
    "refold",
    "release_element",
    "role_element",
    "state_digest",
    "versions_of",
]
