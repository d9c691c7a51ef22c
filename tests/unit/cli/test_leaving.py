"""`covey context leave`: for good, or only here, and what it says was not done."""

from __future__ import annotations

import pytest

from tests.integration.api.fake_ids import DEVICE


def test_device_is_closed_and_that_is_said(covey, node):
    """With the delta that did it, to look up in others' logs."""
    ran = covey("context", "leave", "notes")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"left notes\nthis device is closed there: delta {'ab' * 32}\n"
    assert (node.node.left, node.node.forgotten) == (["notes"], [])


def test_forget_tells_nobody(covey, node):
    """Nothing is written, and what is lost by that is said: nobody could take it back."""
    ran = covey("context", "leave", "notes", "--forget")
    assert (ran.code, ran.out) == (0, "forgot notes\n")
    for said in ("stays a member", "never has it back", "without the roles", "an admin there can"):
        assert said in ran.err
    assert f"covey context remove CONTEXT {DEVICE}" in ran.err
    assert (node.node.left, node.node.forgotten) == ([], ["notes"])


def test_scripts_are_told_what_forgetting_leaves_behind(covey):
    ran = covey("context", "leave", "notes", "--forget", "--json")
    told = ran.json
    assert (told["left"], told["closed"], told["delta"], ran.err) == (True, False, "", "")
    assert "stays a member" in told["undone"]


def test_what_was_not_done_is_one_line_beside_the_result(covey, node):
    """It was left all the same, which is what was asked for: code 0."""
    node.node.undone = "nobody who shares it is connected"
    ran = covey("context", "leave", "notes")
    assert (ran.code, ran.out) == (0, "left notes\n")
    assert ran.err == "covey: nobody who shares it is connected\n"
    ran = covey("context", "leave", "notes", "--json")
    assert (ran.json["closed"], ran.json["undone"], ran.err) == (False, node.node.undone, "")


def test_last_admin_is_refused_unless_it_abandons(covey, node):
    """What cannot be mended later needs a second word."""
    node.node.is_last_admin = True
    ran = covey("context", "leave", "notes", "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "last-admin" in ran.err
    assert node.node.left == []
    assert covey("context", "leave", "notes", "--abandon").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("leave", "notes", "--forget"),
        ("remove", "notes", "did:key:z6MkoP77oQX4G1SyhLv6uKoKsTyFvZj8GgZB4EV7ojq49445"),
        (
            "role",
            "notes",
            "did:key:z6MkoP77oQX4G1SyhLv6uKoKsTyFvZj8GgZB4EV7ojq49445",
            "--take",
            "admin",
        ),
    ],
)
def test_every_command_that_loses_the_last_admin_asks_for_the_same_word(covey, node, words):
    """Who learnt it from one of them must not be surprised by another."""
    node.node.is_last_admin = True
    ran = covey("context", *words, "--json")
    assert (ran.code, ran.out) == (1, "")
    assert "last-admin" in ran.err
    assert (node.node.forgotten, node.node.wishes) == ([], [])
    assert covey("context", *words, "--abandon", "--json").code == 0
    assert len(node.node.forgotten) + len(node.node.wishes) == 1


def test_giving_abandons_nothing(covey, node):
    """An option that would do nothing is a slip."""
    ran = covey(
        "context",
        "role",
        "notes",
        "did:key:z6MkoP77oQX4G1SyhLv6uKoKsTyFvZj8GgZB4EV7ojq49445",
        "--give",
        "editor",
        "--abandon",
    )
    assert (ran.code, node.node.wishes) == (2, [])
