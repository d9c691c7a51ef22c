"""Exit codes and the one line that says why; options wherever they are allowed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from covey import __version__
from covey.cli.interrupts import quitting_at_once
from covey.cli.main import main, run_command
from covey.codec import cid_of, cid_text
from covey.model import limits
from tests.integration.api.fake_node import FAILURES, FAR_TOPIC, FakeNode

GROUPS = {"app", "context"}
COMMANDS = [
    *(["init"], ["run"], ["status"], ["peers"], ["version"], ["join"], ["call"], ["query"]),
    *(["app", name] for name in ("new", "build", "pack", "release", "install")),
    *(["app", name] for name in ("list", "inspect")),
    *(["app", name] for name in ("check", "run", "test", "conformance")),
    *(["context", name] for name in ("create", "ticket", "list", "show", "log", "watch", "leave")),
    *(["context", "settings"], ["context", "proof"], ["context", "audit"]),
    *(
        ["context", name]
        for name in ("rules", "role", "remove", "vote", "tighten", "upgrade", "approve")
    ),
    *(["context", name] for name in ("certificate", "join", "call", "query")),
    ["simulate"],
]
SHORT = ("join", "call", "query")  # forms of `covey context …`, with the same help


def _one_line(ran):
    (line,) = [line for line in ran.err.splitlines() if line.startswith("covey: ")]
    assert "Traceback" not in ran.err
    return line


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("refused", 1),
        ("not-found", 4),
        ("store", 5),
        ("config", 6),
        ("execution", 6),
        ("peer", 6),
        ("unavailable", 6),
    ],
)
def test_each_failure_has_its_code_and_one_line(covey, kind, code):
    """The contract: 1 refused, 4 not found, 5 store or disk, 6 any other."""
    ran = covey("call", "notes", "fail_with", f'{{"kind": "{kind}"}}', "--json")
    assert (ran.code, ran.out) == (code, "")
    assert _one_line(ran) == f"covey: {FAILURES[kind]}"


def test_version_is_an_option_too(run):
    """The first thing that anybody tries of an unknown program."""
    ran = run("--version")
    assert (ran.code, ran.out, ran.err) == (0, f"covey {__version__}\n", "")


def test_defect_of_the_node_is_one_line(covey):
    ran = covey("call", "notes", "defect")
    assert ran.code == 6
    _one_line(ran)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["status", "--nosuch"],
        ["call"],
        ["call", "notes"],
        ["call", "notes", "set", "{}", "--batch", "x"],
        ["query", "notes"],
        ["context", "log", "notes", "--limit", "many"],
        ["context", "log", "notes", "--limit", "0"],
        ["context", "log", "notes", "--after", "-1"],
        ["app", "new", "x", "--language", "cobol"],
        ["join"],
        ["run", "--nosuch"],
        *(["context", "settings"], ["context", "proof"], ["context", "audit"]),
        *(["context", name] for name in ("rules", "role", "remove", "vote", "tighten")),
        ["context", "settings", "notes", "--degree", "0"],
        ["context", "settings", "notes", "--degree", "65"],
        ["context", "settings", "notes", "--max-peers", "257"],
        ["context", "settings", "notes", "--role", "boss"],
        ["context", "settings", "notes", "--deny", "bob"],
        ["context", "settings", "notes", "--deny", "none", "--deny", "none"],
        ["context", "settings", "notes", "--static", "/ip4/192.0.2.7/tcp/4001"],
        ["context", "settings", "notes", "--deny", f"{FakeNode.own}"],
        ["status", "surplus"],
        ["simulate", "--jobs", "0"],
        ["simulate", "--explain", "-1"],
    ],
)
def test_wrong_usage_is_2(covey, arguments):
    ran = covey(*arguments)
    assert (ran.code, ran.out) == (2, "")
    _one_line(ran)


@pytest.mark.parametrize("value", ["9" * 60_000 + "x", "a\x1b[31m\u2028b"])
def test_usage_is_one_short_line_whatever_was_given(run, value):
    """What somebody wrote is repeated in part, and without commands to the terminal."""
    ran = run("simulate", "--jobs", value)
    assert (ran.code, ran.out) == (2, "")
    line = _one_line(ran)
    assert len(line) < 1_200
    assert line.isprintable()


@pytest.mark.parametrize("name", ["a\0b", "nowhere/x", "a" * 5_000])
def test_file_that_cannot_be_written_is_5(run, tmp_path, monkeypatch, name):
    """Also where no file can have that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.toml").write_text('name = "x"\nlasts_s = [1, 1]\nworkload.calls = [1, 1]\n')
    ran = run("simulate", "--scenario", "x.toml", "--explain", "1", "--output", name)
    assert ran.code == 5
    assert "cannot be written" in _one_line(ran)


