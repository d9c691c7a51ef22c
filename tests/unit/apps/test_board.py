"""apps/board: profiles, posts and attachments, and that it keeps to `owned` and `frozen`."""

from __future__ import annotations

import hashlib

import base58
import pytest

ADA, BOB = b"\x01" * 32, b"\x02" * 32


def did(key: bytes) -> str:
    return "did:key:z" + base58.b58encode(b"\xed\x01" + key).decode()


@pytest.fixture
def board(open_guest):
    return open_guest("board")


def test_each_member_has_a_profile_of_its_own(board):
    board.call("set_profile", {"name": "Ada"})
    board.member = BOB
    board.call("set_profile", {"name": "Bob 🦆"})
    assert board.call("profiles", {}) == {
        "profiles": [
            {"id": ADA.hex(), "member": did(ADA), "name": "Ada"},
            {"id": BOB.hex(), "member": did(BOB), "name": "Bob 🦆"},
        ],
        "more": False,
    }
    assert board.call("remove_profile", {}) == {"removed": True}
    assert board.call("remove_profile", {}) == {"removed": False}
    assert [p["name"] for p in board.call("profiles", {})["profiles"]] == ["Ada"]


@pytest.mark.parametrize("key", [bytes(32), b"\xff" * 32, hashlib.sha256(b"key").digest()])
def test_member_is_shown_as_its_did(board, key):
    """The guest's base58 agrees with the library's, also at the ends of the range."""
    board.member = key
    board.call("set_profile", {"name": "x"})
    assert board.call("profiles", {})["profiles"][0]["member"] == did(key)


def test_posts_of_one_author_keep_their_order(board):
    """Calls of one delta have one time: the number orders them."""
    ids = [board.call("post", {"text": f"text {number}"})["id"] for number in range(12)]
    posts = board.call("posts", {})["posts"]
    assert [post["id"] for post in posts] == ids
    assert [post["number"] for post in posts] == list(range(1, 13))
    assert posts[0] == {
        "id": ids[0],
        "author": did(ADA),
        "name": None,
        "number": 1,
        "time_ms": board.time_ms,
        "text": "text 0",
    }
    assert board.events[0] == (b"posted", bytes.fromhex(ids[0]))


def test_posts_carry_the_name_of_their_author(board):
    board.call("set_profile", {"name": "Ada"})
    board.call("post", {"text": "one"})
    board.member = BOB
    board.call("post", {"text": "two"})
    posts = board.call("posts", {})["posts"]
    assert [(post["name"], post["text"]) for post in posts] == [("Ada", "one"), (None, "two")]


def test_two_devices_of_a_member_keep_both_posts(board):
    """Devices that had not seen each other choose one number; neither post may be lost."""
    board.call("post", {"text": "from the laptop"})
    del board.state[b"marks", ADA + b"posts"]
    board.call("post", {"text": "from the phone"})
    posts = board.call("posts", {})["posts"]
    assert sorted(post["text"] for post in posts) == ["from the laptop", "from the phone"]
    assert {post["number"] for post in posts} == {1}


def test_posts_pages_cover_everything_once(board):
    for number in range(7):
        board.call("post", {"text": str(number)})
    first = board.call("posts", {"limit": 4})
    rest = board.call("posts", {"after": first["posts"][-1]["id"], "limit": 3})
    assert (first["more"], rest["more"]) == (True, False)
    assert [post["text"] for post in first["posts"] + rest["posts"]] == list("0123456")


def test_profiles_page_after_an_id(board):
    for member in (ADA, BOB):
        board.member = member
        board.call("set_profile", {"name": "x"})
    assert board.call("profiles", {"limit": 1})["more"] is True
    page = board.call("profiles", {"after": ADA.hex()})
    assert [profile["id"] for profile in page["profiles"]] == [BOB.hex()]


def test_attachment_is_found_by_its_hash(board):
    text = "a longer text, 🦆"
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert board.call("attach", {"text": text}) == {"hash": expected}
    assert board.call("attachment", {"hash": expected}) == {"text": text}
    assert board.call("attachment", {"hash": "00" * 32}) == {"text": None}


def test_attaching_a_text_again_is_no_error(board):
    """A frozen entry may not be put twice; two people who attach one text are both right."""
    first = board.call("attach", {"text": "same"})
    board.member = BOB
    assert board.call("attach", {"text": "same"}) == first


def test_foreign_shapes_in_the_state_are_passed_over(board):
    """A doctored node can write entries under its own key that this code never would."""
    board.state[b"profiles", BOB + b"other"] = b"x"
    board.state[b"posts", BOB + b"short"] = b"x"
    board.state[b"posts", BOB + b"\0" * 16] = b"short"
    board.state[b"marks", ADA + b"posts"] = b"not a number"
    assert board.call("profiles", {})["profiles"] == []
    assert board.call("posts", {})["posts"] == []
    board.call("post", {"text": "still works"})


def test_last_number_is_refused_not_reused(board, harness):
    board.state[b"marks", ADA + b"posts"] = b"\xff" * 8
    with pytest.raises(harness.Failed, match="no more numbers"):
        board.call("post", {"text": "x"})


@pytest.mark.parametrize(
    ("method", "args", "message"),
    [
        ("set_profile", {"name": ""}, "argument 'name' must be a string of 1 to 64 bytes"),
        ("set_profile", {"name": "n" * 65}, "argument 'name' must be a string of 1 to 64 bytes"),
        ("remove_profile", {"member": "x"}, "argument 'member' is unknown"),
        ("post", {"text": "x" * 4097}, "argument 'text' must be a string of 1 to 4096 bytes"),
        ("post", {}, "argument 'text' is missing"),
        ("posts", {"after": "zz" * 48}, "argument 'after' must be 96 hexadecimal digits"),
        ("posts", {"after": "00"}, "argument 'after' must be 96 hexadecimal digits"),
        ("posts", {"limit": 501}, "argument 'limit' must be a whole number from 1 to 500"),
        ("profiles", {"after": 1}, "argument 'after' must be 64 hexadecimal digits"),
        ("attach", {"text": "x" * 65537}, "argument 'text' must be a string of 1 to 65536 bytes"),
        ("attachment", {"hash": "é" * 32}, "argument 'hash' must be 64 hexadecimal digits"),
    ],
)
def test_wrong_arguments_are_refused_by_name(board, harness, method, args, message):
    before = dict(board.state)
    with pytest.raises(harness.Failed) as refusal:
        board.call(method, args)
    assert str(refusal.value) == message
    assert board.state == before
