"""Every route: what it answers, and how it says no."""

from __future__ import annotations

import msgspec
import pytest

from covey.api.schema import ERRORS
from covey.errors import NodeError
from covey.model import limits
from tests.integration.api.fake_node import CONTEXT_ID, DEVICE, FAILURES, MEMBER, PEER_ID


def test_status(http):
    status = http.get("/v1/status").json()
    assert status["peer_id"] == PEER_ID
    assert status["member"] == MEMBER
    (context,) = status["contexts"]
    assert {"id", "name", "digest", "deltas", "members", "in_sync_with", "behind", "as_of"} <= set(
        context
    )


def test_peers(http):
    (peer,) = http.get("/v1/peers").json()["peers"]
    assert peer["contexts"] == [CONTEXT_ID]


def test_applications(http):
    (row,) = http.get("/v1/applications").json()["applications"]
    assert row["collections"] == [{"name": "entries", "rule": "register", "roles": []}]
    assert row["methods"][0]["args"] == {"type": "object"}
    assert row["methods"][1]["args"] is None
    assert http.get("/v1/applications/org.example.kv").json() == row


def test_install(http, served_node):
    reply = http.post("/v1/applications", content=b"covey bundle")
    assert reply.json()["id"] == "bafkreirelease"
    assert served_node.node.installed == [b"covey bundle"]


def test_contexts(http):
    (row,) = http.get("/v1/contexts").json()["contexts"]
    roles = ["admin", "editor"]
    assert row["devices"] == [{"member": MEMBER, "device": DEVICE, "roles": roles}]
    assert row["roles"] == roles
    assert row["in_force"] == {"number": 2, "release": "bafkreirelease", "version": "1.2.0"}
    assert http.get("/v1/contexts/notes").json() == row
    assert http.get(f"/v1/contexts/{CONTEXT_ID[:12]}").json() == row


def test_create_context(http):
    body = {"application": "org.example.kv", "name": "mine"}
    reply = http.post("/v1/contexts", json=body)
    assert reply.status_code == 200
    assert reply.json()["name"] == "mine"


def test_ticket_and_join(http):
    ticket = http.post("/v1/contexts/notes/ticket").json()["ticket"]
    reply = http.post("/v1/join", json={"target": ticket})
    assert reply.json() == {"id": CONTEXT_ID, "admitted": True, "why": ""}
    slow = http.post("/v1/join", json={"target": "slow-ticket", "name": "x"})
    why = "nobody let this device in; this node keeps trying"
    assert slow.json() == {"id": CONTEXT_ID, "admitted": False, "why": why}


def test_what_a_context_waits_for(http, served_node):
    """Whoever waits for an answer can ask beside it what for."""
    assert http.get("/v1/contexts/notes/waits").json() == {"waits_for": ""}
    served_node.node.waited_for = "the fuel budget"
    assert http.get("/v1/contexts/notes/waits").json() == {"waits_for": "the fuel budget"}
    assert http.get("/v1/contexts/other/waits").status_code == 404


def test_forget(http, served_node):
    reply = http.delete("/v1/contexts/notes")
    assert (reply.status_code, reply.content) == (204, b"")
    assert (served_node.node.forgotten, served_node.node.left) == (["notes"], [])


def test_leave(http, served_node):
    reply = http.post("/v1/contexts/notes/leave", json={})
    told = {"id": CONTEXT_ID, "name": "notes", "closed": True, "delta": "ab" * 32, "undone": ""}
    assert (reply.status_code, reply.json()) == (200, told)
    assert (served_node.node.forgotten, served_node.node.left) == ([], ["notes"])


def test_last_admin_leaves_only_where_it_says_so(http, served_node):
    served_node.node.is_last_admin = True
    assert http.post("/v1/contexts/notes/leave", json={}).status_code == 409
    assert http.post("/v1/contexts/notes/leave", json={"abandon": "true"}).status_code == 400
    assert served_node.node.left == []
    assert http.post("/v1/contexts/notes/leave", json={"abandon": True}).status_code == 200


