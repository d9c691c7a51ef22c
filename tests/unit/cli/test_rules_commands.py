"""Commands about rules: what is asked of the node, and what is refused before it is asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from covey.cli.rules_file import parse_span
from covey.codec import Ticket, certificate_text, cid_of, did_text, encode_ticket
from covey.errors import ConfigError
from covey.model import ContextId, PeerId
from covey.node import ApprovalRow, ConstraintRow, VoteRow
from covey.testkit.identities import identity
from tests.integration.api.fake_ids import CONTEXT_ID, MEMBER, RELEASE_ID
from tests.integration.api.fake_node import FAR_TOPIC, NEAR_ID, FakeNode

KEY = did_text(identity("ben").member_id)
NOBODY = did_text(bytes(32))
TICKET = encode_ticket(Ticket(ContextId(cid_of(b"far")), (), PeerId("")))
RULES = f"""\
roles = ["editor"]
admins = ["{certificate_text(identity("ben").certificate)}"]
admin_quorum = 2

[[code]]
constraint = "publisher"

[[code]]
constraint = "quorum"
k = 1
keys = ["{KEY}"]
notice = "3d"
"""


def test_rules_are_sentences_and_facts(covey):
    """For people the sentences come first; scripts get all of it."""
    shown = covey("context", "rules", "notes")
    assert "Nobody can change this application's code." in shown.out
    assert "quorum 1 of 1, notice 3600 s, never" in shown.out
    assert "600,000,000 for each device and minute" in shown.out
    reply = json.loads(covey("context", "rules", "notes", "--json").out)
    assert reply["fuel_budget"] == 600_000_000
    assert reply["never"] == ["Nobody can change this application's code."]
    assert [each["constraint"] for each in reply["constraints"]] == ["quorum", "never"]


@pytest.mark.parametrize(
    ("arguments", "wish"),
    [
        (["remove", "notes", KEY], ("remove", KEY, "", None)),
        (["role", "notes", KEY, "--give", "editor"], ("give", KEY, "editor", None)),
        (["role", "notes", KEY, "--take", "admin"], ("take", KEY, "admin", None)),
        (["tighten", "notes", "--never"], ("tighten", "", "", ("never", 0, (), 0))),
        (["tighten", "notes", "--publisher"], ("tighten", "", "", ("publisher", 0, (), 0))),
        (
            ["tighten", "notes", "--quorum", "1", "--key", KEY, "--notice", "2h"],
            ("tighten", "", "", ("quorum", 1, (KEY,), 7_200)),
        ),
    ],
)
def test_wishes_reach_the_node(covey, node, arguments, wish):
    """Exactly as they were said."""
    ran = covey("context", *arguments, "--json")
    assert json.loads(ran.out) == {"delta": "ab" * 32}
    told = node.node.wishes[-1]
    row = told.constraint
    constraint = None if row is None else (row.constraint, row.k, row.keys, row.notice_s)
    assert (told.action, told.who, told.role, constraint) == wish


def test_what_the_rules_forbid_is_1(covey):
    """With the rule's code and its reason."""
    ran = covey("context", "vote", "notes", KEY)
    assert (ran.code, ran.out) == (1, "")
    assert "no-quorum" in ran.err


@pytest.mark.parametrize(
    ("votes", "said"),
    [
        (1, "2 more must vote; then one who has not voted runs"),
        (2, "1 more must vote; then one who has not voted runs"),
        (3, "an admin of the charter who has not voted can remove it at once:"),
        (4, "nobody is removed yet: an admin of the charter now runs"),
    ],
)
def test_vote_says_how_many_there_are_and_what_comes_next(covey, node, votes, said):
    """A vote removes nobody, and that is not what one expects of the last one."""
    node.node.votes = (VoteRow(KEY, MEMBER, votes, 4), VoteRow(MEMBER, MEMBER, 1, 4))
    ran = covey("context", "vote", "notes", KEY)
    lines = ran.out.splitlines()
    assert lines[1:] == [
        f"{votes} of 4 votes so far",
        said,
        f"  $ covey context remove notes {KEY}",
    ]
    page = covey("context", "rules", "notes").out
    assert f"{votes} of 4 to remove {KEY}" in page
    ran = covey("context", "vote", "notes", KEY, "--json")
    assert ran.json == {"delta": "ab" * 32, "votes": votes, "needed": 4}


