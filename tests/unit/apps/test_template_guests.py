"""The templates build, run, and give one result in all languages."""

from __future__ import annotations

import json

import pytest

from covey.cli.app_build import build_module
from covey.cli.app_compilers import find_asc, find_rustc
from covey.cli.app_new import LANGUAGES, new_application

MODULES: dict[str, bytes] = {}


@pytest.fixture(params=LANGUAGES)
def template(request, harness, tmp_path_factory):
    if request.param in ("c", "zig"):
        pytest.importorskip("ziglang", reason="the compiler is an extra")
    if request.param == "rust" and find_rustc() is None:
        pytest.skip("there is no rustc with the target wasm32-unknown-unknown")
    if request.param == "assemblyscript" and find_asc(tmp_path_factory.getbasetemp()) is None:
        pytest.skip("there is no asc on the path")
    source_dir = tmp_path_factory.mktemp("template") / "count"
    new_application(source_dir, request.param)
    if request.param not in MODULES:
        MODULES[request.param] = build_module(source_dir)
    abi = json.loads((source_dir / "abi.json").read_text())
    return harness.Guest(MODULES[request.param], abi)


def test_template_counts(template):
    assert template.call("total", {}) == {"total": 0}
    for _ in range(12):
        assert template.call("increment", {}) == {}
    assert template.call("total", {}) == {"total": 12}


@pytest.mark.parametrize("count", [-1, 9, 10, 2**63 - 1, -(2**63)])
def test_template_writes_any_count(template, count):
    template.state[b"counts", b"total"] = count.to_bytes(8, "little", signed=True)
    assert template.call("total", {}) == {"total": count}


@pytest.mark.parametrize("text", [b'{"x":1}', b"[]", b'"', b"{" * 500])
def test_template_refuses_wrong_arguments(template, harness, text):
    for method in ("increment", "total"):
        with pytest.raises(harness.Failed):
            template.call_raw(method, text)
    assert template.state == {}
