"""Every command: what it prints for scripts, and what for people."""

from __future__ import annotations

import json
import threading

import pytest

from tests.integration.api.fake_node import (
    CONTEXT_ID,
    DEVICE,
    FAR_TOPIC,
    MEMBER,
    NEAR_ID,
    PEER_ID,
    RELEASE_ID,
)

TERMS = "open admission, not encrypted, signatures checked but calls not run again"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["context", "create", "org.example.kv"], {"id": CONTEXT_ID}),
        (["context", "ticket", "notes"], {"ticket": "covey-ticket"}),
        (["join", NEAR_ID], {"id": CONTEXT_ID, "admitted": True, "why": ""}),
        (
            ["context", "join", FAR_TOPIC],
            {
                "id": CONTEXT_ID,
                "admitted": False,
                "why": "nobody let this device in; this node keeps trying",
            },
        ),
        (
            ["call", "notes", "set", '{"key": "a", "value": 1}'],
            {"result": None, "delta": f"{1:064x}", "fuel": 7},
        ),
        (
            ["context", "call", "notes", "echo", "[1]"],
            {"result": [1], "delta": f"{1:064x}", "fuel": 7},
        ),
        (["query", "notes", "get", '{"key": "a"}'], {"result": None}),
        (["context", "query", "notes", "echo"], {"result": {}}),
        (
            ["context", "leave", "notes"],
            {"id": CONTEXT_ID, "left": True, "closed": True, "delta": "ab" * 32, "undone": ""},
        ),
    ],
)
def test_json_is_what_scripts_were_promised(covey, arguments, expected):
    """These shapes are a contract: other programs parse them."""
    ran = covey(*arguments, "--json")
    assert ran.code == 0
    assert ran.json == expected


def test_status_for_scripts(covey):
    status = covey("status", "--json").json
    assert status["peer_id"] == PEER_ID
    assert status["addresses"]
    (context,) = status["contexts"]
    promised = {"id", "name", "digest", "deltas", "members", "in_sync_with", "behind", "as_of"}
    assert promised <= set(context)
    assert isinstance(context["deltas"], int)
    assert isinstance(context["members"], int)


def test_status_for_people_says_what_a_context_does_not_promise(covey):
    """Nobody may believe that an open, unencrypted context keeps a secret."""
    ran = covey("status")
    assert ran.code == 0
    assert TERMS in ran.out
    assert "12D3KooWOther (as of 2026-01-01T00:00:00.000Z)" in ran.out


def test_context_show_says_it_too(covey):
    assert TERMS in covey("context", "show", "notes").out


def test_lists_for_scripts(covey):
    assert covey("app", "list", "--json").json["applications"][0]["id"] == RELEASE_ID
    assert covey("context", "list", "--json").json["contexts"][0]["id"] == CONTEXT_ID
    assert covey("peers", "--json").json["peers"][0]["contexts"] == [CONTEXT_ID]
    assert covey("context", "show", "notes", "--json").json["id"] == CONTEXT_ID
    assert covey("app", "inspect", "org.example.kv", "--json").json["id"] == RELEASE_ID


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["app", "list"], "org.example.kv"),
        (["app", "inspect", "org.example.kv"], "entries (register)"),
        (["context", "list"], CONTEXT_ID),
        (["context", "show", "notes"], f"{MEMBER}"),
        (["context", "ticket", "notes"], "covey-ticket\n"),
        (["context", "create", "org.example.kv", "--name", "mine"], "mine"),
        (["context", "leave", "notes"], "left notes"),
        (["peers"], "12D3KooWOther"),
        (["join", NEAR_ID], "admitted"),
        (["call", "notes", "echo", '{"a":1}'], '{\n  "a": 1\n}'),
        (["query", "notes", "echo", '{"a":1}'], '{\n  "a": 1\n}'),
        (["context", "log", "notes"], "nothing was applied"),
        (["version"], "covey 0."),
    ],
)
def test_people_get_text(covey, arguments, shown):
    ran = covey(*arguments)
    assert ran.code == 0
    assert shown in ran.out


def test_colons_in_keys_are_no_emoji(covey):
    """`did:key:z…` holds the name of one."""
    assert DEVICE in covey("context", "show", "notes").out


def test_what_the_application_says_goes_beside_the_result(covey):
    ran = covey("call", "notes", "echo", "--json")
    assert ran.json["result"] == {}
    assert "covey: the application says: echoed" in ran.err


def test_not_admitted_yet_is_said(covey):
    ran = covey("join", FAR_TOPIC)
    assert ran.code == 0
    assert "not admitted yet" in ran.out
    assert "keeps trying" in ran.err


def test_log_in_pages(covey, node):
    for _ in range(3):
        node.run(node.node.apply)
    page = covey("context", "log", "notes", "--limit", "2", "--json").json
    assert [row["arrival"] for row in page["rows"]] == [1, 2]
    assert "--after 2" in covey("context", "log", "notes", "--limit", "2").err
    rest = covey("context", "log", "notes", "--after", "2", "--json").json
    assert [row["arrival"] for row in rest["rows"]] == [3]


def test_install(covey, node, tmp_path):
    bundle = tmp_path / "a.covey"
    bundle.write_bytes(b"covey bundle")
    assert covey("app", "install", bundle, "--json").json == {"id": RELEASE_ID}
    assert node.node.installed == [b"covey bundle"]
    assert "covey context create org.example.kv" in covey("app", "install", bundle).err


def test_arguments_from_standard_input(covey):
    ran = covey("call", "notes", "echo", "-", "--json", stdin=b'{"a": "\xc3\xbc"}\n')
    assert ran.json["result"] == {"a": "ü"}


