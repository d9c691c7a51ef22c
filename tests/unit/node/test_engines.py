"""The operator's choice of engine: nothing but what is listed leaves the default one."""

from __future__ import annotations

import pytest

from covey.codec import cid_text, did_text
from covey.errors import ConfigError
from covey.model import Cid, Manifest, ReleaseId, Signature
from covey.node.engines import DEFAULT_CHOICE, EngineChoice
from covey.runtime.wasmer_engine import is_available

PUBLISHER = b"p" * 32
MODULE = Cid(b"\x01\x55\x12\x20" + b"m" * 32)
RELEASE = ReleaseId(b"\x01\x55\x12\x20" + b"r" * 32)


def manifest() -> Manifest:
    return Manifest(
        package="org.example.app",
        version="1.0.0",
        name="App",
        description="",
        licence="MIT",
        links=(),
        publisher=PUBLISHER,
        module=MODULE,
        blobs=(("module", MODULE),),
        abi="covey/1",
        execution="covey-exec/1",
        collections=(),
        constraints=(),
        signature=Signature(b"s" * 64),
    )


@pytest.mark.parametrize(
    "listed",
    [did_text(PUBLISHER), cid_text(MODULE), cid_text(RELEASE)],
    ids=["publisher", "module", "release"],
)
def test_what_is_listed_runs_on_the_second_engine(listed: str) -> None:
    """A publisher's key, a module or a release: each is a name an operator can have checked."""
    choice = EngineChoice.parse("wasmer", [did_text(b"x" * 32), listed])
    assert choice.engine_for(RELEASE, manifest()) == "wasmer"


def test_what_is_not_listed_stays_on_the_default_engine() -> None:
    """A compiler without fixes must not see what a stranger sends."""
    other = Cid(b"\x01\x55\x12\x20" + b"o" * 32)
    choice = EngineChoice.parse("wasmer", [did_text(b"x" * 32), cid_text(other)])
    assert choice.engine_for(RELEASE, manifest()) == "wasmtime"


def test_the_default_choice_lists_nothing() -> None:
    """Whoever says nothing gets the engine that is maintained."""
    assert EngineChoice.parse("wasmtime", []) == DEFAULT_CHOICE
    assert DEFAULT_CHOICE.engine_for(RELEASE, manifest()) == "wasmtime"
    DEFAULT_CHOICE.require_available()


@pytest.mark.parametrize(
    ("engine", "listed", "reason"),
    [
        ("wasmer", [], "strangers' code"),
        ("wasmtime", [did_text(PUBLISHER)], "runs everything"),
        ("v8", [did_text(PUBLISHER)], "there is no engine 'v8'"),
        ("wasmer", ["did:key:zNobody"], "not a did:key"),
        ("wasmer", ["org.example.app"], "not a content address"),
        ("wasmer", [""], "not a content address"),
    ],
)
def test_what_cannot_be_meant_is_refused(engine: str, listed: list[str], reason: str) -> None:
    """A typing error must not leave a list that names nothing, or everything."""
    with pytest.raises(ConfigError, match=reason):
        EngineChoice.parse(engine, listed)


@pytest.mark.skipif(is_available(), reason="this Python has the engine")
def test_a_python_without_the_engine_is_told_of_at_once() -> None:
    """Not when the first listed module is to run."""
    choice = EngineChoice.parse("wasmer", [did_text(PUBLISHER)])
    with pytest.raises(ConfigError, match=r"CPython 3\.10"):
        choice.require_available()
