"""A mistake in a file of rules is told with its file and its line, whoever finds it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from covey.cli.rules_file import read_rules
from covey.codec import certificate_text, did_text
from covey.errors import ConfigError
from covey.model import limits
from covey.node import CollectionRow
from covey.testkit.identities import identity
from tests.integration.api.fake_node import FakeNode

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "rules.md"
ANN, BEN, CARA = (identity(name) for name in ("ann", "ben", "cara"))
KEYS = [did_text(who.member_id) for who in (ANN, BEN, CARA)]
NOBODY = did_text(bytes(32))
CERTIFICATE = certificate_text(BEN.certificate)

GOOD = f"""\
roles = ["editor"]
admins = [
    "{CERTIFICATE}",
]
admin_quorum = 2
verification = "replay"
fuel_budget = 600_000_000

[[code]]
constraint = "publisher"

[[code]]
constraint = "quorum"
k = 2
keys = [
    "{KEYS[0]}",
    "{KEYS[1]}",
]
notice = "3d"
"""


def written(tmp_path: Path, text: str) -> Path:
    """A file with this text."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return path


def test_good_file_is_read(tmp_path: Path):
    """What the mistakes below are made in."""
    form = read_rules(written(tmp_path, GOOD)).form
    assert (form.roles, form.admin_quorum, form.fuel_budget) == (("editor",), 2, 600_000_000)
    assert [each.constraint for each in form.code] == ["publisher", "quorum"]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "why"),
    [
        ('["editor"]', '["admin"]', 1, "roles: every context has 'admin' already"),
        ('["editor"]', '["Editor"]', 1, "roles: 'Editor': no application could name it"),
        ('["editor"]', '["a", "a"]', 1, "roles: 'a' stands there twice"),
        ('["editor"]', "[1]", 1, "roles: Expected `str`"),
        (CERTIFICATE, "coveycert1xyz", 3, "admins: that is no certificate"),
        (f'"{CERTIFICATE}",', f'"{CERTIFICATE}",' * 2, 3, "admins: .* stands there twice"),
        ("quorum = 2", "quorum = 3", 5, "admin_quorum: 3: from 2 to 2"),
        ("quorum = 2", 'quorum = "two"', 5, "admin_quorum: Expected `int`"),
        ('"replay"', '"reply"', 6, "verification: 'reply': one of replay, signature"),
        ("600_000_000", "600_000", 7, "fuel_budget: 0, or at least 100_000_000"),
        ("600_000_000", "99999999999999999999", 7, "fuel_budget"),
        ('"publisher"', '"publishr"', 10, "constraint: 'publishr': one of never"),
        ('"publisher"', '"publisher"\ncolour = 1', 11, "unknown field `colour`: one of con"),
        ('"publisher"', '"publisher"\nkey = 1', 11, "unknown field `key`: did you mean `keys`"),
        ("roles =", "role =", 1, "unknown field `role`: did you mean `roles`"),
        ("k = 2\n", "", 12, "k: missing, or 0: from 1 to 2, the number of keys"),
        ('"publisher"', '"publisher"\nk = 1', 10, "has no k, keys or notice"),
        ("k = 2", "k = 3", 14, "k: 3: from 1 to the number of keys, 2"),
        ("k = 2", 'k = "2"', 14, "k: Expected `int`"),
        (KEYS[0], KEYS[1], 17, f"keys: {KEYS[1]} stands there twice"),
        (KEYS[1], NOBODY, 17, f"keys: nobody can have the key {NOBODY}"),
        (KEYS[1], KEYS[1][:-1], 17, "is not a did:key"),
        ('"3d"', '"soon"', 19, "notice 'soon': say 3d"),
        ('"3d"', '"٣d"', 19, "notice '٣d': say 3d"),
        ('"3d"', '"9999d"', 19, "notice: from nothing to ten years"),
        ('notice = "3d"', '[[code]]\nconstraint = "publisher"', 20, "the same stands there twice"),
        ('"quorum"\n', '"quorum"\nk = 1\n', 15, "this is no TOML: Cannot overwrite a value$"),
        ('["editor"]', '["editor"', 2, "this is no TOML: Unclosed array$"),
        ('"replay"', '"replay', 6, "this is no TOML: Illegal character"),
        ('notice = "3d"\n', "notice = [\n\n\n", 19, "this is no TOML"),
        ('notice = "3d"', "notice", 19, "this is no TOML: Expected '=' after a key"),
        ("[[code]]\nconst", "code = [[[[[1]]]]]\n[[code]]\nconst", 9, "too deeply"),
    ],
)
def test_mistake_is_told_with_its_line(tmp_path, right, wrong, line, why):
    """Also one of meaning, and in the second of two tables, and in a list over several lines."""
    path = written(tmp_path, GOOD.replace(right, wrong, 1))
    with pytest.raises(ConfigError, match=why) as caught:
        read_rules(path)
    assert str(caught.value).startswith(f"{path}, line {line}: ")


def test_what_ends_too_early_is_told_with_its_last_line(tmp_path):
    """Or with the one that is no text; empty lines at the end are not where one looks."""
    path = tmp_path / "rules.toml"
    for content, place in (
        (b'roles = ["editor"', "line 1: this is no TOML: Unclosed array"),
        (b'roles = [\n"editor"\n\n', "line 2: this is no TOML: Unclosed array"),
        (b'# what\nroles = ["\xff"]\n', "line 2: this is no TOML: it is not UTF-8"),
    ):
        path.write_bytes(content)
        with pytest.raises(ConfigError) as caught:
            read_rules(path)
        assert str(caught.value) == f"{path}, {place}"