@pytest.mark.parametrize("group", sorted(GROUPS))
def test_group_without_a_command_is_usage(run, group):
    assert run(group).code == 2


@pytest.mark.parametrize("text", ["", "{", "{'a': 1}", "NaN", "nope", "{} {}", '{"a": 1,}'])
@pytest.mark.parametrize("command", [["call"], ["query"], ["context", "call"]])
def test_arguments_that_are_no_json_are_usage(run, tmp_path, command, text):
    """Found before a node is asked: there is none on this home."""
    ran = run(*command, "notes", "set", text, "--home", tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert "no JSON" in _one_line(ran)


def test_standard_input_that_is_no_json_is_usage(run, tmp_path):
    ran = run("call", "notes", "set", "-", "--home", tmp_path, stdin=b"\xff{")
    assert ran.code == 2


def test_oversized_arguments_are_usage(run, tmp_path):
    text = b'"' + b"x" * limits.CALL_ARGUMENTS_BYTES_MAX + b'"'
    ran = run("call", "notes", "set", "-", "--home", tmp_path, stdin=text)
    assert ran.code == 2
    assert "1 MiB" in _one_line(ran)


@pytest.mark.parametrize("line", ["{", '{"args":{}}', '{"method":"x","arguments":1}', "[]"])
def test_batch_file_with_a_bad_line_is_refused_whole(covey, node, tmp_path, line):
    """Found before the first call is made, and named by its number."""
    file = tmp_path / "calls"
    file.write_text(f'{{"method":"set","args":{{"key":"a","value":1}}}}\n{line}\n')
    ran = covey("call", "notes", "--batch", file)
    assert (ran.code, ran.out) == (2, "")
    assert "line 2" in _one_line(ran)
    assert node.node.rows == []


def test_batch_file_that_is_missing_is_not_found(covey, tmp_path):
    assert covey("call", "notes", "--batch", tmp_path / "nope").code == 4


@pytest.mark.parametrize(
    "arguments",
    [["status"], ["peers"], ["call", "x", "y"], ["join", FAR_TOPIC], ["context", "list"]],
)
def test_node_that_does_not_run_is_3(run, tmp_path, arguments):
    (tmp_path / "keys").mkdir()
    ran = run(*arguments, "--home", tmp_path, "--json")
    assert (ran.code, ran.out) == (3, "")
    assert f"covey run --home {tmp_path}" in _one_line(ran)


@pytest.mark.parametrize(
    "arguments",
    [
        ["context", "show", "nope"],
        ["context", "settings", "nope"],
        ["context", "settings", "nope", "--degree", "4"],
        ["call", "nope", "set"],
        ["call", "notes", "nosuch"],
        ["query", "notes", "nosuch"],
        ["call", "nope", "--batch", "-"],
        ["context", "watch", "nope"],
        ["context", "leave", "nope"],
        ["context", "create", "nope"],
        ["app", "inspect", "nope"],
        ["app", "inspect", "nope.covey"],
        ["app", "install", "/nope.covey"],
        ["app", "build", "/nope"],
        ["app", "pack", "/nope"],
        ["app", "release", "/nope"],
        ["join", cid_text(cid_of(b"nowhere"))],
        ["context", "show", "a/b"],
        ["context", "show", ""],
        ["context", "show", "ä?#%"],
    ],
)
def test_what_is_not_there_is_4(covey, arguments):
    ran = covey(*arguments, stdin=b'{"method":"set"}\n')
    assert (ran.code, ran.out) == (4, "")
    _one_line(ran)


def test_damaged_bundle_is_6(covey, tmp_path):
    bundle = tmp_path / "a.covey"
    bundle.write_bytes(b"not a bundle")
    assert covey("app", "install", bundle).code == 6
    assert covey("app", "inspect", bundle).code == 6


def test_oversized_bundle_is_refused_before_it_is_sent(covey, node, tmp_path):
    bundle = tmp_path / "a.covey"
    bundle.write_bytes(b"covey" + bytes(limits.BUNDLE_SIZE_BYTES_MAX))
    assert covey("app", "install", bundle).code == 2
    assert node.node.installed == []


def test_file_that_cannot_be_read_is_5(covey, tmp_path):
    assert covey("app", "install", tmp_path).code == 5


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_and_the_common_options(run, command):
    ran = run(*command, "--help")
    assert ran.code == 0
    example = command[1:] if command[-1] in SHORT and len(command) > 1 else command
    assert f"$ covey {' '.join(example)}" in ran.out
    assert "--home" in ran.out
    assert "--json" in ran.out


def test_home_from_the_environment(run, node, monkeypatch):
    monkeypatch.setenv("COVEY_HOME", str(node.home))
    assert run("status", "--json").code == 0


def test_no_arguments_show_help(run):
    ran = run()
    assert ran.code == 0
    assert "Usage" in ran.out


def test_what_nobody_foresaw_is_one_line(run, monkeypatch):
    """A traceback tells a user nothing, and a script not even that."""

    def fail(*_):
        raise RuntimeError("a\nb")

    monkeypatch.setattr("covey.cli.node_commands.open_client", fail)
    ran = run("status")
    assert ran.code == 6
    assert _one_line(ran) == "covey: a defect of covey: RuntimeError: a b"


def test_errors_in_groups_are_reported_as_themselves(run, monkeypatch):
    """A node that runs fails in as many groups as it has nurseries."""

    class Group(Exception):
        exceptions = (FAILURES["store"],)

    def fail(*_):
        raise Group

    monkeypatch.setattr("covey.cli.node_commands.open_client", fail)
    ran = run("status")
    assert ran.code == 5
    assert _one_line(ran) == "covey: the disk is full"


def test_interrupt_is_quiet(run, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("covey.cli.node_commands.open_client", interrupt)
    ran = run("status")
    assert (ran.code, ran.out, ran.err) == (130, "", "")


def test_interrupt_while_modules_load_ends_the_process_at_once():
    """Raised inside an import, KeyboardInterrupt leaves complaints that nobody can catch."""
    source = (
        "import os, signal; from covey.cli.interrupts import quitting_at_once\n"
        "with quitting_at_once(): os.kill(os.getpid(), signal.SIGINT); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_interrupt_after_loading_is_python_s_again():
    before = signal.getsignal(signal.SIGINT)
    with quitting_at_once():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_exit_code_of_the_process_is_that_of_the_command(monkeypatch):
    monkeypatch.setattr("covey.cli.dispatch.perform", lambda _: 4)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 4


def _process(node, *arguments, **options):
    command = [sys.executable, "-m", "covey.cli.main", *arguments, "--home", str(node.home)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, **options)


def test_ctrl_c_ends_a_watch_quietly(node):
    process = _process(node, "context", "watch", "notes", "--json", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while not node.run(lambda: node.node.watchers):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize("arguments", [["--json"], []], ids=["json", "people"])
def test_reader_that_leaves_is_no_error(node, arguments):
    """`covey … | head -1` must not end in a complaint, nor with the code of a refusal."""
    for _ in range(100):
        node.run(node.node.apply)
    reading, writing = os.pipe()
    process = _process(node, "context", "log", "notes", *arguments, stdout=writing)
    os.close(writing)
    os.close(reading)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, b"")


def _in_shell(redirected: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = f'exec "$@" {redirected}'
    whole = ["sh", "-c", command, "sh", sys.executable, "-m", "covey.cli.main", *arguments]
    return subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "arguments", [["version", "--json"], ["version"], ["--help"]], ids=" ".join
)
@pytest.mark.parametrize(
    ("redirected", "why"),
    [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")],
)
def test_results_that_cannot_be_written_are_5(redirected, why, arguments):
    """A script that lost them must know."""
    ran = _in_shell(redirected, *arguments)
    assert (ran.returncode, ran.stdout) == (5, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("covey: ")
    assert line.endswith(f"standard output cannot be written: {why}")


@pytest.mark.parametrize("redirected", ["2>/dev/full", "2>&-", "2>&- <&-"])
def test_errors_that_cannot_be_said_change_nothing(redirected):
    """Nor are they printed among the results; a file that is opened is never standard error."""
    ran = _in_shell(redirected, "app", "check", "/nope.wasm")
    assert (ran.returncode, ran.stdout, ran.stderr) == (4, "", "")
    ran = _in_shell(redirected, "version", "--json")
    assert (ran.returncode, ran.stdout[:12]) == (0, '{"version":"')


def test_completion_is_offered(capsys):
    assert run_command(["--help"]) == 0
    assert "--install-completion" in capsys.readouterr().out


def test_quick_commands_load_nothing_heavy():
    """`covey status` starts in a quarter of a second because of what it does not import."""
    source = (
        "import sys; from covey.cli.main import run_command\n"
        "run_command(['status', '--json', '--home', '/nonexistent'])\n"
        "print(*sorted({'libp2p', 'litestar', 'hypercorn', 'wasmtime', 'plyvel', 'nacl', 'trio',"
        " 'httpx', 'rich'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", source]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