LINES = b'{"method":"set","args":{"key":"a","value":1}}\n\n{"method":"echo","args":[2]}\n'


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_batch_answers_each_line_in_order(covey, tmp_path, flags):
    file = tmp_path / "calls"
    file.write_bytes(LINES)
    for ran in (
        covey("call", "notes", "--batch", file, *flags),
        covey("context", "call", "notes", "--batch", "-", *flags, stdin=LINES),
    ):
        assert ran.code == 0
        replies = [json.loads(line) for line in ran.out.splitlines()]
        assert [reply["result"] for reply in replies] == [None, [2]]
        assert all(set(reply) == {"result", "delta", "fuel"} for reply in replies)


def test_batch_ends_with_the_code_of_its_first_failure(covey):
    """A script sees that something was refused, and reads which from the lines."""
    lines = (
        b'{"method":"set","args":{"key":"a","value":1}}\n'
        b'{"method":"nosuch"}\n'
        b'{"method":"fail_with","args":{"kind":"refused"}}\n'
    )
    ran = covey("call", "notes", "--batch", "-", stdin=lines)
    assert ran.code == 4
    codes = [json.loads(line).get("error", {}).get("code") for line in ran.out.splitlines()]
    assert codes == [None, "not-found", "refused"]


@pytest.fixture
def watched(node):
    """Once somebody watches, more is applied than a watcher's queue holds, which ends the watch."""
    node.node.watch_queue_max = 5
    pause = threading.Event()

    def overwhelm():
        node.node.apply(2)
        node.node.apply(0, ("approves release bafkrei as number 1",))
        for _ in range(18):
            node.node.apply(2)

    def wait():
        while not node.run(lambda: len(node.node.watchers)):
            pause.wait(0.005)
        node.run(overwhelm)

    thread = threading.Thread(target=wait)
    thread.start()
    yield
    thread.join()


@pytest.mark.usefixtures("watched")
def test_watch_prints_exactly_what_was_promised(covey):
    ran = covey("context", "watch", "notes", "--json")
    first, second, *_ = ran.out.splitlines()
    assert json.loads(first) == {
        "delta": f"{1:064x}",
        "author": DEVICE,
        "sequence": 1,
        "calls": 2,
        "governance": [],
    }
    assert json.loads(second)["governance"] == ["approves release bafkrei as number 1"]
    assert ran.code == 6
    assert "fell behind" in ran.err


@pytest.mark.usefixtures("watched")
def test_watch_for_people(covey):
    assert "2 of set" in covey("context", "watch", "notes").out


BOB = "12D3KooWH3uVF6wv47WnArKHk5p6cvgCJEb74UTmxztmQDc298L3"
AT_BOB = f"/ip4/192.0.2.7/tcp/4001/p2p/{BOB}"


def test_settings_for_scripts(covey):
    """Without options they are shown, with some they are changed and shown."""
    usual = covey("context", "settings", "notes", "--json").json
    assert usual["degree"] == 8
    words = ["--degree", "4", "--max-peers", "9", "--static", AT_BOB, "--no-announce"]
    after = covey("context", "settings", "notes", *words, "--role", "carrier", "--json").json
    assert after == usual | {
        "degree": 4,
        "max_peers": 9,
        "static": [AT_BOB],
        "announce": False,
        "role": "carrier",
    }
    assert covey("context", "settings", "notes", "--static", "none", "--json").json["static"] == []
    assert covey("context", "settings", "notes", "--reset", "--json").json == usual


def test_settings_for_people(covey, monkeypatch):
    """What each of them means; ids stay whole."""
    ran = covey("context", "settings", "notes", "--deny", BOB, "--role", "carrier")
    assert ran.code == 0
    for shown in ("calls here are refused", "filled up below 6", f"deny    {BOB}", "everybody"):
        assert shown in ran.out


def test_settings_that_contradict_those_before_are_usage(covey):
    """Only the node knows what was set before."""
    covey("context", "settings", "notes", "--static", AT_BOB)
    ran = covey("context", "settings", "notes", "--deny", BOB)
    assert ran.code == 2
    assert "must be admitted" in ran.err


def test_shell_completes_contexts_peers_and_roles(covey, node, run, monkeypatch):
    """Nothing where no node runs: a shell has no place for an error."""

    def offered(line: str) -> list[str]:
        monkeypatch.setenv("_COVEY_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        return run().out.split()

    home = f"--home {node.home}"
    assert offered(f"covey context settings {home} no") == ["notes"]
    assert offered(f"covey context settings {home} notes --deny 12D3") == ["12D3KooWOther"]
    assert offered(f"covey context settings {home} notes --role ca") == ["carrier"]
    assert "--max-peers" in offered("covey context settings notes --max")
    assert offered("covey context settings --home /nope no") == []


def test_peers_say_who_how_since_when_and_what_they_serve(covey):
    """For people every line fits into 80 columns; contexts have their names here."""
    shown = covey("peers").out
    assert "12D3KooWOther\n" in shown
    assert "outbound, tcp, noise, yamux, since 2026-01-01T00:00:00Z" in shown
    assert "latency 12.3 ms, score -1.5" in shown
    assert "covey/0.1.0, sync, DHT server" in shown
    assert "shares    notes" in shown
    assert max(map(len, shown.splitlines())) <= 80
    (peer,) = covey("peers", "--json").json["peers"]
    assert (peer["dht_server"], peer["latency_ms"], peer["score"]) == (True, 12.345, -1.5)
    assert (peer["transport"], peer["direction"]) == ("tcp, noise, yamux", "outbound")