def test_one_table_where_several_can_be_names_the_brackets(tmp_path):
    """Readers of TOML say `array` and `object`, which a person does not type."""
    path = written(tmp_path, 'roles = []\n[code]\nconstraint = "publisher"\n')
    with pytest.raises(ConfigError) as caught:
        read_rules(path)
    why = "code: Expected `array`, got `object`: did you mean `[[code]]`?"
    assert str(caught.value) == f"{path}, line 2: {why}"


def test_lists_written_in_one_piece_have_a_line_too(tmp_path):
    """The first of them: what is in one cannot be told apart."""
    text = f'roles = []\ncode = [{{constraint = "quorum", k = 2, keys = ["{KEYS[0]}"]}}]\n'
    with pytest.raises(ConfigError, match=r"rules\.toml, line 2: k: 2: from 1 to"):
        read_rules(written(tmp_path, text))


def test_node_s_own_certificate_is_told_with_its_line(tmp_path):
    """Found once it is known who founds."""
    file = read_rules(written(tmp_path, GOOD))
    file.check(ANN.certificate)
    with pytest.raises(ConfigError, match=r"rules\.toml, line 3: admins: .* this node's own"):
        file.check(BEN.certificate)


@pytest.mark.parametrize("wrong", ["", "quorum = 2"])
def test_mistake_is_wrong_usage_and_nothing_is_founded(covey, node, tmp_path, wrong):
    """Also a file that is too large; a file that is not there is not found."""
    text = wrong and GOOD.replace("quorum = 2", "quorum = 9")
    path = written(tmp_path, text or " " * (limits.CHARTER_SIZE_BYTES_MAX + 1))
    ran = covey("context", "create", "org.example.kv", "--rules", path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"covey: Invalid value for --rules: {path}")
    assert node.node.rulebook.admins == ()
    assert covey("context", "create", "org.example.kv", "--rules", tmp_path / "no").code == 4


def test_directory_is_no_file_of_rules(covey, node, tmp_path):
    """Wrong usage: the disk is well."""
    ran = covey("context", "create", "org.example.kv", "--rules", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert f"Invalid value for --rules: {tmp_path} is a directory, not a file" in ran.err
    assert node.node.rulebook.roles == ()


def test_own_certificate_of_the_node_is_wrong_usage(covey, tmp_path):
    """The node in memory is ann's."""
    path = written(tmp_path, GOOD.replace(CERTIFICATE, certificate_text(ANN.certificate)))
    ran = covey("context", "create", "org.example.kv", "--rules", path)
    assert (ran.code, ran.out) == (2, "")
    assert f"{path}, line 3: admins: " in ran.err


def test_keys_of_a_quorum_that_no_founder_has_are_named(covey, tmp_path):
    """They may be right; if one is a slip nobody can ever mend it."""
    path = written(tmp_path, GOOD)
    assert "no founder" not in covey("context", "create", "org.example.kv", "--rules", path).err
    path = written(tmp_path, GOOD.replace(KEYS[0], KEYS[2]))
    ran = covey("context", "create", "org.example.kv", "--rules", path, "--json")
    assert ran.code == 0
    (line,) = [line for line in ran.err.splitlines() if "quorum: this node" in line]
    assert f"no founder of this context has {KEYS[2]}, of its quorum" in line
    assert KEYS[1] not in line


def test_collection_that_nobody_could_ever_write_is_said(covey, tmp_path, monkeypatch):
    """No role is ever added: once it is used this context has to be given up."""
    usual = FakeNode.application
    collections = (CollectionRow("essays", "owned", ("editor", "clerk")),)
    monkeypatch.setattr(
        FakeNode, "application", lambda *given: replace(usual(*given), collections=collections)
    )
    ran = covey("context", "create", "org.example.kv", "--json")
    assert ran.code == 0
    (line,) = ran.err.splitlines()
    assert "nobody can ever write the collection essays" in line
    assert 'roles = ["editor", "clerk"]' in line
    path = written(tmp_path, 'roles = ["clerk"]\n')
    assert covey("context", "create", "org.example.kv", "--rules", path).err == ""


def test_admin_quorum_that_can_remove_nobody_is_said(covey, tmp_path):
    """Of two founders both would have to agree, also the one that is to go."""
    ran = covey("context", "create", "org.example.kv", "--rules", written(tmp_path, GOOD))
    assert ran.code == 0
    assert "admin_quorum = 2 can remove nobody: it asks for 2 of the 2 founding" in ran.err
    more = GOOD.replace("admins = [", f'admins = ["{certificate_text(CARA.certificate)}",')
    ran = covey("context", "create", "org.example.kv", "--rules", written(tmp_path, more))
    assert (ran.code, ran.err) == (0, "")


def test_example_of_the_guide_founds_a_context(tmp_path):
    """As it stands there, with keys in the place of those that are cut short."""
    (text,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    keys, others = iter(KEYS), iter([CERTIFICATE, certificate_text(CARA.certificate)])
    text = re.sub(r"did:key:z6Mk…", lambda _: next(keys), text)
    text = re.sub(r"coveycert1…", lambda _: next(others), text)
    assert next(others, None) is None
    assert "…" not in text
    file = read_rules(written(tmp_path, text))
    file.check(ANN.certificate)
    assert len(file.form.admins) + 1 > file.form.admin_quorum > 0
    assert [each.constraint for each in file.form.code] == ["publisher", "quorum"]


def test_device_among_the_keys_is_told_with_its_line(covey, node, tmp_path):
    """Of the node itself, or of a founder whom the file names."""
    for who in (ANN, BEN):
        path = written(tmp_path, GOOD.replace(KEYS[1], did_text(who.device)))
        ran = covey("context", "create", "org.example.kv", "--rules", path)
        assert (ran.code, ran.out) == (2, "")
        assert f"{path}, line 17: keys: {did_text(who.device)} is a device, not a mem" in ran.err
    assert node.node.rulebook.code == ()
