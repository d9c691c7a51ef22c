"""How routes are described: the errors each may answer, and streams of lines."""

from __future__ import annotations

import functools
import operator

from litestar.openapi import ResponseSpec

from covey.api.schema import ErrorReply
from covey.api.streams import LINES_TYPE

__all__ = ["errors", "lines"]

_MEANINGS = {
    400: "the request is not what is asked for, or the operator must fix something",
    401: "the token is missing or wrong",
    403: "the Host header names another machine",
    404: "no such context, application or method",
    409: "a rule or the application said no; nothing was changed",
    413: "the request is too large",
    500: "the node failed",
    502: "a peer broke the protocol",
    503: "nobody can be reached now, or the node is stopping",
    507: "the store or the disk failed",
}
_ALWAYS = (400, 401, 403, 500)


def errors(*statuses: int) -> dict[int, ResponseSpec]:
    """What a route may answer when it fails, beside what every route may."""
    return {
        status: ResponseSpec(
            data_container=ErrorReply, description=_MEANINGS[status], generate_examples=False
        )
        for status in sorted({*statuses, *_ALWAYS})
    }


def lines(*words: type[object], description: str) -> dict[int, ResponseSpec]:
    """A streamed reply: one of these words a line."""
    return {
        200: ResponseSpec(
            data_container=functools.reduce(operator.or_, words),
            description=description,
            media_type=LINES_TYPE,
            generate_examples=False,
        )
    }
