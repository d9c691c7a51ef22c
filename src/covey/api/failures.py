"""From errors to what a commander reads: a code, a sentence and an HTTP status."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from covey.api.schema import ERRORS, INTERNAL, TOO_LARGE, USAGE, ErrorBody, ErrorReply
from covey.errors import NodeError

__all__ = ["HANDLERS", "error_body", "error_status", "usage_reply"]

_log = logging.getLogger(__name__)


def error_body(error: NodeError) -> ErrorBody:
    """The code and the sentence of an error."""
    return ErrorBody(code=_entry(error)[0], message=str(error))


def error_status(error: NodeError) -> int:
    """The HTTP status of an error."""
    return _entry(error)[1]


def usage_reply(message: str) -> ErrorReply:
    """The request itself is wrong."""
    return ErrorReply(error=ErrorBody(code=USAGE, message=message))


def _entry(error: NodeError) -> tuple[str, int]:
    return next((code, status) for kind, code, status in ERRORS if isinstance(error, kind))


def _on_node_error(_: Request[object, object, State], error: NodeError) -> Response[ErrorReply]:
    status = error_status(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("request failed", extra={"error": str(error)})
    return Response(ErrorReply(error=error_body(error)), status_code=status)


def _on_http_error(_: Request[object, object, State], error: HTTPException) -> Response[ErrorReply]:
    """What the framework refuses: no such path, no such method, a parameter of the wrong type."""
    codes = {404: "not-found", 405: USAGE, 413: TOO_LARGE}
    code = codes.get(error.status_code, USAGE if error.status_code < 500 else INTERNAL)
    reply = ErrorReply(error=ErrorBody(code=code, message=_sentence(error)))
    return Response(reply, status_code=error.status_code, headers=error.headers)


def _sentence(error: HTTPException) -> str:
    extra = error.extra
    if isinstance(extra, list) and extra and isinstance(extra[0], dict):
        first = extra[0]
        return f"{first.get('key', 'the request')}: {first.get('message', error.detail)}"
    return error.detail


def _on_bad_json(
    _: Request[object, object, State], error: msgspec.DecodeError
) -> Response[ErrorReply]:
    return Response(usage_reply(f"the body is not what is asked for: {error}"), status_code=400)


def _on_defect(request: Request[object, object, State], error: Exception) -> Response[ErrorReply]:
    _log.error("defect in a request", extra={"path": request.url.path}, exc_info=error)
    body = ErrorBody(code=INTERNAL, message="the node failed; its log says more")
    return Response(ErrorReply(error=body), status_code=500)


HANDLERS: Mapping[int | type[Exception], Callable[[Request[Any, Any, Any], Any], Response[Any]]] = {
    NodeError: _on_node_error,
    HTTPException: _on_http_error,
    msgspec.DecodeError: _on_bad_json,
    Exception: _on_defect,
}
