"""Wrong usage is code 2 before anything is asked, and the line names what is wrong."""

from __future__ import annotations

import pytest

from tests.integration.api.fake_node import NEAR_ID

PEER = "12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq"
THERE = f"/ip4/192.0.2.7/tcp/4001/p2p/{PEER}"


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--listen", "foo", "'foo' is no multiaddr"),
        ("--listen", "", "an empty text is no address"),
        ("--listen", "/ip4/0.0.0.0/udp/0/quic-v1", "is no TCP address"),
        ("--listen", f"/ip4/0.0.0.0/tcp/0/p2p/{PEER}", "listen on '/ip4/0.0.0.0/tcp/0'"),
        ("--bootstrap", "foo", "'foo' is no multiaddr"),
        ("--bootstrap", "", "an empty text is no address"),
        ("--bootstrap", "/ip4/192.0.2.7/tcp/4001", "does not end in /p2p/"),
        ("--bootstrap", f"/ip4/0.0.0.0/tcp/4001/p2p/{PEER}", "nobody is at 0.0.0.0"),
        ("--bootstrap", f"{THERE}/p2p-circuit/p2p/{PEER}", "relay and as who is behind it"),
        ("--api", "foo", "no"),
        ("--api", "", "no"),
        ("--api", "0.0.0.0:4040", "on this machine"),
        ("--api", "127.0.0.1:99999", "on this machine"),
    ],
)
def test_address_of_run_that_cannot_be_meant_is_usage(run, tmp_path, option, value, said):
    """A script tells a typing error from a port in use by the code; no home is looked for."""
    ran = run("run", option, value, "--home", tmp_path / "none")
    assert (ran.code, ran.out) == (2, "")
    (line,) = ran.err.splitlines()
    assert line.startswith(f"covey: Invalid value for {option}: ")
    assert said in line
    assert line.endswith("(see `covey run --help`)")


@pytest.mark.parametrize("target", ["foo", "covey1abc", "/covey/1/xyz", "", "bafkreicontext"])
@pytest.mark.parametrize("command", [["join"], ["context", "join"]])
def test_target_that_cannot_be_meant_is_usage(run, tmp_path, command, target):
    """Found before a node is asked: there is none on this home."""
    ran = run(*command, target, "--home", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "'TICKET_OR_TOPIC'" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--allow", "bob"),
        ("--deny", "bob"),
        ("--static", "/ip4/192.0.2.7/tcp/4001"),
        ("--static", f"/ip4/0.0.0.0/tcp/4001/p2p/{PEER}"),
    ],
)
def test_setting_that_cannot_be_meant_names_its_option(run, tmp_path, option, value):
    ran = run("context", "settings", "notes", "--home", tmp_path, option, value)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"covey: Invalid value for {option}: ")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129, "é" * 65])
@pytest.mark.parametrize("command", [["context", "create", "kv"], ["join", NEAR_ID]])
def test_local_name_that_cannot_be_is_usage(run, tmp_path, command, name):
    ran = run(*command, "--name", name, "--home", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "'--name'" in ran.err


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["context", "settings", "notes", "--degree"], "covey context settings"),
        (["run", "--mdns=yes"], "covey run"),
        (["join", "--name"], "covey join"),
        (["--nosuch"], "covey"),
        (["context", "--nosuch"], "covey context"),
        (["simulate", "--seeds"], "covey simulate"),
    ],
)
def test_help_that_is_named_is_that_of_the_command(run, arguments, command):
    """Also where a value is missing, which the parser finds before it knows where it is."""
    ran = run(*arguments)
    assert ran.code == 2
    assert ran.err.endswith(f"(see `{command} --help`)\n")


def test_empty_name_of_a_context_is_shown_as_it_is(covey):
    ran = covey("context", "settings", "")
    assert (ran.code, ran.err) == (4, "covey: no context '': see `covey context list`\n")