@pytest.mark.parametrize(
    ("counts", "notice_s", "told", "command"),
    [
        (((1, 3),), 0, ("1 of 3", "2 more of its keys must approve it:"), "approve"),
        (((2, 2), (1, 2)), 0, ("1 of 2", "1 more of its keys must approve it:"), "approve"),
        (((2, 2),), 0, ("2 of 2", "it is not in force yet: an admin now runs"), "upgrade"),
        (((2, 2),), 60, ("2 of 2", "once its notice has run, an admin runs"), "upgrade"),
    ],
)
def test_approve_says_how_many_there_are_and_what_comes_next(
    covey, node, monkeypatch, counts, notice_s, told, command
):
    """An approval puts nothing in force, and its author has to know whom to ask."""
    usual = FakeNode.rules
    row = ConstraintRow("quorum", 1, (MEMBER,), notice_s)
    monkeypatch.setattr(FakeNode, "rules", lambda *a: replace(usual(*a), constraints=(row,)))
    node.node.approvals = tuple(ApprovalRow(RELEASE_ID, *each) for each in counts)
    ran = covey("context", "approve", "notes", "org.example.kv")
    assert node.node.wishes[-1].release == RELEASE_ID
    lines = ran.out.splitlines()
    assert lines[1] == f"{told[0]} approvals of release {RELEASE_ID} so far"
    assert told[1] in lines[2]
    assert lines[3] == f"  $ covey context {command} notes {RELEASE_ID}"
    assert ran.err == ""
    page = covey("context", "rules", "notes").out
    assert f"{told[0]} of release {RELEASE_ID}" in page
    reply = covey("context", "approve", "notes", "org.example.kv", "--json").json
    assert (reply["release"], f"{reply['approvals']} of {reply['needed']}") == (RELEASE_ID, told[0])


_SINCE, _UNTIL = "2026-11-29T10:00:00.000Z", "2026-12-02T10:00:00.000Z"
_BEGUN = ApprovalRow(RELEASE_ID, 2, 2, 259_200, _SINCE, _UNTIL, "org.example.kv", "2.0.0")


def _rules_with(monkeypatch, node, row, *constraints) -> None:
    """The node in memory has these rules and this approval."""
    usual = FakeNode.rules
    monkeypatch.setattr(FakeNode, "rules", lambda *a: replace(usual(*a), constraints=constraints))
    node.node.approvals = (row,)


def test_rules_say_when_a_notice_ends(covey, node, monkeypatch):
    """A member who does not want the release has to know until when it can leave."""
    _rules_with(monkeypatch, node, _BEGUN, ConstraintRow("quorum", 2, (MEMBER, KEY), 259_200))
    lines = [" ".join(line.split()) for line in covey("context", "rules", "notes").out.splitlines()]
    assert f"approvals 2 of 2 of release {RELEASE_ID}, org.example.kv 2.0.0" in lines
    assert f"notice 259200 s since {_SINCE}" in lines
    assert f"in force not before {_UNTIL}, as far as this node knows" in lines
    reply = covey("context", "rules", "notes", "--json").json
    assert reply["package"] == "org.example.kv"
    assert reply["approvals"] == [
        {
            "release": RELEASE_ID,
            "approvals": 2,
            "needed": 2,
            "notice_s": 259_200,
            "since": _SINCE,
            "until": _UNTIL,
            "package": "org.example.kv",
            "version": "2.0.0",
        }
    ]


@pytest.mark.parametrize(
    ("row", "is_locked", "said"),
    [
        (replace(_BEGUN, since=None, until=None), False, "259200 s, has not begun: it begins when"),
        (ApprovalRow(RELEASE_ID, 1, 2, 259_200), False, None),
        (ApprovalRow(RELEASE_ID, 2, 2), False, None),
        (ApprovalRow(RELEASE_ID, 2, 2, 259_200), True, None),
    ],
    ids=["not begun", "too few", "no notice", "locked"],
)
def test_rules_say_of_a_notice_what_there_is_to_say(covey, node, monkeypatch, row, is_locked, said):
    """Nothing where there is none, where it cannot begin yet or where nothing waits for it."""
    constraints = [ConstraintRow("quorum", 2, (MEMBER, KEY), 259_200)]
    constraints += [ConstraintRow("never")] * is_locked
    _rules_with(monkeypatch, node, row, *constraints)
    facts = [line.split(None, 1) for line in covey("context", "rules", "notes").out.splitlines()]
    told = [fact[1] for fact in facts if fact[:1] == ["notice"]]
    assert [line.startswith(said) for line in told] == ([] if said is None else [True])
    assert not any(fact[:1] == ["in"] for fact in facts)


