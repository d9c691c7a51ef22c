"""The committed bundles are what their sources say."""

from __future__ import annotations

import pytest

from scripts import pack_apps

__all__: list[str] = []


@pytest.mark.parametrize("name", pack_apps.names())
def test_committed_bundle_matches_its_sources(name: str) -> None:
    """A reader of the source must be able to trust the bundle that everybody installs."""
    assert pack_apps.check(name) == ""


def test_a_changed_module_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """The check can fail: a bundle beside another module does not pass."""
    for file in ("manifest.json", "kv.wasm", "kv.covey"):
        target = tmp_path / "kv" / file
        target.parent.mkdir(exist_ok=True)
        target.write_bytes((pack_apps.APPS / "kv" / file).read_bytes())
    (tmp_path / "kv" / "kv.wasm").write_bytes(
        (pack_apps.APPS / "tally" / "tally.wasm").read_bytes()
    )
    monkeypatch.setattr(pack_apps, "APPS", tmp_path)

    assert "another module" in pack_apps.check("kv")
