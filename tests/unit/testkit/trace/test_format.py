"""Loading a trace: what is a usable recording, and one clear sentence for what is not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from covey.errors import ConfigError
from covey.testkit import bounds
from covey.testkit.trace import Patch, load_trace, parse_trace

DATA = Path(__file__).parents[4] / "data" / "friendsforever.json.gz"


def transaction(parents, agent, *patches):
    """One transaction as the files have it, with the fields that nothing here reads."""
    return {
        "parents": parents,
        "numChildren": 0,
        "agent": agent,
        "time": "1970-01-01T00:00:00+00:00",
        "patches": [list(patch) for patch in patches],
    }


def document(transactions, agents=2, end="", kind="concurrent"):
    return {"kind": kind, "endContent": end, "numAgents": agents, "txns": transactions}


def parse(*args, **kwargs):
    return parse_trace(json.dumps(document(*args, **kwargs)).encode())


def test_recorded_session_loads_whole():
    """The figures of the data's own description."""
    trace = load_trace(DATA)
    assert (trace.agents, len(trace.transactions), len(trace.end_text)) == (2, 26_078, 21_362)
    assert sum(len(t.parents) == 2 for t in trace.transactions) == 2_258


def test_plain_and_compressed_files_are_the_same_trace(tmp_path):
    content = json.dumps(document([transaction([], 1, [0, 0, "a"])], end="a")).encode()
    (tmp_path / "t.json").write_bytes(content)
    (tmp_path / "t.json.gz").write_bytes(gzip.compress(content, mtime=0))
    assert load_trace(tmp_path / "t.json") == load_trace(tmp_path / "t.json.gz")


def test_views_name_the_causal_past_by_the_last_transaction_of_each_agent():
    trace = parse(
        [
            transaction([], 0, [0, 0, "a"]),
            transaction([], 1, [0, 0, "b"]),
            transaction([0], 0, [0, 0, "c"]),
            transaction([1, 2], 1, [0, 0, "d"]),
        ]
    )
    assert trace.views == ((-1, -1), (-1, -1), (0, -1), (2, 1))


def test_patch_with_the_time_of_its_keystroke_is_accepted():
    """The format's description allows a fourth element."""
    trace = parse([transaction([], 0, [0, 0, "a", "2023-11-22T04:49:00+00:00"])])
    assert trace.transactions[0].patches == (Patch(0, 0, "a"),)


def test_empty_trace_and_last_transaction_without_patches_are_usable():
    assert parse([]).transactions == ()
    assert parse([transaction([], 0)]).transactions[0].patches == ()


@pytest.mark.parametrize(
    ("trace", "sentence"),
    [
        (document([], kind="sequential"), 'only "concurrent" can be replayed'),
        ({"startContent": "", "endContent": "", "txns": []}, "its kind is None"),
        ([], "wrong form"),
        ({"kind": "concurrent"}, "missing required field"),
        (document([], agents=0), "wrong form"),
        (document([], agents=65), "more than 64 agents"),
        (document([transaction([], 2, [0, 0, "a"])]), "transaction 0 is by agent 2 of 2 agents"),
        (
            document([transaction([0], 0, [0, 0, "a"])]),
            "transaction 0 follows 0, which comes later",
        ),
        (document([transaction([-1], 0, [0, 0, "a"])]), "wrong form"),
        (document([transaction([], 0, [-1, 0, "a"])]), "wrong form"),
        (document([transaction([], 0, [0, 1.5, "a"])]), "wrong form"),
        (document([transaction([], 0, [0, 0])]), "wrong form"),
        (
            document([transaction([], 0, [0, 0, "a"]), transaction([], 0, [0, 0, "b"])]),
            "transaction 1 does not follow 0, the one before it by the same agent 0",
        ),
    ],
)
def test_unusable_trace_is_refused_with_its_reason(tmp_path, trace, sentence):
    path = tmp_path / "wrong.json"
    path.write_text(json.dumps(trace))
    with pytest.raises(ConfigError) as refusal:
        load_trace(path)
    assert str(refusal.value).startswith(f"{path} is not a usable trace: ")
    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "wrong form"),
        (b"not JSON", "wrong form"),
        (b"[" * 100_000, "wrong form"),
        (b'{"kind": "\xff"}', "wrong form"),
        (b"\x1f\x8bnot gzip", "gzip data is damaged"),
        (gzip.compress(b'{"kind": "concurrent"}', mtime=0)[:-9], "gzip data is cut short"),
    ],
)
def test_damaged_file_is_refused_with_its_reason(tmp_path, content, sentence):
    (tmp_path / "wrong").write_bytes(content)
    with pytest.raises(ConfigError, match=sentence):
        load_trace(tmp_path / "wrong")


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the trace"):
        load_trace(tmp_path / "nothing.json")
    with pytest.raises(ConfigError, match="cannot read the trace"):
        load_trace(tmp_path)


def test_file_that_inflates_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    """A few kilobytes of gzip must not fill the memory."""
    monkeypatch.setattr(bounds, "TRACE_SIZE_BYTES_MAX", 10_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b" " * 1_000_000, mtime=0))
    with pytest.raises(ConfigError, match="larger than 10000 bytes"):
        load_trace(tmp_path / "bomb.gz")
