"""The interface shows everything the node says, under the same names."""

from __future__ import annotations

import dataclasses

import msgspec
import pytest

from covey.api import context_schema, rules_schema, schema
from covey.api.present import call_reply, mirrored
from covey.node import governing, views


@pytest.mark.parametrize(
    ("row", "word"),
    [
        (views.NodeStatus, schema.StatusReply),
        (views.ContextStatus, schema.ContextStatusReply),
        (views.PeerRow, schema.PeerReply),
        (views.JoinResult, schema.JoinReply),
        (views.CallResult, schema.CallReply),
        (views.QueryResult, schema.QueryReply),
        (views.ContextRow, context_schema.ContextReply),
        (views.InForceRow, context_schema.InForce),
        (views.VoteRow, rules_schema.VoteCount),
        (views.MemberRow, rules_schema.RoleHolder),
        (governing.RulesRow, rules_schema.RulesReply),
        (views.ApplicationRow, schema.ApplicationReply),
    ],
)
def test_word_has_every_field_of_its_row(row, word):
    """A field that the node gains and the interface forgets would be lost without a sound."""
    assert {f.name for f in dataclasses.fields(row)} == set(word.__struct_fields__)


def test_applied_row_adds_only_its_number():
    fields = {f.name for f in dataclasses.fields(views.DeltaRow)}
    assert set(schema.AppliedRow.__struct_fields__) == fields | {"arrival"}


def test_rows_become_words():
    row = views.JoinResult(id="x", admitted=True)
    assert mirrored(row, schema.JoinReply) == schema.JoinReply(id="x", admitted=True)


@pytest.mark.parametrize("result", ['{"a": 1.10}', "null", '"ü"', "12345678901234567890"])
def test_result_is_passed_as_the_application_wrote_it(result):
    row = views.CallResult(result=result, delta="d", fuel=1, log=())
    assert f'"result":{result}' in msgspec.json.encode(call_reply(row)).decode()


def test_result_of_several_lines_becomes_one():
    row = views.CallResult(result='{\n "a": "x\\ny"\r\n}', delta="d", fuel=1, log=())
    encoded = msgspec.json.encode(call_reply(row))
    assert b"\n" not in encoded
    assert b"\r" not in encoded
    assert msgspec.json.decode(encoded)["result"] == {"a": "x\ny"}