def test_approval_of_what_is_not_here_says_that_nothing_was_checked(covey):
    """Others take it for the word of somebody who looked."""
    ran = covey("context", "approve", "notes", "bafkunknown")
    assert ran.code == 0
    assert "release bafkunknown is not installed here: nothing of it was checked" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["role", "notes", KEY],
        ["role", "notes", KEY, "--give", "a", "--take", "b"],
        ["tighten", "notes"],
        ["tighten", "notes", "--never", "--publisher"],
        ["tighten", "notes", "--never", "--key", KEY],
        ["tighten", "notes", "--quorum", "1", "--key", KEY, "--notice", "soon"],
        ["tighten", "notes", "--quorum", "1", "--key", KEY, "--notice", "9999d"],
        ["tighten", "notes", "--quorum", "1"],
        ["tighten", "notes", "--quorum", "2", "--key", KEY],
        ["tighten", "notes", "--quorum", "1", "--key", KEY, "--key", KEY],
        ["tighten", "notes", "--quorum", "1", "--key", NOBODY],
        ["role", "notes", "bob", "--give", "editor"],
        ["role", "notes", KEY, "--give", ""],
        ["remove", "notes", KEY[:-1]],
        ["vote", "notes", ""],
    ],
)
def test_wrong_usage_is_2(run, tmp_path, arguments):
    """Before anything is asked of a node: there is none on this home."""
    ran = run("context", *arguments, "--home", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1


def test_key_of_a_quorum_that_is_wrong_is_named(run, tmp_path):
    """With its option: what is added can never be taken away."""
    for keys, why in (
        ((KEY, NOBODY), f"Invalid value for --key: nobody can have the key {NOBODY}"),
        ((KEY, KEY), f"Invalid value for --key: {KEY} stands there twice"),
        ((KEY, "z6Mk"), "Invalid value for --key: 'z6Mk' is not a did:key"),
    ):
        options = [word for key in keys for word in ("--key", key)]
        ran = run("context", "tighten", "notes", "--quorum", "1", *options, "--home", tmp_path)
        assert ran.code == 2
        assert why in ran.err


def test_key_of_a_quorum_that_no_member_has_is_said(covey):
    """It is added all the same: somebody may join with it later."""
    arguments = ("context", "tighten", "notes", "--quorum", "1", "--key", MEMBER)
    assert covey(*arguments).err == ""
    ran = covey(*arguments, "--key", KEY)
    assert ran.code == 0
    assert f"nobody in this context has {KEY} now" in ran.err
    assert MEMBER not in ran.err


def test_create_takes_rules_from_a_file(covey, node, tmp_path: Path):
    """And --locked adds that the code never changes."""
    path = tmp_path / "rules.toml"
    path.write_text(RULES)
    assert covey("context", "create", "org.example.kv", "--rules", str(path)).code == 0
    rulebook = node.node.rulebook
    assert (rulebook.roles, rulebook.admin_quorum) == (("editor",), 2)
    assert [(r.constraint, r.k, r.keys, r.notice_s) for r in rulebook.code] == [
        ("publisher", 0, (), 0),
        ("quorum", 1, (KEY,), 259_200),
    ]
    assert covey("context", "create", "org.example.kv", "--locked").code == 0
    assert [r.constraint for r in node.node.rulebook.code] == ["never"]


def test_spans():
    """In the units people count in."""
    assert [parse_span(text) for text in ("", "90s", "30m", "12h", "3d")] == [
        *(0, 90, 1_800),
        *(43_200, 259_200),
    ]


@pytest.mark.parametrize("target", [TICKET, NEAR_ID, FAR_TOPIC])
def test_rules_of_what_is_not_joined_are_the_charter_s(covey, node, target):
    """Asked by a ticket, an id or a topic; what is not known is said."""
    shown = covey("context", "rules", target)
    assert node.node.asked == [target]
    assert "Only the charter is known here" in shown.out
    assert "founded with bafkreirelease" in shown.out
    facts = [line.split() for line in shown.out.splitlines()]
    assert ["context", CONTEXT_ID] in facts
    assert ["application", "org.example.kv", "1.0.0"] in facts
    assert json.loads(covey("context", "rules", target, "--json").out)["is_current"] is False


def test_rules_of_an_application_that_is_not_here_say_so(covey, monkeypatch):
    """Whoever has a ticket alone wants to know what it is of, before joining."""
    monkeypatch.setattr(FakeNode, "applications", lambda _: ())
    assert "its release is not installed here" in covey("context", "rules", TICKET).out


def test_rules_of_what_has_a_name_here_ask_nobody(covey, node):
    """A local name is no target."""
    assert "Only the charter" not in covey("context", "rules", "notes").out
    assert node.node.asked == []


@pytest.mark.parametrize("target", ["covey1nonsense", "/covey/1/nonsense", TICKET[:-1]])
def test_damaged_target_of_rules_is_2(covey, node, target):
    """Before anything is asked."""
    ran = covey("context", "rules", target)
    assert (ran.code, ran.out, node.node.asked) == (2, "", [])


@pytest.mark.parametrize(
    "command",
    [("tighten", "notes"), ("create", "org.example.kv")],
)
def test_device_that_the_node_knows_is_no_key_and_wrong_usage(covey, monkeypatch, command):
    """Like other keys that are none; what else a node finds wrong stays a failure."""
    said = [f"keys: {KEY} is a device, not a member", "the disk is elsewhere"]

    async def refuse(*_: object) -> str:
        raise ConfigError(said[0])

    monkeypatch.setattr(FakeNode, "govern", refuse)
    monkeypatch.setattr(FakeNode, "create_context", refuse)
    ran = covey("context", *command, "--quorum", "1", "--key", KEY)
    assert (ran.code, ran.out) == (2, "")
    assert f"Invalid value for --key: {KEY} is a device, not a member" in ran.err
    del said[0]
    assert covey("context", *command, "--quorum", "1", "--key", KEY).code == 6