def test_last_admin_forgets_and_removes_itself_only_where_it_says_so(http, served_node):
    """The guard is the same over every route that loses it."""
    served_node.node.is_last_admin = True
    assert http.delete("/v1/contexts/notes").status_code == 409
    assert http.delete("/v1/contexts/notes?abandon=perhaps").status_code == 400
    wish = {"action": "remove", "who": "did:key:z6MkBob"}
    assert http.post("/v1/contexts/notes/govern", json=wish).status_code == 409
    slip = wish | {"abandon": "true"}
    assert http.post("/v1/contexts/notes/govern", json=slip).status_code == 400
    assert (served_node.node.forgotten, served_node.node.wishes) == ([], [])
    assert http.post("/v1/contexts/notes/govern", json=wish | {"abandon": True}).status_code == 200
    assert http.delete("/v1/contexts/notes?abandon=true").status_code == 204


def test_call_and_query(http):
    body = {"method": "set", "args": {"key": "a", "value": [1, None, "ü"]}}
    reply = http.post("/v1/contexts/notes/call", json=body).json()
    assert reply == {"result": None, "delta": f"{1:064x}", "fuel": 7, "log": []}
    reply = http.post("/v1/contexts/notes/query", json={"method": "get", "args": {"key": "a"}})
    assert reply.json() == {"result": [1, None, "ü"], "fuel": 3, "log": []}


@pytest.mark.parametrize("kind", ["call", "query"])
def test_arguments_are_passed_as_they_came(http, kind):
    """Numbers beyond a double and the order of fields survive: nothing is decoded on the way."""
    arguments = b'{"z":12345678901234567890123, "a": 1.10, "a": {} }'
    body = b'{"method":"echo","args":' + arguments + b"}"
    reply = http.post(f"/v1/contexts/notes/{kind}", content=body)
    assert arguments in reply.content


def test_arguments_may_be_left_out(http):
    reply = http.post("/v1/contexts/notes/call", json={"method": "echo"})
    assert reply.json()["result"] == {}
    assert reply.json()["log"] == ["echoed"]


def test_log_in_pages(http, served_node):
    for _ in range(5):
        served_node.run(served_node.node.apply)
    page = http.get("/v1/contexts/notes/log", params={"limit": 3}).json()
    assert [row["arrival"] for row in page["rows"]] == [1, 2, 3]
    assert page["rows"][0]["events"] == [{"name": "changed", "data": "{}"}]
    rest = http.get("/v1/contexts/notes/log", params={"after": page["next"], "limit": 3}).json()
    assert [row["arrival"] for row in rest["rows"]] == [4, 5]
    assert rest["next"] is None


def test_log_page_shorter_than_asked_names_the_next(http, served_node, monkeypatch):
    """However many rows are asked for, `next` is null at the end alone."""
    monkeypatch.setattr(limits, "LOG_PAGE_ROWS", 2)
    for _ in range(5):
        served_node.run(served_node.node.apply)

    arrivals, after = [], 0
    while after is not None:
        parameters = {"after": after, "limit": 1_000}
        page = http.get("/v1/contexts/notes/log", params=parameters).json()
        arrivals += [row["arrival"] for row in page["rows"]]
        after = page["next"]

    assert arrivals == [1, 2, 3, 4, 5]


def test_stop(http, served_node):
    assert http.post("/v1/stop").json() == {"stopping": True}
    assert served_node.node.stop_requested


@pytest.mark.parametrize("kind", sorted(FAILURES))
def test_each_error_has_its_status_and_code(http, kind):
    """Scripts tell a refusal from a full disk by these."""
    body = {"method": "fail_with", "args": {"kind": kind}}
    reply = http.post("/v1/contexts/notes/call", json=body)
    status = next(status for _, code, status in ERRORS if code == kind)
    assert reply.status_code == status
    assert reply.json() == {"error": {"code": kind, "message": str(FAILURES[kind])}}


