"""The OpenAPI document describes what is served: every route, its words and its errors."""

from __future__ import annotations

import pytest
import trio

from covey.api import context_schema, history_schema, rules_schema, schema, waits_schema
from covey.api.app import build_routes
from tests.integration.api.fake_node import FakeNode


@pytest.fixture
def document(http):
    return http.get("/openapi.json").json()


def _operations(document):
    return {
        (verb.upper(), path): operation
        for path, item in document["paths"].items()
        for verb, operation in item.items()
    }


def test_every_route_is_described(document):
    served = {
        (verb, route.path_format)
        for route in build_routes(FakeNode(), trio.Event()).routes
        for verb in route.methods - {"OPTIONS", "HEAD"}
        if route.path.startswith("/v1")
    }
    assert served == set(_operations(document))
    assert len(served) == 29


def test_every_route_says_what_it_is_for_and_how_it_fails(document):
    for place, operation in _operations(document).items():
        assert operation["summary"], place
        assert operation["description"], place
        assert {"400", "401", "403", "500"} <= set(operation["responses"]), place


def test_every_word_is_described(document):
    """A word of the interface that no route uses, or that has no sentence, is a mistake."""
    modules = (schema, context_schema, rules_schema, history_schema, waits_schema)
    words = {
        name: getattr(module, name)
        for module in modules
        for name in module.__all__
        if isinstance(getattr(module, name), type)
    }
    assert set(words) == set(document["components"]["schemas"])
    assert [name for name, word in words.items() if not word.__doc__] == []


def test_bodies_are_described(document):
    operations = _operations(document)
    bundle = operations["POST", "/v1/applications"]["requestBody"]["content"]
    assert list(bundle) == ["application/octet-stream"]
    lines = operations["POST", "/v1/contexts/{name}/batch"]
    assert list(lines["requestBody"]["content"]) == ["application/x-ndjson"]
    assert list(lines["responses"]["200"]["content"]) == ["application/x-ndjson"]
    call = operations["POST", "/v1/contexts/{name}/call"]["requestBody"]["content"]
    reference = call["application/json"]["schema"]["$ref"]
    assert reference == "#/components/schemas/CallRequest"


def test_errors_are_described_as_they_are_sent(document):
    failed = _operations(document)["GET", "/v1/contexts/{name}"]["responses"]["404"]
    reference = failed["content"]["application/json"]["schema"]["$ref"]
    assert reference == "#/components/schemas/ErrorReply"


def test_token_is_described(document):
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert document["security"] == [{"token": []}]
