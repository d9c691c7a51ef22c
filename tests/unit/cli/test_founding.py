"""Options of `covey context create`: the rules of a file without a file, and beside one."""

from __future__ import annotations

from pathlib import Path

import pytest

from covey.codec import did_text
from covey.model import limits
from covey.testkit.identities import identity

ANN, BEN, CARA = (did_text(identity(name).member_id) for name in ("ann", "ben", "cara"))
NOBODY = did_text(bytes(32))
CREATE = ("context", "create", "org.example.kv")
QUORUM = ("--quorum", "2", "--key", ANN, "--key", BEN, "--notice", "3d")
FILE = f"""\
roles = ["editor"]
verification = "replay"

[[code]]
constraint = "publisher"

[[code]]
constraint = "quorum"
k = 1
keys = ["{BEN}"]

[[code]]
constraint = "never"
"""


def written(tmp_path: Path, text: str) -> Path:
    """A file of rules."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return path


def constraints(node) -> list[tuple[str, int, tuple[str, ...], int]]:
    """Those that the node was told to found with."""
    return [(r.constraint, r.k, r.keys, r.notice_s) for r in node.node.rulebook.code]


def test_options_are_the_rules_of_a_context(covey, node):
    """As a file would say them; several constraints hold together."""
    roles = ("--role", "editor", "--role", "clerk")
    ran = covey(*CREATE, "--publisher", *QUORUM, *roles, "--verification", "signature")
    assert ran.code == 0
    assert constraints(node) == [
        ("publisher", 0, (), 0),
        ("quorum", 2, (ANN, BEN), 259_200),
    ]
    rulebook = node.node.rulebook
    assert (rulebook.roles, rulebook.verification) == (("editor", "clerk"), "signature")
    assert covey(*CREATE, "--locked").code == 0
    assert constraints(node) == [("never", 0, (), 0)]


def test_without_options_the_context_is_open(covey, node):
    """And calls are run again by every node."""
    assert covey(*CREATE).code == 0
    rulebook = node.node.rulebook
    assert (rulebook.roles, rulebook.code, rulebook.verification) == ((), (), "replay")


def test_options_add_to_a_file(covey, node, tmp_path):
    """What it does not say; its constraints come first."""
    path = written(tmp_path, 'fuel_budget = 600_000_000\n[[code]]\nconstraint = "publisher"\n')
    ran = covey(*CREATE, "--rules", path, *QUORUM, "--role", "editor", "--verification", "replay")
    assert ran.code == 0
    assert [row[0] for row in constraints(node)] == ["publisher", "quorum"]
    rulebook = node.node.rulebook
    assert (rulebook.roles, rulebook.fuel_budget) == (("editor",), 600_000_000)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--role", "clerk"), 1),
        (("--verification", "replay"), 2),
        (("--verification", "signature"), 2),
        (("--publisher",), 5),
        (QUORUM, 8),
        (("--locked",), 13),
    ],
)
def test_option_beside_a_file_that_says_the_same_names_both(covey, node, tmp_path, options, line):
    """Which of the two is meant nobody can tell, and the rules are for ever."""
    path = written(tmp_path, FILE)
    ran = covey(*CREATE, "--rules", path, *options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"covey: Invalid value for {options[0]}: {path}, line {line}, ")
    assert node.node.rulebook.code == ()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--quorum", "2", "--key", ANN), "--quorum: 2: from 1 to the number of keys, 1"),
        (("--quorum", "1"), "--key: 0 are given: 1 to"),
        (("--quorum", "1", "--key", NOBODY), f"--key: nobody can have the key {NOBODY}"),
        (("--quorum", "1", "--key", ANN, "--key", ANN), f"--key: {ANN} stands there twice"),
        (("--quorum", "1", "--key", "ann"), "--key: 'ann' is not a did:key"),
        ((*QUORUM[:-1], "soon"), "--notice: notice 'soon': say 3d, 12h, 30m or 90s"),
        ((*QUORUM[:-1], "9999d"), "--notice: from nothing to ten years"),
        (("--key", ANN), "--key and --notice belong to --quorum K"),
        (("--notice", "3d", "--publisher"), "--key and --notice belong to --quorum K"),
        (("--locked", "--publisher"), "--locked: no release ever comes into force"),
        (("--locked", *QUORUM), "--locked: no release ever comes into force"),
        (("--role", "admin"), "--role: every context has 'admin' already"),
        (("--role", "Editor"), "--role: 'Editor': no application could name it"),
        (("--role", ""), "--role: '': no application could name it"),
        (("--role", "a", "--role", "a"), "--role: 'a' stands there twice"),
        (("--verification", "reply"), "--verification: 'reply': one of replay, signature"),
        (("--verification", ""), "--verification: '': one of replay, signature"),
    ],
)
def test_wrong_option_is_usage_before_a_node_is_asked(run, tmp_path, options, said):
    """In the words of the file of rules: there is no node on this home."""
    ran = run(*CREATE, *options, "--home", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert said in line


def test_more_constraints_than_a_charter_holds_are_usage(run, tmp_path):
    """Though the file alone would do."""
    most = limits.CHARTER_CONSTRAINTS_MAX
    one = '[[code]]\nconstraint = "quorum"\nk = 1\nkeys = ["{}"]\nnotice = "{}s"\n'
    path = written(tmp_path, "".join(one.format(ANN, number) for number in range(most)))
    ran = run(*CREATE, "--rules", path, "--publisher", "--home", tmp_path)
    assert ran.code == 2
    assert f"at most {most} constraints" in ran.err


def test_keys_of_options_that_no_founder_has_are_named(covey):
    """The node in memory is ann's; whose key the other is it cannot know."""
    ran = covey(*CREATE, *QUORUM)
    assert ran.code == 0
    (line,) = ran.err.splitlines()
    assert f"no founder of this context has {BEN}, of its quorum" in line
    assert CARA not in line
    assert covey(*CREATE, "--quorum", "1", "--key", ANN).err == ""