def test_defect_is_answered_without_its_details(http):
    reply = http.post("/v1/contexts/notes/call", json={"method": "defect"})
    assert reply.status_code == 500
    assert reply.json()["error"]["code"] == "internal"
    assert "defect" not in reply.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/contexts/nope"),
        ("DELETE", "/v1/contexts/nope"),
        ("POST", "/v1/contexts/nope/ticket"),
        ("GET", "/v1/contexts/nope/log"),
        ("GET", "/v1/contexts/nope/watch"),
        ("GET", "/v1/applications/nope"),
        ("GET", "/v1/nowhere"),
    ],
)
def test_what_is_not_there_is_not_found(http, method, path):
    reply = http.request(method, path)
    assert reply.status_code == 404
    assert reply.json()["error"]["code"] == "not-found"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"method":"set","args":{]}',
        b'{"args":{}}',
        b'{"method":7}',
        b'{"method":"set","arguments":{}}',
        b"[]",
        b"\xff\xfe",
        b'{"method":"set"} trailing',
    ],
)
@pytest.mark.parametrize("kind", ["call", "query"])
def test_malformed_call_is_refused(http, kind, body):
    reply = http.post(f"/v1/contexts/notes/{kind}", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "usage"


@pytest.mark.parametrize("path", ["/v1/contexts", "/v1/join"])
@pytest.mark.parametrize("body", [b"{", b"{}", b'{"target":1,"application":1}', b"[1]", b""])
def test_malformed_request_is_refused(http, path, body):
    reply = http.post(path, content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "usage"


@pytest.mark.parametrize("query", ["after=x", "after=-1", "limit=0", "limit=1001", "limit=1.5"])
def test_malformed_parameter_is_refused(http, query):
    reply = http.get(f"/v1/contexts/notes/log?{query}")
    assert reply.status_code == 400
    assert query.partition("=")[0] in reply.json()["error"]["message"]


def test_wrong_verb_is_refused(http):
    reply = http.put("/v1/status")
    assert reply.status_code == 405
    assert reply.json()["error"]["code"] == "usage"


def test_connection_survives_more_than_a_thousand_requests(http):
    """The server's default would close it in the middle of somebody's work."""
    replies = [http.get("/v1/peers") for _ in range(1_050)]
    assert all("connection" not in reply.headers for reply in replies)
    assert {reply.status_code for reply in replies} == {200}


def test_every_class_of_error_has_a_code():
    kinds = [kind for kind, _, _ in ERRORS]
    assert set(NodeError.__subclasses__()) - set(kinds) <= {
        kind for kind in NodeError.__subclasses__() if kind.__module__ != "covey.errors"
    }
    assert len({code for _, code, _ in ERRORS}) == len(ERRORS)
    msgspec.json.encode([code for _, code, _ in ERRORS])


def test_settings_are_read_and_changed_in_part(http):
    """What is not named, or null, stays; a list replaces the whole list."""
    path = "/v1/contexts/notes/settings"
    before = http.get(path).json()
    assert (before["degree"], before["role"], before["announce"]) == (8, "full", True)
    peer = "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3"
    after = http.patch(path, json={"deny": [peer], "announce": False, "degree": None}).json()
    assert after == before | {"deny": [peer], "announce": False}
    assert http.get(path).json() == after
    assert http.patch(path, json={"reset": True, "max_peers": 3}).json() == before | {
        "max_peers": 3
    }


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"degree": 0}, "config", "from 1 to 64"),
        ({"role": "boss"}, "config", "full or carrier"),
        ({"deny": ["bob"]}, "config", "no peer id"),
        ({"degrees": 3}, "usage", "degrees"),
        ({"degree": "many"}, "usage", "degree"),
        ({"max_peers": "3"}, "usage", "max_peers"),
        ({"announce": "true"}, "usage", "announce"),
        ({"reset": 1}, "usage", "reset"),
    ],
)
def test_wrong_settings_are_refused_with_what_may_be(http, body, code, said):
    reply = http.patch("/v1/contexts/notes/settings", json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == code
    assert said in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        (
            "/v1/contexts/notes/govern",
            {"action": "tighten", "constraint": {"constraint": "quorum", "k": "2"}},
            "k",
        ),
        ("/v1/contexts/notes/govern", {"action": "tighten", "role": 3}, "role"),
        ("/v1/contexts", {"application": "notes", "rules": {"admin_quorum": "2"}}, "admin_quorum"),
    ],
)
def test_rules_are_taken_as_they_are_written_or_not_at_all(http, served_node, path, body, said):
    """They are for ever: what is a text stays one."""
    reply = http.post(path, json=body)
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "usage"
    assert said in reply.json()["error"]["message"]
    assert served_node.node.wishes == []
