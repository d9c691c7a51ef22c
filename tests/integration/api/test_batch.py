"""A batch: one line for each, in order, whatever the lines hold."""

from __future__ import annotations

import json
import time

import pytest

from covey.errors import NotFound, Refused, StoreError
from covey.model import limits

BATCH = "/v1/contexts/notes/batch"


def _lines(reply):
    assert reply.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in reply.text.splitlines()]


def _set(key):
    return json.dumps({"method": "set", "args": {"key": key, "value": 1}})


def test_ten_thousand_calls_in_one_request(client, served_node):
    """The workload of the benchmarks goes through one request, each call answered in its place."""
    value = b'"' + b"x" * 100 + b'"'
    calls = (("set", b'{"key":"%d","value":%s}' % (i, value)) for i in range(10_000))
    start = time.process_time()
    replies = list(client.batch("notes", calls))
    cpu_s = time.process_time() - start
    assert [reply.delta for reply in replies] == [f"{n:064x}" for n in range(1, 10_001)]
    assert served_node.node.batches == 1
    # Both sides and the fake node: about 20 µs a call; a machine under load is given ten times it.
    assert cpu_s < 2.0


def test_lines_that_are_no_calls_are_answered_in_their_place(http):
    """A script matches replies to calls by their position alone."""
    body = "\n".join(
        [
            "nonsense",
            _set("a"),
            '{"method":"set","args":{}',
            '{"args":{}}',
            json.dumps({"method": "fail_with", "args": {"kind": "refused"}}),
            _set("b"),
            json.dumps({"method": "nosuch"}),
            "[]",
        ]
    )
    replies = _lines(http.post(BATCH, content=body))
    codes = [reply.get("error", {}).get("code", "ok") for reply in replies]
    assert codes == ["usage", "ok", "usage", "usage", "refused", "ok", "not-found", "usage"]
    assert set(replies[1]) == {"result", "delta", "fuel"}
    assert set(replies[0]) == {"error"}


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "\r\n", "\n  \n"])
def test_empty_lines_are_no_calls(http, end):
    replies = _lines(http.post(BATCH, content=f"\n{_set('a')}\n\n{_set('b')}{end}"))
    assert len(replies) == 2


def test_empty_batch_has_an_empty_answer(http):
    reply = http.post(BATCH, content=b"")
    assert (reply.status_code, reply.content) == (200, b"")


def test_connection_serves_the_next_request_after_a_batch(http):
    """A reply that ends by being complete must not look like a client that left."""
    for _ in range(3):
        assert http.post(BATCH, content=_set("a")).status_code == 200
        assert http.post("/v1/contexts/nope/batch", content=_set("a")).status_code == 404
        assert http.get("/v1/contexts/nope/watch").status_code == 404


def test_batch_of_mistakes_alone_is_answered(http):
    replies = _lines(http.post(BATCH, content="x\ny"))
    assert [reply["error"]["code"] for reply in replies] == ["usage", "usage"]


def test_oversized_line_is_refused_in_its_place(http):
    long = json.dumps({"method": "echo", "args": "x" * limits.API_BATCH_LINE_BYTES_MAX})
    replies = _lines(http.post(BATCH, content=f"{_set('a')}\n{long}\n{_set('b')}"))
    assert [next(iter(reply)) for reply in replies] == ["result", "error", "result"]
    assert replies[1]["error"]["code"] == "too-large"


def test_oversized_batch_is_refused_before_its_first_call(http, served_node):
    piece = (_set("a") + "\n").encode() * 20_000
    count = limits.API_BATCH_BYTES_MAX // len(piece) + 1
    reply = http.post(BATCH, content=(piece for _ in range(count)))
    assert reply.status_code == 413
    assert served_node.node.rows == []


@pytest.mark.parametrize("is_chunked", [True, False])
def test_batch_as_large_as_the_client_sends_is_taken(http, is_chunked):
    """The framework has a bound of its own, of ten million bytes, unless it is told otherwise."""
    line = json.dumps({"method": "set", "args": {"key": "a", "value": "x" * 500_000}}) + "\n"
    count = limits.API_BATCH_SEND_BYTES // len(line) + 1
    body = line.encode() * count
    reply = http.post(
        BATCH, content=iter([body[:9_000_000], body[9_000_000:]]) if is_chunked else body
    )
    assert reply.status_code == 200
    assert [set(row) for row in _lines(reply)] == [{"result", "delta", "fuel"}] * count


def test_result_with_line_feeds_stays_one_line(http):
    """An application may print its JSON over several lines; a reply is still one."""
    body = b'{"method":"echo","args":{ "text":"a\\nb" }}'
    assert _lines(http.post(BATCH, content=body))[0]["result"] == {"text": "a\nb"}
    pretty = http.post("/v1/contexts/notes/call", content=b'{"method":"echo","args":{\n"a":1\n}}')
    assert b"\n" not in pretty.content


def test_unknown_context_is_not_found(http, client):
    assert http.post("/v1/contexts/nope/batch", content=_set("a")).status_code == 404
    with pytest.raises(NotFound):
        list(client.batch("nope", [("set", b"{}")]))


def test_store_that_fails_in_the_middle_ends_the_batch(http):
    """The node stops the context; what came before is answered, and the last line says why."""
    fail = json.dumps({"method": "fail_with", "args": {"kind": "store"}})
    replies = _lines(http.post(BATCH, content=f"{_set('a')}\n{fail}\n{_set('b')}"))
    assert [next(iter(reply)) for reply in replies] == ["result", "error"]
    assert replies[1]["error"]["code"] == "store"


def test_client_gives_errors_as_values(client):
    calls = [
        ("fail_with", b'{"kind":"refused"}'),
        ("set", b'{"key":"a","value":1}'),
        ("fail_with", b'{"kind":"not-found"}'),
    ]
    first, second, third = client.batch("notes", calls)
    assert isinstance(first, Refused)
    assert second.fuel == 7
    assert isinstance(third, NotFound)
    with pytest.raises(StoreError):
        client.call("notes", "fail_with", b'{"kind":"store"}')


def test_client_splits_what_one_request_does_not_hold(client, served_node, monkeypatch):
    monkeypatch.setattr(limits, "API_BATCH_SEND_BYTES", 1000)
    calls = [("set", b'{"key":"a","value":%d}' % i) for i in range(100)]
    replies = list(client.batch("notes", calls))
    assert [reply.delta for reply in replies] == [f"{n:064x}" for n in range(1, 101)]
    assert served_node.node.batches > 3


def test_other_requests_go_on_beside_a_batch(client):
    """A script may look at the status between two replies."""
    replies = client.batch("notes", [("set", b'{"key":"a","value":1}')] * 3)
    next(replies)
    assert client.status().peer_id
    assert len(list(replies)) == 2
